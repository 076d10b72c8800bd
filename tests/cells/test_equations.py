import numpy as np
import pytest

from charlstm.cells.registry import CELLS, Size, get_cell
from charlstm.errors import SettingError
from charlstm.generation.stepper import NumpyOps, ProjectedWeights, Stepper
from tests.conftest import random_model


def test_lstm_equals_hand_computed_gates():
    # One unit. Gates i, f, candidate, o before their functions: 0, ln 3, atanh 0.5, ln 3; the cell state was 0.8.
    projections = np.array([[0.0, np.log(3), np.arctanh(0.5), np.log(3)]], np.float32)
    states = (np.zeros((1, 1)), np.full((1, 1), 0.8))
    zeros = {name: np.zeros(shape, np.float32) for name, shape in get_cell("lstm").shapes(Size(1, 1, True)).items()}
    weights = ProjectedWeights(zeros, {})
    (h,), (_, c), activations = get_cell("lstm").step(NumpyOps(), weights, projections, states)
    np.testing.assert_allclose(np.ravel(activations), [0.5, 0.75, 0.5, 0.75, np.tanh(0.85)], rtol=1e-6)
    np.testing.assert_allclose(c, 0.75 * 0.8 + 0.5 * 0.5, rtol=1e-6)
    np.testing.assert_allclose(h, 0.75 * np.tanh(0.85), rtol=1e-6)


def test_sigmoid_does_not_overflow():
    with np.errstate(all="raise"):
        (values,) = NumpyOps().activate(np.array([[-1e4, 0, 1e4]], np.float32), "s")
    np.testing.assert_array_equal(values, [[0, 0.5, 1]])


@pytest.mark.parametrize(
    "name",
    [
        "lstmm",
        "lstm:2",
        "peephole:",
        "peephole:x",
        "peephole:ii",
        "clockwork:0",
        "grid:3",
        "mogrifier:-1",
        "feedforward:1",
        "feedforward:x",
    ],
)
def test_a_cell_that_there_is_not_is_refused(name):
    with pytest.raises(SettingError) as problem:
        get_cell(name)
    assert name.partition(":")[0] in str(problem.value)
    assert problem.value.hint


@pytest.mark.parametrize("name", [*CELLS, "peephole:f", "mogrifier:0"])
def test_the_units_of_a_layer_can_be_few_or_many(name):
    for units in (1, 3, 12):
        model = random_model(cell=name, units=units)
        stepper = Stepper(model)
        logits, _ = stepper.read(np.array([[1, 2, 3]]), stepper.initial_states())
        assert np.isfinite(logits).all()
