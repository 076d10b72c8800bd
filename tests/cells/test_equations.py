"""Cells against hand-computed values, and over all widths. test_oracles.py compares them with other libraries."""

import numpy as np
import pytest

from charlstm.cells.registry import CELLS, LayerSize, get_cell
from charlstm.generation.numpy_ops import NumpyOps, NumpyProjections
from charlstm.generation.stepper import Stepper
from tests.conftest import random_model


def test_lstm_equals_hand_computed_gates():
    # One unit. Preactivations of i, f, g, o: 0, ln 3, atanh 0.5, ln 3; the cell state was 0.8.
    preactivations = np.array([[0.0, np.log(3), np.arctanh(0.5), np.log(3)]], np.float32)
    states = (np.zeros((1, 1)), np.full((1, 1), 0.8))
    lstm = get_cell("lstm")
    zeros = {name: np.zeros(shape, np.float32) for name, shape in lstm.weight_shapes(LayerSize(1, 1, True)).items()}
    h, (_, c), activations, _ = lstm.step(
        NumpyOps(), NumpyProjections(zeros, input_is_projected=True), preactivations, states
    )
    np.testing.assert_allclose(np.ravel([*(activations or ())]), [0.5, 0.75, 0.5, 0.75, np.tanh(0.85)], rtol=1e-6)
    np.testing.assert_allclose(c, 0.75 * 0.8 + 0.5 * 0.5, rtol=1e-6)
    np.testing.assert_allclose(h, 0.75 * np.tanh(0.85), rtol=1e-6)


@pytest.mark.parametrize("name", [*CELLS, "peephole:f", "mogrifier:0"])
@pytest.mark.parametrize("units", [1, 3, 12])
def test_every_cell_runs_with_any_number_of_units(name, units):
    stepper = Stepper(random_model(cell=name, units=units))
    logits, _ = stepper.read(np.array([[1, 2, 3]]), stepper.initial_states())
    assert np.isfinite(logits).all()
