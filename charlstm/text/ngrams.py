"""An interpolated n-gram model: how well the statistics of a text predict another part of it."""

import math

import numpy as np
import numpy.typing as npt

from charlstm.arrays import Ids

MAX_ORDER = 5  # characters of context

Counts = npt.NDArray[np.int64]


def ngram_nats(training: Ids, rows: Ids, *, vocabulary_size: int, max_order: int = MAX_ORDER) -> float:
    """Return the mean nats per character of rows (rows, time) after the statistics of training ids (characters,).

    That is with the best number of characters of context, up to `max_order`: statistics of longer contexts may be too
    sparse. The first `max_order` characters of each row are only context. The estimate of each order is interpolated
    with that of the order below (Witten and Bell 1991, method C): the more different characters have followed a
    context, the more counts the shorter context. Below order 0 all characters are equally probable.
    """
    ids = np.concatenate([training, rows.ravel()]).astype(np.int64)
    is_training = np.arange(len(ids)) < len(training)
    columns = np.arange(rows.shape[1])
    scored = (len(training) + np.arange(len(rows))[:, None] * len(columns) + columns[max_order:]).ravel()
    probabilities, nats = np.full(len(scored), 1 / vocabulary_size), math.log(vocabulary_size)
    contexts = np.zeros(len(ids), np.int64)  # a number for the context that begins at each position
    for order in range(max_order + 1):
        if len(training) <= order:
            break
        contexts = contexts[: len(ids) - order]
        ngrams = np.unique(contexts * vocabulary_size + ids[order:], return_inverse=True)[1]
        places, seen = scored - order, is_training[order:]
        probabilities = _interpolated(contexts, ngrams, places, seen, probabilities)
        nats = min(nats, float(-np.log(probabilities).mean()))
        contexts = ngrams
    return nats


def _interpolated(
    contexts: Counts,
    ngrams: Counts,
    places: npt.NDArray[np.intp],
    seen: npt.NDArray[np.bool_],
    lower: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return the probabilities at some places by the n-grams that were seen, and those of the order below."""
    times_seen = np.bincount(ngrams[seen], minlength=ngrams.max() + 1)
    context_times = np.bincount(contexts[seen], minlength=contexts.max() + 1)
    context_of = np.empty(len(times_seen), np.int64)
    context_of[ngrams] = contexts
    num_followers = np.bincount(context_of[times_seen > 0], minlength=len(context_times))
    context = contexts[places]
    total, followers = context_times[context], num_followers[context]
    return np.where(
        total > 0, (times_seen[ngrams[places]] + followers * lower) / np.maximum(1, total + followers), lower
    )
