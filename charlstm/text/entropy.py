"""How predictable a text is: conditional entropies of its characters, and the sizes that compressors reach."""

import bz2
import lzma
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from charlstm.arrays import Ids

MAX_ORDER = 5
MAX_CHARACTERS = 4_000_000  # from the start of a text; more takes long and changes little
COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "xz": lambda content: lzma.compress(content, preset=6),
    "bzip2": lambda content: bz2.compress(content, 9),
}


def conditional_entropies(ids: Ids, *, max_order: int = MAX_ORDER) -> list[float]:
    """Return the entropy of a character given the k before it, in bits, for k from 0 to `max_order`.

    Takes ids of shape (characters,). This is the entropy of the text's own n-grams (Shannon 1948, section 7): that of
    k + 1 characters less that of k. In a short text long n-grams hardly repeat, so high orders come out too low.
    """
    block_entropies = [0.0]
    ngrams = np.zeros(len(ids), np.int64)  # a number for the n-gram that starts at each position
    for order in range(max_order + 1):
        if len(ids) <= order:
            break
        ngrams = ngrams[: len(ids) - order] * (int(ids.max()) + 1) + ids[order:]
        _, ngrams, counts = np.unique(ngrams, return_inverse=True, return_counts=True)
        block_entropies.append(_entropy(counts))
    return [max(0.0, longer - shorter) for shorter, longer in pairwise(block_entropies)]


def _entropy(counts: npt.NDArray[np.int64]) -> float:
    shares = counts / counts.sum()
    return float(-(shares * np.log2(shares)).sum())


def compressed_bits(text: str) -> dict[str, float]:
    """Return the bits per character that each compressor takes for the text in UTF-8."""
    content = text.encode("utf-8", "surrogatepass")
    return {name: 8 * len(compress(content)) / len(text) for name, compress in COMPRESSORS.items()}
