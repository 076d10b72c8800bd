"""`inspect --view attention`: which earlier outputs each step took."""

from collections.abc import Iterator
from typing import Any

import numpy as np

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
from charlstm.errors import SettingError

NUM_STRONGEST = 5


class AttentionView:
    """The text coloured by how much of the output after each character is taken after the one under the cursor."""

    def __init__(self, inspection: Inspection, _: Selection) -> None:
        self._inspection = inspection
        if inspection.trace.attention is None:
            raise SettingError(
                "the network has no attention to show", hint="train one with --attention 64, for example"
            )
        self._weights = inspection.trace.attention

    def _over_text(self, place: int) -> FloatArray:
        """Return the weight of every character of the text, (characters,), after reading the one at a place."""
        over = np.zeros(len(self._inspection), np.float32)
        window = self._weights.shape[1]
        start = max(0, place - window)
        over[start:place] = self._weights[place, window - (place - start) :]
        return over

    def heading(self) -> str:
        return f"attention over the last {self._weights.shape[1]} outputs"

    def shades(self, place: int) -> Shades:
        over = self._over_text(place)
        return signed_shades(over, float(over.max()))

    def lines_at(self, place: int, width: int) -> list[Line]:
        """Return the outputs that were taken most of, to predict the character after a place."""
        over, text = self._over_text(place), self._inspection.text
        lines: list[Line] = [[Span(f"after {quoted(text[place])}, most of the outputs after:")]]
        for other in np.argsort(-over, kind="stable")[:NUM_STRONGEST].tolist():
            if other < place:
                lines.append([Span(f" {quoted(text[other]):<8} {over[other]:6.1%}  {place - other} back")])
        before = 1 - float(over.sum())
        if before > 0.001:
            lines.append([Span(f" zeros before the text {before:.1%}")])
        return lines

    def change_unit(self, by: int) -> bool:
        return False

    def report(self, place: int, *, has_colours: bool) -> Iterator[Line]:
        """Yield the text with what is taken after the character at a place, and the mean weights by distance."""
        over = self._over_text(place)
        yield [Span(self.heading(), emphasis="heading")]
        strip = digits(over, float(over.max()))
        yield from text_with_strips(self._inspection, self.shades(place), strip, has_colours=has_colours)
        if not has_colours:
            yield [Span("1 to 9: tenths of the largest weight")]
        yield from self.lines_at(place, 0)
        yield []
        yield [Span("on average, by characters back:", emphasis="heading")]
        means = self._weights.mean(axis=0)[::-1]
        for back in np.argsort(-means, kind="stable")[:NUM_STRONGEST].tolist():
            yield [Span(f" {back + 1:>5}  {means[back]:6.1%}")]

    def to_json(self) -> dict[str, Any]:
        """Return the weights after each character, those of 1 character back first."""
        return {"attention": [[round(weight, 6) for weight in row[::-1]] for row in self._weights.tolist()]}
