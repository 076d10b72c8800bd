"""Put works of several kinds into one order, and hold out a part of each."""

import random
from collections.abc import Sequence

PIECE = 32_000  # characters, about: whole paragraphs
SMALLEST_HELD_OUT = 55_000  # characters of a kind
HELD_OUT_SHARE = 0.015


def hold_out(paragraphs: Sequence[str], *, share: float) -> tuple[list[str], list[str]]:
    """Return a work without a stretch in its middle, and that stretch: whole paragraphs, `share` of the characters."""
    ends, total = [], 0
    for paragraph in paragraphs:
        total += len(paragraph) + 2
        ends.append(total)
    first, last = total * (1 - share) / 2, total * (1 + share) / 2
    inside = [share > 0 and first < end <= last for end in ends]
    kept = [paragraph for paragraph, held in zip(paragraphs, inside, strict=True) if not held]
    return kept, [paragraph for paragraph, held in zip(paragraphs, inside, strict=True) if held]


def held_out_share(characters: int) -> float:
    """Return how much of a kind of that size is held out."""
    return min(0.1, max(HELD_OUT_SHARE, SMALLEST_HELD_OUT / max(1, characters)))


def pieces(paragraphs: Sequence[str]) -> list[str]:
    """Return a work in pieces of whole paragraphs, each about `PIECE` characters."""
    parts: list[list[str]] = [[]]
    size = 0
    for paragraph in paragraphs:
        if size >= PIECE:
            parts.append([])
            size = 0
        parts[-1].append(paragraph)
        size += len(paragraph) + 2
    return ["\n\n".join(part) for part in parts if part]


def interleave(works: Sequence[Sequence[str]], *, seed: int) -> list[str]:
    """Return the pieces of all works in one order in which each work is spread over the whole evenly.

    Piece i of a work with n pieces stands at (i + r) / n of the way, with one random r per work.
    """
    generator = random.Random(seed)  # noqa: S311 -- an order, no secret
    places = []
    for number, work in enumerate(works):
        offset = generator.random()
        places += [((i + offset) / len(work), number, piece) for i, piece in enumerate(work)]
    return [piece for _, _, piece in sorted(places, key=lambda place: place[:2])]
