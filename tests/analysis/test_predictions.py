"""Predictions of each character."""

import numpy as np

from charlstm.analysis.predictions import Predictions
from charlstm.analysis.trace import Trace, trace_text
from tests.conftest import random_model


def test_a_known_distribution():
    logits = np.log(np.array([[0.5, 0.25, 0.25], [0.25, 0.25, 0.5], [1, 1, 1]], np.float32))
    predictions = Predictions.of(Trace(np.array([0, 1, 2]), logits, ()))
    np.testing.assert_allclose(predictions.surprise, [np.nan, 2, 1], rtol=1e-6)
    np.testing.assert_allclose(predictions.entropy, [np.nan, 1.5, 1.5], rtol=1e-6)
    assert predictions.likeliest(0, 5) == []
    assert [index for index, _ in predictions.likeliest(1, 5)] == [0, 1, 2]
    assert predictions.likeliest(2, 1) == [(2, 0.5)]


def test_the_surprise_is_that_of_the_trace():
    trace = trace_text(random_model(), np.arange(20, dtype=np.uint8))
    np.testing.assert_allclose(Predictions.of(trace).surprise, trace.surprise, rtol=1e-6)


def test_an_impossible_character_leaves_the_entropy_a_number():
    logits = np.array([[0, -200, 0]] * 3, np.float32)
    np.testing.assert_allclose(Predictions.of(Trace(np.array([0, 0, 1]), logits, ())).entropy[1:], 1)
