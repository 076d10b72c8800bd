"""How much of a text stands in another one, by the hashes of its passages.

Passages are compared after a change that other editions of a text survive: case does not count, and any white space
is one space.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from charlstm.text.vocabulary import to_code_points

PASSAGE_LENGTH = 32  # characters; independent texts hardly ever have so many in common
LONG_PASSAGE = 50  # characters that hardly stand in two texts by chance, or as a common phrase
MAX_PASSAGES = 20_000  # of the text that are looked for, so that the time does not grow with its length
MAX_SEARCHED = 50_000_000  # characters of the other text, some seconds
MAX_CHUNK = 1 << 20  # characters that are hashed at a time
_MULTIPLIER = 0x9E3779B97F4A7C15  # odd, and its bits look random
_TABLE_BITS = 24  # of a hash, for a first, fast test

Hashes = npt.NDArray[np.uint64]


def shared_share(text: Iterable[str], other: Iterable[str]) -> float:
    """Return the share of the passages of a text that stand in another one; both come in pieces.

    A text shorter than a passage has none. Of a long text evenly spaced passages are looked for.
    """
    wanted = _spread(_all_hashes(text, PASSAGE_LENGTH))
    if not len(wanted):
        return 0.0
    hashes, counts = np.unique(wanted, return_counts=True)
    is_found = _are_found(hashes, other, PASSAGE_LENGTH)
    return float(counts[is_found].sum() / counts.sum())


def long_passage_share(text: Iterable[str], other: Iterable[str], *, length: int = LONG_PASSAGE) -> float:
    """Return the share of the characters of a text in passages of `length` or more that stand in another one, too.

    Both come in pieces. Of the other text MAX_SEARCHED characters are searched.
    """
    passages = _all_hashes(text, length)  # one for each character but the last ones
    if not len(passages):
        return 0.0
    hashes, numbers = np.unique(passages, return_inverse=True)
    starts = np.flatnonzero(_are_found(hashes, other, length)[numbers])
    num_characters = len(passages) + length - 1
    changes = np.zeros(num_characters + 1, np.int32)
    changes[starts] += 1
    changes[starts + length] -= 1
    return float((np.cumsum(changes)[:-1] > 0).mean())


def _are_found(hashes: Hashes, text: Iterable[str], length: int) -> npt.NDArray[np.bool_]:
    """Return which of some hashes, sorted and each of them once, are those of passages of a text."""
    is_likely = np.zeros(1 << _TABLE_BITS, np.bool_)
    is_likely[hashes & np.uint64((1 << _TABLE_BITS) - 1)] = True
    is_found = np.zeros(len(hashes), np.bool_)
    num_searched = 0
    for passages in _passage_hashes(text, length):
        likely = passages[is_likely[passages & np.uint64((1 << _TABLE_BITS) - 1)]]
        places = np.minimum(np.searchsorted(hashes, likely), len(hashes) - 1)
        is_found[places[hashes[places] == likely]] = True
        num_searched += len(passages)
        if num_searched >= MAX_SEARCHED or is_found.all():
            break
    return is_found


def _all_hashes(text: Iterable[str], length: int) -> Hashes:
    return np.concatenate([np.empty(0, np.uint64), *_passage_hashes(text, length)])


def _spread(hashes: Hashes) -> Hashes:
    if len(hashes) <= MAX_PASSAGES:
        return hashes
    return hashes[np.linspace(0, len(hashes) - 1, MAX_PASSAGES).astype(np.intp)]


def _passage_hashes(chunks: Iterable[str], passage_length: int) -> Iterator[Hashes]:
    """Yield the hashes of all passages of a text, one for each character that a passage begins with."""
    rest = ""
    for chunk in _short_chunks(chunks):
        joined = rest + chunk
        blanks = [" " if end.isspace() else "" for end in (joined[:1], joined[-1:])]
        plain = " ".join(joined.casefold().split()).join(blanks)
        if len(plain) >= passage_length:
            yield _hashes(to_code_points(plain), passage_length)
        rest = plain[-(passage_length - 1) :]


def _short_chunks(chunks: Iterable[str]) -> Iterator[str]:
    for chunk in chunks:
        for start in range(0, len(chunk), MAX_CHUNK):
            yield chunk[start : start + MAX_CHUNK]


def _hashes(code_points: npt.NDArray[np.integer], passage_length: int) -> Hashes:
    """Return the hash of each passage, modulo 2**64, from those of its two halves, and so on.

    It is a polynomial of the characters, if the length is a power of two. In a passage of another length the last two
    halves overlap.
    """
    hashes = (code_points.astype(np.uint64) + np.uint64(1)) * np.uint64(_MULTIPLIER)
    hashes ^= hashes >> np.uint64(29)
    length, factor = 1, _MULTIPLIER
    while length < passage_length:
        step = min(length, passage_length - length)
        hashes = hashes[:-step] * np.uint64(factor) + hashes[step:]
        length, factor = length + step, factor * factor % 2**64
    return np.asarray(hashes ^ (hashes >> np.uint64(32)))
