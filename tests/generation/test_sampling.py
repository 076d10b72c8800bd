"""Samplers against hand-computed values and exact distributions."""

import numpy as np
import pytest

from charlstm.config import SamplingConfig
from charlstm.generation.sampling import (
    apply_min_p,
    apply_top_k,
    apply_top_p,
    apply_typical,
    make_sampler,
    penalize_repetition,
    sample_ids,
    softmax,
)

LOGITS = np.log(np.array([[0.1, 0.2, 0.3, 0.4]]))
NO_RECENT_IDS = np.zeros((1, 0), int)


def kept(logits):
    return np.isfinite(logits).tolist()


def test_softmax_of_large_logits():
    np.testing.assert_allclose(softmax(np.array([[1000.0, 1000.0]])), [[0.5, 0.5]])


@pytest.mark.parametrize(("uniform", "expected"), [(0.0, 0), (0.09, 0), (0.11, 1), (0.31, 2), (0.61, 3), (0.999999, 3)])
def test_sampling_inverts_the_cumulative_distribution(uniform, expected):
    assert sample_ids(LOGITS, np.array([uniform])) == [expected]


def test_impossible_characters_are_never_sampled():
    logits = np.array([[-np.inf, 0.0, -np.inf]])
    for uniform in (0.0, 0.5, np.nextafter(1, 0)):
        assert sample_ids(logits, np.array([uniform])) == [1]


def test_top_k_keeps_exactly_k_of_equal_logits():
    filtered = apply_top_k(np.array([[2.0, 2.0, 2.0, 2.0], [1.0, 4.0, 3.0, 2.0]]), 2)
    assert kept(filtered) == [[True, True, False, False], [False, True, True, False]]


def test_top_k_above_the_vocabulary_keeps_all():
    np.testing.assert_array_equal(apply_top_k(LOGITS, 99), LOGITS)


def test_temperature_zero_is_greedy():
    assert make_sampler(SamplingConfig(temperature=0))(LOGITS, NO_RECENT_IDS, np.array([0.0])) == [3]


def test_temperature_divides_the_logits():
    sample = make_sampler(SamplingConfig(temperature=0.5))
    squares = np.array([0.01, 0.04, 0.09, 0.16]) / 0.3
    edge = squares[:3].sum()
    assert sample(LOGITS, NO_RECENT_IDS, np.array([edge - 1e-6])) == [2]
    assert sample(LOGITS, NO_RECENT_IDS, np.array([edge + 1e-6])) == [3]


def test_samples_have_the_right_frequencies():
    uniforms = np.random.default_rng(0).random(40_000)
    ids = make_sampler(SamplingConfig(temperature=1.0, top_k=3))(
        np.repeat(LOGITS, 40_000, axis=0), np.zeros((40_000, 0), int), uniforms
    )
    counts = np.bincount(ids, minlength=4)
    expected = np.array([0, 2, 3, 4]) / 9 * 40_000
    assert counts[0] == 0
    chi_square = ((counts - expected)[1:] ** 2 / expected[1:]).sum()
    assert chi_square < 13.8  # 0.1 % of the chi-square distribution with two degrees of freedom


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.3, [0, 0, 0, 1]), (0.5, [0, 0, 1, 1]), (0.75, [0, 1, 1, 1]), (1.0, [1, 1, 1, 1]), (1e-9, [0, 0, 0, 1])],
)
def test_top_p_keeps_the_fewest_that_reach_the_share(share, expected):
    assert kept(apply_top_p(LOGITS, share)) == [[bool(value) for value in expected]]


@pytest.mark.parametrize(("share", "expected"), [(0.6, [0, 0, 1, 1]), (0.4, [0, 1, 1, 1]), (1.0, [0, 0, 0, 1])])
def test_min_p_is_relative_to_the_most_probable(share, expected):
    assert kept(apply_min_p(LOGITS, share)) == [[bool(value) for value in expected]]


def test_typical_prefers_the_mean_surprise_to_the_highest_probability():
    logits = np.log(np.array([[0.5, 0.3, 0.1, 0.1]]))  # the mean surprise is 1.168, that of 0.3 is 1.204
    assert kept(apply_typical(logits, 0.25)) == [[False, True, False, False]]
    assert kept(apply_typical(logits, 0.5)) == [[True, True, False, False]]
    assert kept(apply_typical(np.array([[0.0, -np.inf]]), 0.5)) == [[True, False]]


def test_the_repetition_penalty_lowers_recent_logits():
    logits = np.array([[2.0, -1.0, 3.0, 0.0], [1.0, 1.0, 1.0, 1.0]])
    penalized = penalize_repetition(logits, np.array([[0, 1, 0], [3, 3, 3]]), 2.0)
    assert penalized.tolist() == [[1.0, -2.0, 3.0, 0.0], [1.0, 1.0, 1.0, 0.5]]


def test_all_filters_together_give_the_exact_distribution():
    config = SamplingConfig(temperature=0.7, top_k=3, top_p=0.95, min_p=0.05, repetition_penalty=1.3)
    size = 40_000
    recent = np.full((size, 2), 3)
    ids = make_sampler(config)(np.repeat(LOGITS, size, axis=0), recent, np.random.default_rng(1).random(size))
    logits = LOGITS[0].copy()
    logits[3] *= 1.3
    weights = np.exp(logits / 0.7)
    weights[0] = 0
    expected = weights / weights.sum() * size
    counts = np.bincount(ids, minlength=4)
    assert counts[0] == 0
    assert ((counts - expected)[1:] ** 2 / expected[1:]).sum() < 13.8
