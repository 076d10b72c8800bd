"""`inspect --view gates`: gates, candidates and states below the characters, step by step."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from charlstm.analysis.gates import OPEN, SHUT, gate_names, half_lives
from charlstm.analysis.inspection import Inspection
from charlstm.arrays import FloatArray
from charlstm.cells.unit_names import UnitName
from charlstm.cli.display.inspect_unit import life_in_words
from charlstm.cli.display.inspect_view import (
    Line,
    Row,
    Selection,
    Shades,
    Span,
    coloured,
    digits,
    gate_digits,
    glyph,
    report_rows,
    signed_shades,
    under,
)

LABEL_WIDTH, SCALE_WIDTH = 12, 8
SHORT_NAMES = {
    "input_gate": "input",
    "forget_gate": "forget",
    "output_gate": "output gate",
    "output": "h",
}
NUM_LONGEST = 5  # cells with the longest half-lives that are named
LEGEND = (  # in 40 columns
    f"gates in tenths: 0 below {SHUT}, 9 from {OPEN}",
    "others in tenths of the number at right:",
    "1 to 9, negative a to i, a dot: about 0",
)


class Strip:
    """One activation over the text, of one unit or as the mean of a layer."""

    def __init__(self, name: str, values: FloatArray, *, is_gate: bool) -> None:
        self.name, self.values = name, values
        self.largest = 1.0 if is_gate else max(float(np.abs(values).max()), 1e-9)
        self.shades = signed_shades(values, self.largest)
        self.marks = gate_digits(values) if is_gate else digits(values, self.largest)
        self.label = SHORT_NAMES.get(name, name.replace("_gate", "").replace("_", " "))[: LABEL_WIDTH - 1].ljust(
            LABEL_WIDTH
        )
        self.scale = "" if is_gate else f" {self.largest:.2g}"


class GatesView:
    """The activations of the chosen unit, or their means over the layer if none was chosen."""

    def __init__(self, inspection: Inspection, selection: Selection) -> None:
        self._inspection, self._selection = inspection, selection
        self._shown: tuple[object, list[Strip]] = (None, [])

    def _strips(self) -> list[Strip]:
        """Return the strips of what is chosen now."""
        chosen = (self._selection.layer, self._selection.unit)
        if self._shown[0] != chosen:
            self._shown = (chosen, self._make_strips())
        return self._shown[1]

    def _make_strips(self) -> list[Strip]:
        layer, unit = self._inspection.trace.layers[self._selection.layer], self._selection.unit
        gates = gate_names(layer)
        named = {name: layer.activations[name] for name in gates}
        named |= {name: values for name, values in layer.activations.items() if name not in gates}
        named |= {} if layer.cell_state is None else {"cell_state": layer.cell_state}
        named |= {"output": layer.output}
        return [
            Strip(name, values.mean(axis=1) if unit is None else values[:, unit], is_gate=name in gates)
            for name, values in named.items()
            if name != "tanh_cell_state"  # the cell state shows it
        ]

    def heading(self) -> str:
        if self._selection.unit is None:
            return f"gates: means of layer {self._selection.layer + 1}"
        return f"gates of unit {self._selection.name()}"

    def shades(self, place: int) -> Shades:
        """Return the shades of the gate that keeps the state, or of the output of a cell without one."""
        strips = {strip.name: strip for strip in self._strips()}
        keeping = next((name for name in ("forget_gate", "update_gate", "update") if name in strips), "output")
        return strips[keeping].shades

    def lines_at(self, place: int, width: int) -> list[Line]:
        """Return the characters around a place, and the strips below them."""
        size = max(1, width - LABEL_WIDTH - SCALE_WIDTH)
        start = max(0, min(place - size // 2, len(self._inspection) - size))
        text = self._inspection.text[start : start + size]
        row = Row(start, [_one_column(character) for character in text])
        lines = self._rows(row, has_colours=True, cursor=place)
        lines[0][0] = Span(" " * LABEL_WIDTH)
        return lines

    def _rows(self, row: Row, *, has_colours: bool, cursor: int | None = None) -> list[Line]:
        """Return a row of text and its strips, the mark of each character below it."""
        none = np.zeros(len(self._inspection), np.int8)
        lines = [[Span(" " * LABEL_WIDTH), *coloured(row, none, cursor)]]
        for strip in self._strips():
            if has_colours:
                marks = [
                    under(Row(0, [shown]), strip.marks[place])
                    for place, shown in enumerate(row.glyphs, start=row.start)
                ]
                strip_row: Line = coloured(Row(row.start, marks), strip.shades, cursor)
            else:
                strip_row = [Span(under(row, strip.marks[row.start : row.stop]))]
            lines.append([Span(strip.label), *strip_row, Span(strip.scale)])
        return lines

    def change_unit(self, by: int) -> bool:
        if self._selection.unit is None:
            self._selection.unit = self._selection.name().unit
        else:
            self._selection.change_unit(by)
        return True

    def report(self, place: int, *, has_colours: bool) -> Iterator[Line]:
        """Yield the whole text with its strips, then how often the gates of each layer are saturated."""
        yield [Span(self.heading(), emphasis="heading")]
        for row in report_rows(self._inspection, LABEL_WIDTH + SCALE_WIDTH):
            yield from self._rows(row, has_colours=has_colours)
            yield []
        yield from ([Span(line)] for line in LEGEND)
        yield []
        yield from self.statistics_lines()

    def statistics_lines(self) -> Iterator[Line]:
        """Yield the share of time that gates are shut and open, by layer, and the half-lives of its cells."""
        rows = [
            f"{number:>2} {name.replace('_', ' '):<17} {figures.shut.mean():>6.1%} {figures.open.mean():>6.1%} "
            f"{figures.mean.mean():.2f}"
            for number, statistics in enumerate(self._inspection.gate_statistics, start=1)
            for name, figures in statistics.items()
        ]
        if not rows:
            yield [Span("the cell has no gates")]
            return
        yield [Span(f"   {'layer and gate':<17} {f'< {SHUT}':>6} {f'> {OPEN}':>6} mean", emphasis="heading")]
        yield from ([Span(row)] for row in rows)
        for number, statistics in enumerate(self._inspection.gate_statistics):
            lives = half_lives(statistics)
            if lives is not None:
                yield []
                yield from _half_life_lines(number, lives)

    def to_json(self) -> dict[str, Any]:
        """Return the strips, and the statistics and half-lives of all layers."""
        unit = self._selection.unit
        return {
            "layer": self._selection.layer + 1,
            "unit": None if unit is None else str(self._selection.name()),
            "activations": {
                strip.name: [round(value, 6) for value in strip.values.tolist()] for strip in self._strips()
            },
            "saturation": [
                {
                    "layer": number,
                    "gate": name,
                    "below": _mean(figures.shut),
                    "above": _mean(figures.open),
                    "mean": _mean(figures.mean),
                }
                for number, statistics in enumerate(self._inspection.gate_statistics, start=1)
                for name, figures in statistics.items()
            ],
            "half_lives": [_lives_to_json(half_lives(statistics)) for statistics in self._inspection.gate_statistics],
        }


def _half_life_lines(layer: int, lives: FloatArray) -> Iterator[Line]:
    """Yield the median half-life of the cells of a layer, and the longest ones."""
    yield [Span(f"layer {layer + 1}: median half-life {life_in_words(float(np.median(lives)))}")]
    yield [Span("the longest:")]
    for unit in np.argsort(-lives, kind="stable")[:NUM_LONGEST].tolist():
        yield [Span(f"  {UnitName(layer, unit)!s:<7} {life_in_words(float(lives[unit])):>22}")]


def _one_column(character: str) -> str:
    """Return a mark for a character that takes one column, however it is shown."""
    shown = glyph(character, is_after_letter=False)
    return shown if len(shown) == 1 and under(Row(0, [shown]), "x") == "x" else "?"


def _mean(values: FloatArray) -> float:
    return round(float(values.mean()), 6)


def _lives_to_json(lives: FloatArray | None) -> list[float | None] | None:
    """Return half-lives in characters; None for a cell that forgets nothing, as JSON has no infinity."""
    if lives is None:
        return None
    return [round(life, 4) if np.isfinite(life) else None for life in lives.tolist()]
