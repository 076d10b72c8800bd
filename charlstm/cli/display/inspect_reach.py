"""`inspect --view reach`: how strongly each of the last characters moves the prediction of one."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from charlstm.analysis.inspection import Inspection
from charlstm.arrays import FloatArray
from charlstm.cli.display.inspect_view import (
    REPORT_WIDTH,
    Line,
    Selection,
    Shades,
    Span,
    bar,
    coloured,
    digits,
    quoted,
    signed_shades,
    under,
    wrap_text,
)
from charlstm.cli.display.rows import output_width
from charlstm.figures import counted

if TYPE_CHECKING:
    from charlstm.analysis.reach import Reach

NUM_STRONGEST = 5  # characters that are listed
BLOCK = 100  # places that are measured at a time, so that the cursor moves on without waiting
BAR_WIDTH = 10  # columns


class ReachView:
    """The text coloured by how strongly each character moves what is expected in place of the one under the cursor.

    That is the norm of the gradient of ln p of the likeliest character there, with respect to the embedding of each
    character before it. It is measured when it is looked at.
    """

    def __init__(self, inspection: Inspection, _: Selection) -> None:
        from charlstm.analysis.reach import check_has_reach

        check_has_reach(inspection.model)
        self._inspection = inspection
        self._blocks: dict[int, Reach] = {}

    def _reach_at(self, place: int) -> "tuple[Reach, int]":
        """Return the reach of some predictions, and the row of the one at a place, which is not the first."""
        from charlstm.analysis.reach import measure_reach

        block = (place - 1) // BLOCK
        if block not in self._blocks:
            ids, first = self._inspection.trace.ids, block * BLOCK + 1
            last = min(first + BLOCK - 1, len(ids))
            self._blocks[block] = measure_reach(self._inspection.model, ids, first=first, last=last)
        return self._blocks[block], (place - 1) % BLOCK

    def _norms(self, place: int) -> FloatArray:
        """Return the norm of each of the last characters before a place, the oldest first."""
        if place == 0:
            return np.zeros(0, np.float32)
        reach, row = self._reach_at(place)
        norms = reach.norms[row]
        return np.asarray(norms[~np.isnan(norms)][::-1], np.float32)

    def heading(self) -> str:
        return "reach: what moves the prediction"

    def shades(self, place: int) -> Shades:
        shades = np.zeros(len(self._inspection), np.int8)
        norms = self._norms(place)
        shades[place - len(norms) : place] = signed_shades(norms, float(norms.max(initial=0.0)))
        return shades

    def lines_at(self, place: int, width: int) -> list[Line]:
        """Return what is expected at a place, and the characters that move it most."""
        text = self._inspection.text
        if place == 0:
            return [[Span(f"nothing comes before {quoted(text[0])}")]]
        reach, row = self._reach_at(place)
        expected = self._inspection.model.vocabulary.characters[reach.targets[row]]
        probability = math.exp(reach.log_probabilities[row])
        norms, shares = reach.norms[row], reach.shares[row]
        lines: list[Line] = [[Span(f"at {quoted(text[place])} the likeliest is {quoted(expected)}, {probability:.0%}")]]
        if not norms[0] > 0 and not np.nansum(norms) > 0:
            return [*lines, [Span("no character before moves it")]]
        half = counted(int(reach.half_distances[row]), "character")
        lines.append([Span(f"half of its reach: {half}")])
        for index in np.argsort(-np.nan_to_num(norms), kind="stable")[: min(NUM_STRONGEST, place)].tolist():
            drawn = bar(float(shares[index] / np.nanmax(shares)), BAR_WIDTH)
            name = quoted(text[place - 1 - index])
            lines.append([Span(f" {name:<8} {index + 1:>3} back  {shares[index]:6.1%} {drawn}".rstrip())])
        return lines

    def change_unit(self, by: int) -> bool:
        return False

    def report(self, place: int, *, has_colours: bool) -> Iterator[Line]:
        """Yield the characters before a place, with tenths of the strongest below them, and what is expected there."""
        yield [Span(self.heading(), emphasis="heading")]
        norms = self._norms(place)
        largest = float(norms.max(initial=0.0))
        shades, strip = signed_shades(norms, largest), digits(norms, largest)
        before = self._inspection.text[place - len(norms) : place]
        for row in wrap_text(before, min(REPORT_WIDTH, output_width() or REPORT_WIDTH)):
            yield coloured(row, shades) if has_colours else [Span("".join(row.glyphs))]
            if not has_colours:
                yield [Span(under(row, strip[row.start : row.stop]).rstrip())]
        if not has_colours:
            yield [Span("1 to 9: tenths of the strongest")]
        yield from self.lines_at(place, 0)

    def to_json(self) -> dict[str, Any]:
        """Return the reach of every prediction but the first: norms of 1 character back first."""
        from charlstm.analysis.reach import measure_reach

        ids, characters = self._inspection.trace.ids, self._inspection.model.vocabulary.characters
        if len(ids) < 2:
            return {"reach": []}
        reach = measure_reach(self._inspection.model, ids, last=len(ids) - 1)
        return {
            "reach": [
                {
                    "likeliest": characters[target],
                    "log_probability": round(float(score), 6),
                    "norms": [float(f"{norm:.6g}") for norm in norms if not np.isnan(norm)],
                }
                for target, score, norms in zip(reach.targets, reach.log_probabilities, reach.norms, strict=True)
            ]
        }
