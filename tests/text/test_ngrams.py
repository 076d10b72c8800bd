import math

import numpy as np
import pytest

from charlstm.text.ngrams import ngram_nats


def reference(training, rows, size, max_order):
    """The same estimate, character by character."""
    orders = [reference_of_order(training, rows, size, max_order, order) for order in range(max_order + 1)]
    return min([*orders, math.log(size)])


def reference_of_order(training, rows, size, num_context, order):

    def probability(context, character):
        if context is None:
            return 1 / size
        shorter = context[1:] if context else None
        followers = [
            training[index + len(context)]
            for index in range(len(training) - len(context))
            if training[index : index + len(context)] == context
        ]
        if not followers:
            return probability(shorter, character)
        different = len(set(followers))
        lower = different * probability(shorter, character)
        return (followers.count(character) + lower) / (len(followers) + different)

    nats = [
        -math.log(probability(row[index - order : index], row[index]))
        for row in rows
        for index in range(num_context, len(row))
    ]
    return sum(nats) / len(nats)


@pytest.mark.parametrize("max_order", [0, 1, 3])
@pytest.mark.parametrize("length", [1, 3, 300])
def test_the_estimate_is_that_of_the_definition(max_order, length):
    rng = np.random.default_rng(length)
    training, rows = rng.integers(0, 4, length), rng.integers(0, 5, (3, 9))
    expected = reference(training.tolist(), rows.tolist(), 5, max_order)
    found = ngram_nats(training.astype(np.uint8), rows.astype(np.uint8), vocabulary_size=5, max_order=max_order)
    assert found == pytest.approx(expected)


def test_a_repeated_text_is_known_by_heart():
    training = np.tile(np.arange(10), 300)
    assert ngram_nats(training, training[None, :50], vocabulary_size=10) < 0.05
