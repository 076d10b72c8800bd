"""What the views of `charlstm inspect` have in common: coloured text, strips of digits, and the choice of a unit.

A view gives lines of spans, which have a shade in place of a colour. The viewer and the printed report draw them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from wcwidth import wcwidth

from charlstm.analysis.inspection import Inspection
from charlstm.arrays import FloatArray
from charlstm.cells.unit_names import UnitName
from charlstm.cli.display.messages import draws_ascii, escaped, is_visible, standing_alone, visible
from charlstm.cli.display.rows import output_width

SHADE_LIMITS = (0.1, 0.3, 0.6, 0.9)  # of a value's share of the largest one; from each on the colour is stronger
BIT_LIMITS = (1, 2, 4, 7)  # of the surprise
REPORT_WIDTH = 72  # characters of a line of text in a report

Shades = npt.NDArray[np.int8]  # -4 (strongly negative) to 4 (strongly positive); 0: no colour
Quantity = Literal["output", "cell"]


class Span(NamedTuple):
    """A piece of a line with one shade."""

    text: str
    shade: int = 0
    emphasis: Literal["", "cursor", "heading"] = ""


Line = list[Span]


class View(Protocol):
    """One way to look at a text; `--view` and the key Tab choose it."""

    def heading(self) -> str:
        """Return what is shown, in a few words."""

    def shades(self, place: int) -> Shades:
        """Return the shade of every character while the cursor is at a place."""

    def lines_at(self, place: int, width: int) -> list[Line]:
        """Return the lines that explain a place, for a number of columns."""

    def change_unit(self, by: int) -> bool:
        """Show another unit; return whether the view shows units."""

    def report(self, place: int, *, has_colours: bool) -> Iterator[Line]:
        """Yield the lines that show the view as a whole. Without colours, strips of digits stand for them."""

    def to_json(self) -> dict[str, Any]:
        """Return the figures of the view."""


@dataclass
class Selection:
    """The unit that is shown, which all views have in common."""

    inspection: Inspection
    layer: int  # from 0
    unit: int | None = None  # from 0; None: no single one was chosen
    quantity: Quantity = "output"
    patterns: Sequence[str] = ()  # of --feature, for the view of units
    _liveliest: dict[tuple[int, Quantity], int] = field(default_factory=dict)  # unit by layer and quantity

    def values(self) -> FloatArray:
        """Return the chosen quantity of all units of the layer, (characters, units)."""
        layer = self.inspection.trace.layers[self.layer]
        if self.quantity == "cell" and layer.cell_state is not None:
            return layer.cell_state
        return layer.output

    def name(self) -> UnitName:
        """Return the chosen unit, or the one that varies most."""
        if self.unit is not None:
            return UnitName(self.layer, self.unit)
        shown = (self.layer, self.quantity)
        if shown not in self._liveliest:
            self._liveliest[shown] = int(self.values().std(axis=0).argmax())
        return UnitName(self.layer, self._liveliest[shown])

    def change_unit(self, by: int) -> None:
        """Go to another unit, from the last of a layer to the first of the next one."""
        units, layers = self.inspection.model.config.units, len(self.inspection.trace.layers)
        index = (self.layer * units + self.name().unit + by) % (units * layers)
        self.layer, self.unit = divmod(index, units)

    def forget_unit(self) -> None:
        """Show the means of the layer again, or the unit that varies most."""
        self.unit = None

    def change_layer(self) -> None:
        self.layer = (self.layer + 1) % len(self.inspection.trace.layers)

    def change_quantity(self) -> None:
        """Show the cell state instead of the output, if there is one, or the output again."""
        has_state = self.inspection.trace.layers[self.layer].cell_state is not None
        self.quantity = "cell" if self.quantity == "output" and has_state else "output"


def signed_shades(values: FloatArray, largest: float) -> Shades:
    """Return shades of values from -largest to largest."""
    strength = np.searchsorted(SHADE_LIMITS, np.abs(values) / max(largest, 1e-9), side="right")
    return (np.sign(values) * strength).astype(np.int8)


def surprise_shades(bits: FloatArray) -> Shades:
    """Return shades of surprises in bits; 0 for the first character, which has none."""
    return np.searchsorted(BIT_LIMITS, np.nan_to_num(bits), side="right").astype(np.int8)


def digits(values: FloatArray, largest: float = 1.0) -> str:
    """Write each value as a tenth of the largest: 0 to 9, negative ones as a to i, and a dot for about 0.

    >>> digits(np.array([0.0, 0.05, 0.31, 1.0, -0.31, -1.0]))
    '..39ci'
    """
    levels = np.minimum(np.abs(values) / max(largest, 1e-9) * 10, 9).astype(int)
    signs = values < 0
    return "".join(
        "." if not level else chr(96 + level) if sign else str(level) for level, sign in zip(levels, signs, strict=True)
    )


def gate_digits(values: FloatArray) -> str:
    """Write each value of a gate in tenths: 0 is below 0.1, 9 is 0.9 or more."""
    return "".join(map(str, np.minimum(values * 10, 9).astype(int)))


def bit_digits(bits: FloatArray) -> str:
    """Write each surprise in whole bits, 9 for 9 or more; a blank for the first character, which has none."""
    return "".join(" " if np.isnan(value) else str(int(min(value, 9))) for value in bits)


def glyph(character: str, *, is_after_letter: bool = True) -> str:
    """Return what is shown of a character of a text: a line end too, and others that cannot be seen escaped."""
    if character == "\n":
        return "$" if draws_ascii() else "\u21b5"
    return visible(character if is_after_letter else standing_alone(character))


def quoted(character: str) -> str:
    """Return a character by itself, in quotation marks if it can be seen or is a space."""
    if is_visible(character) or character == " ":
        return f"'{standing_alone(character)}'"
    return escaped(character)


def bar(share: float, width: int) -> str:
    """Return a bar that takes a share of some columns."""
    return ("#" if draws_ascii() else "\u2588") * round(share * width)


def columns_of(text: str) -> int:
    """Return how many columns some glyphs take."""
    return sum(max(0, wcwidth(character)) for character in text)


class Row(NamedTuple):
    """Characters of a text that stand on one row."""

    start: int
    glyphs: list[str]

    @property
    def stop(self) -> int:
        return self.start + len(self.glyphs)


def wrap_text(text: str, width: int) -> list[Row]:
    """Cut a text into rows, after every line end and where a row is full."""
    rows, row, column = [], Row(0, []), 0
    for place, character in enumerate(text):
        shown = glyph(character, is_after_letter=bool(row.glyphs))
        columns = columns_of(shown)
        if row.glyphs and column + columns > width:
            rows.append(row)
            row, column = Row(place, []), 0
            shown = glyph(character, is_after_letter=False)
        row.glyphs.append(shown)
        column += columns
        if character == "\n":
            rows.append(row)
            row, column = Row(place + 1, []), 0
    return [*rows, row] if row.glyphs else rows


def coloured(row: Row, shades: Sequence[int] | Shades, cursor: int | None = None) -> Line:
    """Return a row of text in shades, one for each character of the whole text."""
    return [
        Span(shown, int(shades[place]), "cursor" if place == cursor else "")
        for place, shown in enumerate(row.glyphs, start=row.start)
    ]


def under(row: Row, marks: str) -> str:
    """Return marks, one for each character of a row, so that each stands below its character."""
    return "".join(
        mark.ljust(columns_of(shown)) if columns_of(shown) else ""
        for shown, mark in zip(row.glyphs, marks, strict=True)
    )


def report_rows(inspection: Inspection, margin: int = 0) -> list[Row]:
    """Cut the text into rows of a report, which leave as many columns of the terminal free as a margin takes."""
    columns = output_width() or REPORT_WIDTH + margin
    return wrap_text(inspection.text, max(1, min(REPORT_WIDTH, columns - margin)))


def text_with_strips(
    inspection: Inspection, shades: Shades, strip: str, *, has_colours: bool, margins: Iterable[str] = ()
) -> Iterator[Line]:
    """Yield the text in shades; without colours, a strip with one mark for each character below each row.

    Each row begins with its own margin, if there are any; all are as wide as the first.
    """
    margins = list(margins)
    margin_of_row = iter(margins)
    for row in report_rows(inspection, len(margins[0]) if margins else 0):
        margin = next(margin_of_row, "")
        if has_colours:
            yield [Span(margin), *coloured(row, shades)]
        else:
            yield [Span(margin + "".join(row.glyphs))]
            yield [Span(" " * len(margin) + under(row, strip[row.start : row.stop]).rstrip())]
