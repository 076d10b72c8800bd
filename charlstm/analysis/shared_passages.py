"""How much of a text stands in another one, by the hashes of its passages.

Passages are compared after a change that other editions of a text survive: case does not count, and any white space
is one space.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from charlstm.text.vocabulary import to_code_points

PASSAGE_LENGTH = 32  # characters, a power of two; independent texts hardly ever have so many in common
MAX_PASSAGES = 20_000  # of the text that are looked for, so that the time does not grow with its length
MAX_SEARCHED = 50_000_000  # characters of the other text, some seconds
MAX_CHUNK = 1 << 20  # characters that are hashed at a time
_MULTIPLIER = 0x9E3779B97F4A7C15  # odd, and its bits look random
_TABLE_BITS = 20  # of a hash, for a first, fast test

Hashes = npt.NDArray[np.uint64]


def shared_share(text: Iterable[str], other: Iterable[str]) -> float:
    """Return the share of the passages of a text that stand in another one; both come in pieces.

    A text shorter than a passage has none. Of a long text evenly spaced passages are looked for.
    """
    wanted = _spread(np.concatenate([np.empty(0, np.uint64), *_passage_hashes(text)]))
    if not len(wanted):
        return 0.0
    hashes, counts = np.unique(wanted, return_counts=True)
    may_be_wanted = np.zeros(1 << _TABLE_BITS, np.bool_)
    may_be_wanted[hashes & np.uint64((1 << _TABLE_BITS) - 1)] = True
    is_found = np.zeros(len(hashes), np.bool_)
    num_searched = 0
    for found in _passage_hashes(other):
        likely = found[may_be_wanted[found & np.uint64((1 << _TABLE_BITS) - 1)]]
        is_found |= np.isin(hashes, likely)
        num_searched += len(found)
        if num_searched >= MAX_SEARCHED or is_found.all():
            break
    return float(counts[is_found].sum() / counts.sum())


def _spread(hashes: Hashes) -> Hashes:
    if len(hashes) <= MAX_PASSAGES:
        return hashes
    return hashes[np.linspace(0, len(hashes) - 1, MAX_PASSAGES).astype(np.intp)]


def _passage_hashes(chunks: Iterable[str]) -> Iterator[Hashes]:
    """Yield the hashes of all passages of a text, one for each character that a passage begins with."""
    rest = ""
    for chunk in _short_chunks(chunks):
        joined = rest + chunk
        blanks = [" " if end.isspace() else "" for end in (joined[:1], joined[-1:])]
        plain = " ".join(joined.casefold().split()).join(blanks)
        if len(plain) >= PASSAGE_LENGTH:
            yield _hashes(to_code_points(plain))
        rest = plain[-(PASSAGE_LENGTH - 1) :]


def _short_chunks(chunks: Iterable[str]) -> Iterator[str]:
    for chunk in chunks:
        for start in range(0, len(chunk), MAX_CHUNK):
            yield chunk[start : start + MAX_CHUNK]


def _hashes(code_points: npt.NDArray[np.integer]) -> Hashes:
    """Return a polynomial of the characters of each passage, modulo 2**64, from two of half the length each."""
    hashes = (code_points.astype(np.uint64) + np.uint64(1)) * np.uint64(_MULTIPLIER)
    hashes ^= hashes >> np.uint64(29)
    length, factor = 1, _MULTIPLIER
    while length < PASSAGE_LENGTH:
        hashes = hashes[:-length] * np.uint64(factor) + hashes[length:]
        length, factor = 2 * length, factor * factor % 2**64
    return np.asarray(hashes ^ (hashes >> np.uint64(32)))
