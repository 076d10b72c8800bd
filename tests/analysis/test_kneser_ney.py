import math
from collections import Counter

import numpy as np
import pytest

from charlstm.analysis.kneser_ney import kneser_ney_nats
from charlstm.text.corpus import load_corpus
from charlstm.text.ngrams import ngram_nats


class Reference:
    """Modified Kneser-Ney by Chen and Goodman's equations 17 to 20, one probability at a time."""

    def __init__(self, training, size, max_order):
        self.size, self.counts = size, []
        for order in range(max_order + 1):
            grams = [tuple(training[i : i + order + 1]) for i in range(len(training) - order)]
            longer = {tuple(training[i : i + order + 2]) for i in range(len(training) - order - 1)}
            is_highest = order == max_order
            self.counts.append(Counter(grams) if is_highest else Counter(gram[1:] for gram in longer))

    def discount(self, order, count):
        n = Counter(self.counts[order].values())
        if not count:
            return 0.0
        if not (n[1] and n[2] and n[3]):
            return 0.75
        kind = min(count, 3)
        estimate = kind - (kind + 1) * n[1] / (n[1] + 2 * n[2]) * n[kind + 1] / n[kind]
        return estimate if 0 < estimate < kind else 0.75

    def probability(self, context, character):
        order = len(context)
        lower = self.probability(context[1:], character) if context else 1 / self.size
        followers = {gram[-1]: count for gram, count in self.counts[order].items() if gram[:-1] == context}
        total = sum(followers.values())
        if not total:
            return lower
        count = followers.get(character, 0)
        held_back = sum(self.discount(order, one) for one in followers.values())
        return (count - self.discount(order, count) + held_back * lower) / total


@pytest.mark.parametrize("max_order", [0, 1, 3])
@pytest.mark.parametrize("length", [2, 30, 400])
def test_the_probabilities_are_those_of_the_definition(max_order, length):
    rng = np.random.default_rng(length)
    shares = [0.5, 0.3, 0.15, 0.05]
    training, text = rng.choice(4, length, p=shares).tolist(), rng.choice(5, 40).tolist()
    model = Reference(training, 5, min(max_order, length - 1))
    expected = [
        -math.log(model.probability(tuple(text[max(0, i - min(max_order, length - 1)) : i]), text[i]))
        for i in range(1, len(text))
    ]
    found = kneser_ney_nats(
        np.array(training, np.uint8), np.array(text, np.uint8), vocabulary_size=5, max_order=max_order
    )
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_the_probabilities_of_all_characters_sum_to_one():
    rng = np.random.default_rng(1)
    training = rng.choice(4, 300)
    context = rng.choice(4, 6)
    nats = [kneser_ney_nats(training, np.append(context, c), vocabulary_size=5, max_order=4)[-1] for c in range(5)]
    assert np.exp(-np.array(nats)).sum() == pytest.approx(1)


def test_it_predicts_a_text_better_than_witten_and_bell():
    text = load_corpus(["macbeth.txt"]).ids
    training, rest = text[:60_000], text[60_000:70_000]
    nats = kneser_ney_nats(training, rest, vocabulary_size=128, max_order=5)
    assert nats.mean() < ngram_nats(training, rest[None], vocabulary_size=128)


def test_a_repeated_text_is_known_by_heart():
    training = np.tile(np.arange(10), 300)
    assert kneser_ney_nats(training, training[:50], vocabulary_size=10, max_order=6)[6:].max() < 0.01
