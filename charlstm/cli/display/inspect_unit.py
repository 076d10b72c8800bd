"""`inspect --view unit`: the text coloured by the output or the cell state of one unit."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from charlstm.analysis.gates import half_lives
from charlstm.analysis.inspection import Inspection
from charlstm.arrays import FloatArray
from charlstm.cli.display.inspect_view import (
    Line,
    Selection,
    Shades,
    Span,
    digits,
    quoted,
    signed_shades,
    text_with_strips,
)

QUANTITIES = {"output": "output", "cell": "cell state"}


class UnitView:
    """The text coloured by one unit."""

    def __init__(self, inspection: Inspection, selection: Selection) -> None:
        self._inspection, self._selection = inspection, selection

    def _values(self) -> FloatArray:
        return self._selection.values()[:, self._selection.name().unit]

    def _largest(self) -> float:
        return float(np.abs(self._values()).max())

    def heading(self) -> str:
        values = self._values()
        quantity = QUANTITIES[self._selection.quantity]
        return f"unit {self._selection.name()}, {quantity} {values.min():.2f} to {values.max():.2f}"

    def shades(self, place: int) -> Shades:
        return signed_shades(self._values(), self._largest())

    def lines_at(self, place: int, width: int) -> list[Line]:
        """Return the unit's values at a place."""
        name = self._selection.name()
        layer = self._inspection.trace.layers[name.layer]
        values = [f"output {layer.output[place, name.unit]:+.3f}"]
        if layer.cell_state is not None:
            values.append(f"cell state {layer.cell_state[place, name.unit]:+.3f}")
        lines: list[Line] = [[Span(f"{quoted(self._inspection.text[place])} {'  '.join(values)}")]]
        lives = half_lives(self._inspection.gate_statistics[name.layer])
        if lives is not None:
            lines.append([Span(f"half-life {life_in_words(lives[name.unit])}")])
        return lines

    def change_unit(self, by: int) -> bool:
        self._selection.change_unit(by)
        return True

    def report(self, place: int, *, has_colours: bool) -> Iterator[Line]:
        """Yield the text in the unit's colours, or with a strip of digits and letters."""
        largest = self._largest()
        yield [Span(self.heading(), emphasis="heading")]
        strip = digits(self._values(), largest)
        yield from text_with_strips(self._inspection, self.shades(place), strip, has_colours=has_colours)
        if not has_colours:
            yield [Span(f"1 to 9: tenths of {largest:.3g}")]
            yield [Span("a to i: negative, a dot: about 0")]

    def to_json(self) -> dict[str, Any]:
        return {
            "unit": str(self._selection.name()),
            "state": self._selection.quantity,
            "values": [round(value, 6) for value in self._values().tolist()],
        }


def life_in_words(characters: float) -> str:
    """Return a half-life in characters."""
    if characters > 1e5:
        return "beyond 100,000 characters"
    return f"{characters:,.1f} characters"
