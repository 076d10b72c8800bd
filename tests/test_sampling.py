import numpy as np
import pytest

from charlstm.config import SamplingConfig
from charlstm.sampling import draw, keep_top_k, make_sampler, softmax

LOGITS = np.log(np.array([[0.1, 0.2, 0.3, 0.4]]))


def test_softmax_of_large_logits():
    np.testing.assert_allclose(softmax(np.array([[1000.0, 1000.0]])), [[0.5, 0.5]])


@pytest.mark.parametrize(("uniform", "expected"), [(0.0, 0), (0.09, 0), (0.11, 1), (0.31, 2), (0.61, 3), (0.999999, 3)])
def test_a_draw_inverts_the_cumulative_distribution(uniform, expected):
    assert draw(LOGITS, np.array([uniform])) == [expected]


def test_a_draw_never_takes_an_impossible_character():
    logits = np.array([[-np.inf, 0.0, -np.inf]])
    for uniform in (0.0, 0.5, np.nextafter(1, 0)):
        assert draw(logits, np.array([uniform])) == [1]


def test_top_k_keeps_exactly_k_also_of_equals():
    kept = keep_top_k(np.array([[2.0, 2.0, 2.0, 2.0], [1.0, 4.0, 3.0, 2.0]]), 2)
    assert np.isfinite(kept).tolist() == [[True, True, False, False], [False, True, True, False]]


def test_top_k_above_the_vocabulary_keeps_all():
    np.testing.assert_array_equal(keep_top_k(LOGITS, 99), LOGITS)


def test_temperature_zero_is_greedy():
    assert make_sampler(SamplingConfig(temperature=0))(LOGITS, np.array([0.0])) == [3]


def test_temperature_divides_the_logits():
    sample = make_sampler(SamplingConfig(temperature=0.5))
    squares = np.array([0.01, 0.04, 0.09, 0.16]) / 0.3
    edge = squares[:3].sum()
    assert sample(LOGITS, np.array([edge - 1e-6])) == [2]
    assert sample(LOGITS, np.array([edge + 1e-6])) == [3]


def test_samples_have_the_right_frequencies():
    uniforms = np.random.default_rng(0).random(40_000)
    ids = make_sampler(SamplingConfig(temperature=1.0, top_k=3))(np.repeat(LOGITS, 40_000, axis=0), uniforms)
    counts = np.bincount(ids, minlength=4)
    expected = np.array([0, 2, 3, 4]) / 9 * 40_000
    assert counts[0] == 0
    chi_square = ((counts - expected)[1:] ** 2 / expected[1:]).sum()
    assert chi_square < 13.8  # 0.1 % of the chi-square distribution with two degrees of freedom
