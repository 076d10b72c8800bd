import numpy as np

from charlstm.cells import CELLS
from charlstm.stepper import NumpyOperations, ProjectedWeights


def test_lstm_equals_hand_computed_gates():
    # One unit. Gates i, f, candidate, o before their functions: 0, ln 3, atanh 0.5, ln 3; the cell state was 0.8.
    projections = np.array([[0.0, np.log(3), np.arctanh(0.5), np.log(3)]], np.float32)
    states = (np.zeros((1, 1)), np.full((1, 1), 0.8))
    h, (_, c), activations = CELLS["lstm"].step(
        NumpyOperations(), ProjectedWeights(np.zeros((1, 4), np.float32)), projections, states
    )
    np.testing.assert_allclose(np.ravel(activations), [0.5, 0.75, 0.5, 0.75, np.tanh(0.85)], rtol=1e-6)
    np.testing.assert_allclose(c, 0.75 * 0.8 + 0.5 * 0.5, rtol=1e-6)
    np.testing.assert_allclose(h, 0.75 * np.tanh(0.85), rtol=1e-6)


def test_sigmoid_does_not_overflow():
    with np.errstate(all="raise"):
        (values,) = NumpyOperations().activate(np.array([[-1e4, 0, 1e4]], np.float32), "s")
    np.testing.assert_array_equal(values, [[0, 0.5, 1]])
