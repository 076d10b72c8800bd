"""Colours for characters by their probability under a model."""

import math
from collections.abc import Callable
from typing import Protocol

from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.lexers import Lexer

SCORE_STYLES = {"sure": "", "likely": "ansicyan", "unlikely": "ansiyellow", "wild": "ansired bold"}
LEAST_PROBABILITIES = ((0.5, "sure"), (0.1, "likely"), (0.01, "unlikely"), (0.0, "wild"))


class ScoredText(Protocol):
    """A text whose characters have scores, ln p, as far as they are known."""

    @property
    def num_scored(self) -> int: ...

    def score_at(self, position: int) -> float | None: ...


class ScoreLexer(Lexer):
    """Colours each character by its probability."""

    def __init__(self, text: ScoredText) -> None:
        self._text = text

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        starts = [0]
        for line in document.lines:
            starts.append(starts[-1] + len(line) + 1)

        def lex_line(number: int) -> StyleAndTextTuples:
            return [
                (_style_of(self._text.score_at(starts[number] + column)), character)
                for column, character in enumerate(document.lines[number])
            ]

        return lex_line

    def invalidation_hash(self) -> int:
        return self._text.num_scored


def _style_of(score: float | None) -> str:
    if score is None or math.isnan(score):
        return ""
    return next(f"class:{style}" for least, style in LEAST_PROBABILITIES if math.exp(score) >= least)
