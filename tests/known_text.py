"""A text made so that it is known what is inside quotes and brackets, and where each line ends."""

import random
from collections.abc import Iterator

WORDS = (
    "the",
    "a",
    "sea",
    "wind",
    "boat",
    "old",
    "new",
    "came",
    "went",
    "sang",
    "over",
    "under",
    "stone",
    "they",
    "she",
)
LINE_LENGTH = 40  # characters without the line end
MAX_DEPTH = 3  # of brackets


def known_text(num_characters: int, random_seed: int = 0) -> str:
    """Return words with quoted passages and nested brackets, cut into lines of the same length wherever that falls."""
    pieces = _pieces(random.Random(random_seed))
    text = ""
    while len(text) < num_characters:
        text += next(pieces)
    return "\n".join(text[start : start + LINE_LENGTH] for start in range(0, num_characters, LINE_LENGTH))[
        :num_characters
    ]


def _pieces(source: random.Random) -> Iterator[str]:
    while True:
        kind = source.random()
        if kind < 0.15:
            yield f'"{_words(source, 4, 12)}" '
        elif kind < 0.3:
            yield f"{_bracket(source, depth=1)} "
        else:
            yield f"{_words(source, 1, 3)} "


def _words(source: random.Random, least: int, most: int) -> str:
    return " ".join(source.choices(WORDS, k=source.randint(least, most)))


def _bracket(source: random.Random, depth: int) -> str:
    inner = f" {_bracket(source, depth + 1)} " if depth < MAX_DEPTH and source.random() < 0.5 else " "
    return f"({_words(source, 1, 3)}{inner}{_words(source, 1, 3)})"
