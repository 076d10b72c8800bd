"""Means, deviations and intervals of few runs."""

import pytest

from charlstm.experiments.statistics import Estimate, student_t

TABLE = {1: 12.7062, 2: 4.3027, 3: 3.1824, 4: 2.7764, 5: 2.5706, 9: 2.2622, 29: 2.0452, 99: 1.9842}  # t of 0.975


@pytest.mark.parametrize(("degrees", "expected"), TABLE.items())
def test_t_is_that_of_printed_tables(degrees, expected):
    assert student_t(degrees) == pytest.approx(expected, abs=6e-5)


def test_the_interval_of_a_sample():
    estimate = Estimate.of([2.0, 2.2, 2.4])
    assert estimate.mean == pytest.approx(2.2)
    assert estimate.standard_deviation == pytest.approx(0.2)
    assert estimate.half_width == pytest.approx(4.3027 * 0.2 / 3**0.5, abs=1e-4)
    low, high = estimate.to_json()["interval_95"]
    assert (low + high) / 2 == pytest.approx(2.2)


def test_one_run_has_no_interval():
    assert Estimate.of([2.0]).to_json() == {"runs": 1, "mean": 2.0, "standard_deviation": None, "interval_95": None}
