"""`inspect --view units`: which units follow what is in the text, and where they are most extreme."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from charlstm.analysis.features import find_features
from charlstm.analysis.finder import (
    NUM_SHUFFLES,
    Finding,
    Findings,
    Passage,
    UnitScore,
    find_units,
    values_of,
)
from charlstm.analysis.inspection import Inspection
from charlstm.arrays import FloatArray
from charlstm.cli.display.inspect_view import Line, Selection, Shades, Span, columns_of, glyph, quoted, signed_shades
from charlstm.cli.display.messages import visible
from charlstm.cli.display.rows import Value, output_width, row
from charlstm.errors import CharLSTMError

TABLE_WIDTH = 75  # columns; on a narrower terminal each feature has two lines
MAX_WIDTH = 80  # columns; passages fill them
NAME_WIDTH, UNIT_WIDTH, SCORE_WIDTH = 29, 15, 12  # columns
PLACE_WIDTH = 18  # columns before a passage: where it is and what the unit is there
SHARE_BEFORE = 2 / 3  # of the columns of a passage, before the place where the unit is most extreme
MEASURES = {True: "area", False: "r"}
NOTES = (
    "area: under the ROC curve, 0.5 to 1. r: correlation, 0 to 1. + or - before a unit: it is high or low where the "
    "feature is.",
    f"by chance: what the best of all units reaches with the feature in shuffled blocks, in the best of {NUM_SHUFFLES} "
    "shuffles. With a score below that, the unit may have nothing to do with the feature.",
)


class UnitsView:
    """The best units of each feature. The one that is shown in the text is the unit that other views then show."""

    def __init__(self, inspection: Inspection, selection: Selection) -> None:
        self._inspection, self._selection, self._index = inspection, selection, 0

    @cached_property
    def _findings(self) -> Findings:
        text = self._inspection.text
        return find_units(self._inspection.trace, text, find_features(text, self._selection.patterns))

    @cached_property
    def _problem(self) -> str:
        """Why the viewer has nothing to show: it shows other views all the same."""
        try:
            return "" if self._findings.found else "no feature varies in this text"
        except CharLSTMError as problem:
            return str(problem)

    def _shown(self) -> Finding | None:
        return None if self._problem else self._findings.found[self._index % len(self._findings.found)]

    def _values(self, finding: Finding) -> FloatArray:
        return values_of(self._inspection.trace, finding.best[0].unit)

    def heading(self) -> str:
        finding = self._shown()
        if finding is None:
            return f"units: {self._problem}"
        name, best = visible(finding.feature.name), score_in_words(finding, finding.best[0])
        return f"{name}: {best}, by chance {finding.chance:.3f}"

    def shades(self, place: int) -> Shades:
        """Return the shades of the best unit of the feature that is shown."""
        finding = self._shown()
        if finding is None:
            return np.zeros(len(self._inspection), np.int8)
        values = self._values(finding)
        return signed_shades(values, float(np.abs(values).max()))

    def lines_at(self, place: int, width: int) -> list[Line]:
        """Return the feature and its unit at a place, the units after the best one, and its strongest passages."""
        finding = self._shown()
        if finding is None:
            return []
        feature = finding.feature.values[place]
        at_place = ("yes" if feature else "no") if finding.feature.is_binary else f"{feature:.2f}"
        text = quoted(self._inspection.text[place])
        others = ", ".join(score_in_words(finding, score) for score in finding.best[1:])
        return [
            [
                Span(
                    f"{text} {visible(finding.feature.name)}: {at_place}, unit {self._values(finding)[place]:+.3f}"[
                        :width
                    ]
                )
            ],
            [Span(f"then {others}"[:width])],
            *_passages(finding, min(width, MAX_WIDTH)),
        ]

    def change_unit(self, by: int) -> bool:
        """Show the next feature, and its best unit in other views as well."""
        self._index += by
        finding = self._shown()
        if finding is not None:
            unit = finding.best[0].unit
            self._selection.layer, self._selection.unit = unit.name
            self._selection.quantity = "output" if unit.array == "output" else "cell"
        return True

    def report(self, place: int, *, has_colours: bool) -> Iterator[Line]:
        """Yield a table of features and their best units, then the passages of each."""
        return report_lines(self._findings, width=output_width())

    def to_json(self) -> dict[str, Any]:
        return findings_to_json(self._findings)


def report_lines(findings: Findings, *, width: int | None) -> Iterator[Line]:
    """Yield the report for a terminal of a width in columns, or for a file."""
    width = min(width or MAX_WIDTH, MAX_WIDTH)
    counts = f"{findings.num_characters:,} characters, {findings.num_units:,} outputs and cell states that vary"
    yield from _wrapped("", counts, width)
    yield []
    yield from _table(findings.found, width)
    if findings.left_out:
        names = ", ".join(feature.name for feature in findings.left_out)
        yield from _wrapped("", f"left out, the same everywhere in the text: {names}", width)
    for note in NOTES if findings.found else ():
        yield from _wrapped("", note, width)
    for finding in findings.found:
        yield []
        yield from _finding_lines(finding, width)


def _table(found: Sequence[Finding], width: int) -> Iterator[Line]:
    if width >= TABLE_WIDTH and found:
        heading = f"{'feature':<{NAME_WIDTH}} {'best unit':<{UNIT_WIDTH}} {'score':<{SCORE_WIDTH}} by chance"
        yield [Span(heading, emphasis="heading")]
    for finding in found:
        name, best = visible(finding.feature.name), finding.best[0]
        if width >= TABLE_WIDTH and columns_of(name) <= NAME_WIDTH:
            score = f"{MEASURES[finding.feature.is_binary]:<4} {best.score:.3f}"
            doubt = "" if finding.is_above_chance else "  no better"
            padding = " " * (NAME_WIDTH - columns_of(name))
            unit = f"{unit_in_words(best):<{UNIT_WIDTH}} {score:<{SCORE_WIDTH}}"
            yield [Span(f"{name}{padding} {unit} {finding.chance:.3f}{doubt}")]
        else:
            yield from _wrapped("", finding.feature.name, width)
            yield [Span(f"  {score_in_words(finding, best)} ({finding.chance:.3f})")]


def _finding_lines(finding: Finding, width: int) -> Iterator[Line]:
    """Yield the units that follow a feature, and the strongest passages of the best."""
    best, *others = finding.best
    for line in _wrapped("", f"{finding.feature.name}: {score_in_words(finding, best)}", width):
        yield [Span(line[0].text, emphasis="heading")]
    if others:
        yield from _wrapped("then ", [score_in_words(finding, score) for score in others], width)
    yield [Span(" " * (PLACE_WIDTH + _columns_before(width)) + "v")]
    yield from _passages(finding, width)


def _passages(finding: Finding, width: int) -> Iterator[Line]:
    """Yield where the best unit is most extreme; these characters stand below each other."""
    largest = max(abs(passage.value) for passage in finding.passages)
    for passage in finding.passages:
        value = f"{passage.peak + 1:>9,} {passage.value:>+7.2f} "
        yield [Span(value), *_around_peak(passage, _columns_before(width), max(1, width - PLACE_WIDTH), largest)]


def _columns_before(width: int) -> int:
    """Return how many columns of a passage stand before its extreme."""
    return int(max(0, width - PLACE_WIDTH) * SHARE_BEFORE)


def _around_peak(passage: Passage, before: int, room: int, largest: float) -> Line:
    """Return as much of a passage as has room, with its peak after a number of columns."""
    shades = signed_shades(passage.values, largest).tolist()
    shown = [glyph(character) for character in passage.text]
    peak = passage.peak - passage.start
    first, columns = peak, 0
    while first > 0 and columns + columns_of(shown[first - 1]) <= before:
        first -= 1
        columns += columns_of(shown[first])
    columns = before - columns
    line = [Span(" " * columns)]
    for place in range(first, len(shown)):
        columns += columns_of(shown[place])
        if columns > room:
            break
        line.append(Span(shown[place], shades[place]))
    return line


def _wrapped(name: str, value: Value, width: int) -> Iterator[Line]:
    return ([Span(line)] for line in row(name, value, width=width).splitlines())


def unit_in_words(score: UnitScore) -> str:
    """Return the sign and the name of a unit.

    >>> from charlstm.analysis.finder import Unit
    >>> from charlstm.cells.unit_names import UnitName
    >>> unit_in_words(UnitScore(Unit(UnitName(0, 2), "cell_state"), 0.9, rises=False))
    '-1:3 cell'
    """
    return f"{'+' if score.rises else '-'}{score.unit.name} {'cell' if score.unit.array == 'cell_state' else 'output'}"


def score_in_words(finding: Finding, score: UnitScore) -> str:
    """Return a unit and how well it follows a feature: `-1:3 cell area 0.90`."""
    return f"{unit_in_words(score)} {MEASURES[finding.feature.is_binary]} {score.score:.3f}"


def findings_to_json(findings: Findings) -> dict[str, Any]:
    """Return all that was found; places count from 0."""
    return {
        "characters": findings.num_characters,
        "units": findings.num_units,
        "shuffles": NUM_SHUFFLES,
        "features": [_finding_to_json(finding) for finding in findings.found],
        "left_out": [feature.name for feature in findings.left_out],
    }


def _finding_to_json(finding: Finding) -> dict[str, Any]:
    return {
        "feature": finding.feature.name,
        "measure": "area" if finding.feature.is_binary else "correlation",
        "by_chance": round(finding.chance, 6),
        "above_chance": finding.is_above_chance,
        "units": [
            {
                "unit": str(score.unit.name),
                "state": "cell" if score.unit.array == "cell_state" else "output",
                "score": round(score.score, 6),
                "sign": 1 if score.rises else -1,
            }
            for score in finding.best
        ],
        "passages": [
            {
                "place": passage.peak,
                "start": passage.start,
                "text": passage.text,
                "values": [round(value, 6) for value in passage.values.tolist()],
            }
            for passage in finding.passages
        ],
    }
