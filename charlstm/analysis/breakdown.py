"""Where in a text the loss is: by kind of character, by line, and by position in the text."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from charlstm.analysis.evaluation import CharacterLosses, Scores, nats_to_bits
from charlstm.arrays import Ids
from charlstm.text.vocabulary import Vocabulary

KINDS = ("letters", "capitals", "digits", "blanks", "newlines", "punctuation", "other")
NUM_PARTS = 10


@dataclass(frozen=True)
class LineScores:
    """One line of a text, and what its characters lost, its line end included."""

    number: int  # in the text that was scored, from 1
    text: str  # without its line end
    scores: Scores  # without the first character of the text

    @property
    def bits(self) -> float:
        return nats_to_bits(self.scores.nats)

    def to_json(self) -> dict[str, Any]:
        return {
            "line": self.number,
            "text": self.text,
            "characters": self.scores.characters,
            "bits": self.bits,
            "bits_per_character": self.scores.bits_per_character,
        }


def kind_of(character: str) -> str:
    """Return the kind of a character, one of KINDS: capitals are letters of upper and title case, marks are letters."""
    category = unicodedata.category(character)
    if character == "\n":
        return "newlines"
    if category in ("Lu", "Lt"):
        return "capitals"
    if character.isspace():
        return "blanks"
    return {"L": "letters", "M": "letters", "N": "digits", "P": "punctuation"}.get(category[0], "other")


def scores_by_kind(losses: CharacterLosses, targets: Ids, vocabulary: Vocabulary) -> dict[str, Scores]:
    """Return the scores of each kind of character that occurs among targets (characters,)."""
    kinds = np.array([KINDS.index(kind_of(character)) for character in vocabulary.characters])[targets]
    scores = {kind: losses[kinds == index].scores for index, kind in enumerate(KINDS)}
    return {kind: one for kind, one in scores.items() if one.characters}


def scores_by_position(losses: CharacterLosses) -> list[Scores]:
    """Return the scores of each tenth of a text, or of each character if there are fewer than ten."""
    bounds = np.linspace(0, len(losses), min(NUM_PARTS, len(losses)) + 1).round().astype(int)
    return [losses[start:stop].scores for start, stop in pairwise(bounds)]


def scores_by_line(losses: CharacterLosses, ids: Ids, vocabulary: Vocabulary) -> Iterator[LineScores]:
    """Yield the lines of a text, ids (characters,); its first character is read, but not scored.

    A first line of one character has nothing that was scored, and is left out.
    """
    text, start = vocabulary.decode(ids), 0
    for number, line in enumerate(_lines(text), start=1):
        stop = start + len(line)
        chosen = losses[max(0, start - 1) : stop - 1]
        if len(chosen):
            yield LineScores(number, line.removesuffix("\n"), chosen.scores)
        start = stop


def _lines(text: str) -> Iterator[str]:
    """Yield the lines of a text with their line ends, which are newlines and nothing else."""
    start = 0
    while start < len(text):
        stop = text.find("\n", start) + 1 or len(text)
        yield text[start:stop]
        start = stop
