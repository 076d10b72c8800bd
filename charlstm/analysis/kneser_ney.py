"""A character n-gram model: interpolated, with modified Kneser-Ney discounts (Chen and Goodman 1999, section 3).

It is written with arrays over all positions at once, because the libraries that estimate such models either do it in
Python loops (NLTK) or as a separate program for words (KenLM).
"""

import numpy as np
import numpy.typing as npt

from charlstm.arrays import Ids

DISCOUNT = 0.75  # of counts, where a text is too small to estimate it

Numbers = npt.NDArray[np.int64]
Probabilities = npt.NDArray[np.float64]


def kneser_ney_nats(training: Ids, text: Ids, *, vocabulary_size: int, max_order: int) -> Probabilities:
    """Return -ln p (characters - 1,) of a text without its first character, by the n-grams of a training text.

    `max_order` is the number of characters of context. Only characters of the text itself are context, so its first
    ones have less.
    """
    ids = np.concatenate([training, text]).astype(np.int64)
    num_training, max_order = len(training), min(max_order, len(training) - 1)
    probabilities = np.full(len(text) - 1, 1 / vocabulary_size)
    contexts, ngrams = np.zeros(len(ids), np.int64), _number(ids)  # a number for what begins at each position
    for order in range(max_order + 1):
        longer = _number(ngrams[:-1] * vocabulary_size + ids[order + 1 :])
        if order == max_order:
            counts = np.bincount(ngrams[: num_training - order], minlength=ngrams.max() + 1)
        else:
            counts = _continuation_counts(ngrams, longer[: num_training - order - 1])
        first = max(1, order)  # character of the text that has enough context
        places = num_training + np.arange(first, len(text)) - order
        lower = probabilities[first - 1 :]
        probabilities[first - 1 :] = _interpolated(contexts, ngrams, counts, places, lower)
        contexts, ngrams = ngrams[: len(longer)], longer
    nats: Probabilities = -np.log(probabilities)
    return nats


def _number(keys: Numbers) -> Numbers:
    """Return a small number for each different key."""
    return np.unique(keys, return_inverse=True)[1].astype(np.int64)


def _continuation_counts(ngrams: Numbers, longer: Numbers) -> Numbers:
    """Return for each n-gram how many different characters come before it in the training text.

    `longer` are the n-grams of one more character that begin at each position of the training text.
    """
    size = int(ngrams.max()) + 1
    if not len(longer):
        return np.zeros(size, np.int64)
    _, places = np.unique(longer, return_index=True)
    return np.bincount(ngrams[places + 1], minlength=size)


def _interpolated(
    contexts: Numbers, ngrams: Numbers, counts: Numbers, places: Numbers, lower: Probabilities
) -> Probabilities:
    """Return the probabilities of the n-grams that begin at some places, from the order's counts and the order below.

    `contexts` and `ngrams` are the numbers of what begins at each position, `counts` those of each n-gram.
    """
    discounts = _discounts(counts)
    context_of = np.empty(len(counts), np.int64)
    context_of[ngrams] = contexts[: len(ngrams)]
    size = int(contexts.max()) + 1
    total = np.bincount(context_of, counts, minlength=size)
    held_back = np.bincount(context_of, discounts[np.minimum(counts, 3)], minlength=size)
    context, count = contexts[places], counts[ngrams[places]]
    discounted = count - discounts[np.minimum(count, 3)]
    total_here = total[context]
    return np.where(total_here > 0, (discounted + held_back[context] * lower) / np.maximum(1, total_here), lower)


def _discounts(counts: Numbers) -> Probabilities:
    """Return what is taken off counts of 0, 1, 2, and 3 or more, from how many n-grams have 1 to 4 of them."""
    once, twice, thrice, four = (float((counts == count).sum()) for count in (1, 2, 3, 4))
    if not (once and twice and thrice):
        return np.array([0.0, DISCOUNT, DISCOUNT, DISCOUNT])
    share = once / (once + 2 * twice)
    estimates = [1 - 2 * share * twice / once, 2 - 3 * share * thrice / twice, 3 - 4 * share * four / thrice]
    usable = [one if 0 < one < count else DISCOUNT for count, one in enumerate(estimates, start=1)]
    return np.array([0.0, *usable])
