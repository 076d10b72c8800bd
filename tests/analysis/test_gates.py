"""Statistics of gates, of traces that are made by hand and of every cell."""

import numpy as np
import pytest

from charlstm.analysis.gates import gate_names, gate_statistics, half_lives
from charlstm.analysis.trace import LayerTrace, trace_text
from charlstm.cells.registry import CELLS
from tests.conftest import random_model


def layer(**activations):
    arrays = {name: np.array(values, np.float32).T for name, values in activations.items()}
    return LayerTrace(next(iter(arrays.values())), None, arrays)


def test_fractions_of_time_that_a_gate_is_saturated():
    statistics = gate_statistics(layer(forget_gate=[[0.05, 0.1, 0.5, 0.95], [0.91, 1, 1, 1]], candidate=[[-1] * 4] * 2))
    assert list(statistics) == ["forget_gate"]
    np.testing.assert_allclose(statistics["forget_gate"].shut, [0.25, 0])
    np.testing.assert_allclose(statistics["forget_gate"].open, [0.25, 1])
    np.testing.assert_allclose(statistics["forget_gate"].mean, [0.4, 0.9775])


@pytest.mark.parametrize(
    ("activations", "expected"),
    [
        (
            {"forget_gate": [[0.5, 0.5], [0.99, 0.99], [0, 0], [1, 1]]},
            [1, 68.97, 0, np.inf],
        ),
        ({"update_gate": [[0.5, 0.5]], "reset_gate": [[0, 0]]}, [1]),
        ({"update": [[1, 0]]}, [1]),
        ({"candidate": [[1, 0]]}, None),
    ],
)
def test_half_life_by_the_gate_that_keeps_the_state(activations, expected):
    found = half_lives(gate_statistics(layer(**activations)))
    assert (found is None) == (expected is None)
    if found is not None and expected is not None:
        np.testing.assert_allclose(found, expected, rtol=1e-3)


@pytest.mark.parametrize("cell", CELLS)
def test_gates_of_every_cell_are_between_0_and_1(cell):
    trace = trace_text(random_model(cell=cell), np.arange(20))
    for found in trace.layers:
        statistics = gate_statistics(found)
        assert list(statistics) == gate_names(found)
        assert bool(statistics) == (cell not in ("rnn", "feedforward", "echo-state"))
        for name in statistics:
            assert found.activations[name].min() >= 0
            assert found.activations[name].max() <= 1
        lives = half_lives(statistics)
        assert (lives is not None) == bool(statistics)


def test_an_empty_text_has_no_statistics():
    assert gate_statistics(LayerTrace(np.zeros((0, 3), np.float32), None, {})) == {}
