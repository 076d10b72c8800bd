"""Whether the validation part at the end of a text is like the rest, by its characters and their n-grams.

If it is not, the validation loss says little about the training text: the end may be in another language, an index, or
the last letters of a sorted list.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

import numpy as np
import numpy.typing as npt

from charlstm.arrays import Ids
from charlstm.text.batches import Dataset
from charlstm.text.id_files import in_chunks
from charlstm.text.vocabulary import Vocabulary

MAX_SAMPLE = 20_000  # characters of each part that is compared
MIN_SAMPLE = 500
NUM_PARTS = 10  # of the training text, for comparison
MAX_PIECE, MIN_PIECE, PIECES = 1000, 50, 10  # characters of a piece; pieces of a short part
ORDERS = (1, 2, 3)  # of the n-grams
MIN_RATIO = 3.5  # from here on a part is not like the rest; plays, novels and source code stay below 2.8
MIN_DIVERGENCE = 0.03  # bits, of pairs of characters: less does not matter, whatever the ratio
MIN_LINES = 30
MIN_LINE_DIVERGENCE = 0.5  # bits, of the characters that lines begin with: verse and prose stay below 0.3
MIN_UNSEEN, MIN_UNSEEN_SHARE = 5, 2e-3  # occurrences in the validation part of characters that training lacks

Counts = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """How the validation part differs from the training part."""

    unseen: str  # characters that only the validation part has
    unseen_share: float  # of the validation part
    ratio: float  # its divergence, of that of parts drawn over the whole training text
    has_other_lines: bool  # they begin with other characters, as in a sorted list

    def describe(self) -> str:
        """Return it in words; nothing if there is no difference to speak of."""
        reasons = []
        if self.unseen:
            reasons.append(f"{len(self.unseen)} of its characters ({self.unseen_share:.2%} of it) occur nowhere else")
        if self.ratio:
            reasons.append(f"it differs {self.ratio:.1f} times as much from the rest as parts drawn over the text do")
        if self.has_other_lines:
            reasons.append("its lines begin with other characters, as at the end of a sorted list")
        return "; ".join(reasons)


def compare_parts(dataset: Dataset, vocabulary: Vocabulary) -> Difference:
    """Compare the validation part at the end of a text with the part before it.

    The measure is the Jensen-Shannon divergence (Lin 1991) between the n-grams of the part and those of training text,
    as the geometric mean over n-grams of 1 to 3 characters of its ratio to the divergence of equally long parts that
    are drawn in pieces over the whole training text. Only a sample is read.
    """
    counts = _counts(dataset.validation, len(vocabulary))
    unseen = (counts > 0) & ~_is_seen(dataset.training, counts > 0)
    num_unseen = int(counts[unseen].sum())
    share = num_unseen / len(dataset.validation)
    is_many = num_unseen >= MIN_UNSEEN and share >= MIN_UNSEEN_SHARE
    characters = "".join(vocabulary.characters[index] for index in np.flatnonzero(unseen)) if is_many else ""
    parts, end = _sample(dataset)
    is_long = min(len(dataset.validation), len(dataset.training) // NUM_PARTS) >= MIN_SAMPLE
    ratio = _divergence_ratio(parts, end, len(vocabulary)) if is_long else 0.0
    has_other_lines = _begin_differently(parts, end, vocabulary.characters.find("\n"))
    return Difference(characters, share, ratio if ratio >= MIN_RATIO else 0.0, has_other_lines)


def _counts(ids: Ids, size: int) -> npt.NDArray[np.int64]:
    return np.asarray(np.sum([np.bincount(chunk, minlength=size) for chunk in in_chunks(ids)], axis=0))


def _is_seen(ids: Ids, wanted: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return which of the wanted characters occur; most texts have all of them near their start."""
    seen = np.zeros(len(wanted), np.bool_)
    for chunk in in_chunks(ids):
        seen |= np.bincount(chunk, minlength=len(wanted)) > 0
        if seen[wanted].all():
            break
    return seen


def _sample(dataset: Dataset) -> tuple[list[list[Ids]], list[Ids]]:
    """Return pieces of the training text as parts that are each drawn over the whole of it, and of the validation."""
    size = min(len(dataset.validation), MAX_SAMPLE)
    length = max(MIN_PIECE, min(MAX_PIECE, size // PIECES))
    num_pieces = max(2, size // length)
    pieces = _spread_pieces(dataset.training, NUM_PARTS * num_pieces, length)
    return [pieces[part::NUM_PARTS] for part in range(NUM_PARTS)], _spread_pieces(
        dataset.validation, num_pieces, length
    )


def _spread_pieces(ids: Ids, num_pieces: int, length: int) -> list[Ids]:
    starts = np.linspace(0, max(0, len(ids) - length), num_pieces).astype(np.int64)
    return [np.asarray(ids[start : start + length]) for start in starts]


def _divergence_ratio(parts: Sequence[Sequence[Ids]], end: Sequence[Ids], size: int) -> float:
    """Return how many times as much the end differs from the parts as they from one another; 0 if it hardly does."""
    ratios = []
    for order in ORDERS:
        *counts, end_counts = _ngram_counts([*parts, end], order, size)
        total = np.sum(counts, axis=0)
        divergence = _divergence(end_counts, total - counts[0])  # from as much text as the parts are compared with
        usual = float(np.mean([_divergence(part, total - part) for part in counts]))
        if order == 2 and divergence < MIN_DIVERGENCE:
            return 0.0
        ratios.append(divergence / max(usual, 1e-6))
    return float(np.exp(np.mean(np.log(np.maximum(ratios, 1e-6)))))


def _ngram_counts(parts: Sequence[Sequence[Ids]], order: int, size: int) -> list[Counts]:
    """Return the counts of all n-grams (n-grams,) in each part; no n-gram reaches over the end of a piece."""
    ngrams = [np.concatenate([_ngrams(piece, order, size) for piece in pieces]) for pieces in parts]
    distinct, numbers = np.unique(np.concatenate(ngrams), return_inverse=True)
    edges = np.cumsum([0, *map(len, ngrams)])
    return [
        np.bincount(numbers[start:end], minlength=len(distinct)).astype(np.float64) for start, end in pairwise(edges)
    ]


def _ngrams(ids: Ids, order: int, size: int) -> npt.NDArray[np.int64]:
    """Return a number for the n-gram that starts at each position."""
    length = max(0, len(ids) - order + 1)
    numbers = np.zeros(length, np.int64)
    for offset in range(order):
        numbers = numbers * size + ids[offset : offset + length]
    return numbers


def _begin_differently(parts: Sequence[Sequence[Ids]], end: Sequence[Ids], newline: int) -> bool:
    """Return whether lines at the end begin with other characters than lines elsewhere."""
    pieces_of = (list(chain.from_iterable(parts)), end)
    first = [np.concatenate([piece[1:][piece[:-1] == newline] for piece in pieces]) for pieces in pieces_of]
    if min(map(len, first)) < MIN_LINES:
        return False
    size = 1 + max(int(characters.max()) for characters in first)
    rest_counts, end_counts = (np.bincount(characters, minlength=size).astype(np.float64) for characters in first)
    return _divergence(end_counts, rest_counts) >= MIN_LINE_DIVERGENCE


def _divergence(counts: Counts, other: Counts) -> float:
    """Return the Jensen-Shannon divergence of two distributions, given as counts, in bits: 0 to 1."""
    p, q = counts / counts.sum(), other / other.sum()
    mean = (p + q) / 2

    def relative_entropy(shares: Counts) -> float:
        occurs = shares > 0
        return float((shares[occurs] * np.log2(shares[occurs] / mean[occurs])).sum())

    return (relative_entropy(p) + relative_entropy(q)) / 2
