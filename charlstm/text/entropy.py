"""What a text is made of: entropies of its characters, and what compressors make of it."""

import bz2
import lzma
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from charlstm.arrays import Ids

HIGHEST_ORDER = 5
LOOKED_AT = 4_000_000  # characters of a long text, from its start
COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "xz": lambda content: lzma.compress(content, preset=6),
    "bzip2": lambda content: bz2.compress(content, 9),
}


def entropies(ids: Ids, *, highest: int = HIGHEST_ORDER) -> list[float]:
    """Bits a character given the k before it, for k from 0 to `highest`, of ids (characters,).

    The conditional entropy of the text's own n-grams (Shannon 1948, section 7): H of k + 1 characters less H of k.
    On a short text the high orders on_message how often n-grams come back rather than how hard the language is.
    """
    blocks = [0.0]
    grams = np.zeros(len(ids), np.int64)  # the n-gram that begins at each place, numbered
    for k in range(highest + 1):
        if len(ids) <= k:
            break
        grams = grams[: len(ids) - k] * (int(ids.max()) + 1) + ids[k:]
        _, grams, counts = np.unique(grams, return_inverse=True, return_counts=True)
        blocks.append(_entropy(counts))
    return [max(0.0, after - before) for before, after in pairwise(blocks)]


def _entropy(counts: npt.NDArray[np.int64]) -> float:
    shares = counts / counts.sum()
    return float(-(shares * np.log2(shares)).sum())


def compressed_bits(text: str) -> dict[str, float]:
    """Bits a character that each compressor needs for the text in UTF-8."""
    content = text.encode("utf-8", "surrogatepass")
    return {name: 8 * len(compress(content)) / len(text) for name, compress in COMPRESSORS.items()}
