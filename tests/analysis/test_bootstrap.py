import math

import numpy as np
import pytest

from charlstm.analysis.bootstrap import Interval, mean_interval


def dependent(length, *, random_seed, keep=0.9):
    """A first-order autoregression of mean 1, whose mean has a variance of 1 / (1 - keep)**2 / length."""
    noise = np.random.default_rng(random_seed).normal(size=length + 100)
    values = np.zeros(length + 100)
    for index in range(1, len(values)):
        values[index] = keep * values[index - 1] + noise[index]
    return values[100:] + 1


def reference(values, *, num_resamples=2000):
    """The same interval, block by block."""
    length = math.isqrt(len(values))
    blocks = [values[start : start + length] for start in range(len(values) - length + 1)]
    rng = np.random.default_rng(0)
    means = []
    for _ in range(num_resamples):
        drawn = rng.integers(len(blocks), size=len(values) // length)
        means.append(np.concatenate([blocks[index] for index in drawn]).mean())
    centred = np.array(means) - np.mean([block.mean() for block in blocks]) + values.mean()
    return np.quantile(centred, [0.025, 0.975])


@pytest.mark.parametrize("length", [1, 2, 10, 1234])
def test_the_interval_is_that_of_the_definition(length):
    values = dependent(length, random_seed=length)
    interval = mean_interval(values)
    assert (interval.low, interval.high) == pytest.approx(reference(values), abs=1e-4)
    assert (interval.block_length, interval.num_resamples) == (math.isqrt(length), 2000)


def test_the_same_losses_give_the_same_interval():
    values = dependent(500, random_seed=1)
    assert mean_interval(values) == mean_interval(values.copy())


def test_neighbours_that_depend_on_each_other_widen_it():
    """Single characters would give a seventh of the width."""
    values = dependent(40_000, random_seed=2)
    width = (lambda one: one.high - one.low)(mean_interval(values))
    assert width == pytest.approx(2 * 1.96 * 10 / math.sqrt(40_000), rel=0.2)


def test_it_covers_the_mean_nineteen_times_in_twenty():
    covered = [
        interval.low <= 1 <= interval.high
        for interval in (mean_interval(dependent(3000, random_seed=seed), num_resamples=400) for seed in range(60))
    ]
    assert sum(covered) >= 50


def test_json_says_how_it_was_found():
    assert Interval(1.0, 2.0, 30).to_json() == {
        "low": 1.0, "high": 2.0, "confidence": 0.95, "block_length": 30, "resamples": 2000
    }  # fmt: skip
