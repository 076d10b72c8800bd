"""`inspect --view surprise`: how little each character was expected, and what was expected in its place."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from charlstm.analysis.inspection import Inspection
from charlstm.cli.display.inspect_view import (
    Line,
    Selection,
    Shades,
    Span,
    bar,
    bit_digits,
    quoted,
    report_rows,
    surprise_shades,
    text_with_strips,
)

NUM_LIKELIEST = 5
MARGIN = 14  # columns of the bits of a row
MAX_BAR = 20  # columns
LEGEND = "below: surprise in bits, 9: 9 or more"


class SurpriseView:
    """The text coloured by -log2 p of each character."""

    def __init__(self, inspection: Inspection, _: Selection) -> None:
        self._inspection, self._predictions = inspection, inspection.predictions
        self._shades = surprise_shades(self._predictions.surprise)

    def heading(self) -> str:
        bits = self._predictions.surprise[1:]
        return f"surprise: {bits.mean():.2f} bits per character" if len(bits) else "surprise"

    def shades(self, place: int) -> Shades:
        return self._shades

    def lines_at(self, place: int, width: int) -> list[Line]:
        """Return the surprise and the entropy at a place, the likeliest characters, and the bits of its line."""
        vocabulary = self._inspection.model.vocabulary.characters
        character = self._inspection.text[place]
        likeliest = self._predictions.likeliest(place, NUM_LIKELIEST)
        if not likeliest:
            return [[Span(f"{quoted(character)}: nothing before it predicts it")]]
        surprise, entropy = self._predictions.surprise[place], self._predictions.entropy[place]
        lines = [[Span(f"{quoted(character)} {surprise:.2f} bits, entropy {entropy:.2f}; likeliest:")]]
        for index, probability in likeliest:
            is_it = vocabulary[index] == character
            name = f" {quoted(vocabulary[index]):<8} {probability:6.1%} "
            columns = min(MAX_BAR, max(0, width - len(name)))
            lines.append([Span(name, emphasis="heading" if is_it else ""), Span(bar(probability, columns))])
        return [*lines, [Span(self._line_in_words(place))]]

    def _line_in_words(self, place: int) -> str:
        """Return the bits of the line that a place is in, with its line end."""
        text = self._inspection.text
        start, end = text.rfind("\n", 0, place) + 1, text.find("\n", place)
        bits = self._predictions.surprise[start : end + 1 if end >= 0 else None]
        return f"its line: {np.nansum(bits):.1f} bits, {np.nanmean(bits):.2f} per character"

    def change_unit(self, by: int) -> bool:
        return False

    def report(self, place: int, *, has_colours: bool) -> Iterator[Line]:
        """Yield the text, with the bits of each row and per character beside it."""
        bits = self._predictions.surprise
        margins = []
        for row in report_rows(self._inspection, MARGIN):
            found = bits[row.start : row.stop]
            found = found[~np.isnan(found)]
            margins.append(f"{found.sum():6.1f} {found.mean():5.2f}  " if len(found) else " " * MARGIN)
        yield [Span(self.heading(), emphasis="heading")]
        yield [Span("  bits  mean", emphasis="heading")]
        yield from text_with_strips(
            self._inspection, self._shades, bit_digits(bits), has_colours=has_colours, margins=margins
        )
        if not has_colours:
            yield [Span(LEGEND)]

    def to_json(self) -> dict[str, Any]:
        """Return every character's surprise, entropy and likeliest characters, and the bits of each line."""
        predictions, vocabulary = self._predictions, self._inspection.model.vocabulary.characters
        bits = [None if np.isnan(value) else round(float(value), 4) for value in predictions.surprise]
        likeliest = [
            [
                [vocabulary[index], round(probability, 6)]
                for index, probability in predictions.likeliest(place, NUM_LIKELIEST)
            ]
            for place in range(len(self._inspection))
        ]
        return {
            "surprise": bits,
            "entropy": [None if np.isnan(value) else round(float(value), 4) for value in predictions.entropy],
            "likeliest": likeliest,
            "lines": list(self._lines()),
        }

    def _lines(self) -> Iterator[dict[str, Any]]:
        start = 0
        for line in self._inspection.text.split("\n"):
            stop = min(len(self._inspection), start + len(line) + 1)  # with its line end
            if stop > start:
                bits = self._predictions.surprise[start:stop]
                yield {"text": line, "characters": stop - start, "bits": round(float(np.nansum(bits)), 4)}
            start = stop
