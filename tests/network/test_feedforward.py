"""The feedforward window in TensorFlow against the equations in NumPy, step by step."""

import numpy as np
import pytest

from charlstm.cells.registry import LayerSize, get_cell
from charlstm.generation.numpy_ops import NumpyOps, NumpyProjections, keep_float32, round_to_bfloat16

pytestmark = pytest.mark.tensorflow
TIME, ROWS, INPUTS, UNITS = 6, 3, 5, 7


def random_case(window, *, is_first):
    random, cell = np.random.default_rng(window), get_cell(f"feedforward:{window}")
    size = LayerSize(INPUTS, UNITS, is_first)
    weights = {
        name: random.normal(0, 0.4, shape).astype(np.float32) for name, shape in cell.weight_shapes(size).items()
    }
    states = [random.normal(size=(ROWS, width)).astype(np.float32) for width in cell.state_sizes(size)]
    return weights, random.normal(size=(TIME, ROWS, INPUTS)).astype(np.float32), states


def run_in_numpy(window, weights, x, states, rounding):
    weights = {name: rounding(w) if w.ndim == 2 else w for name, w in weights.items()}
    projections, outputs = NumpyProjections(weights, round_operands=rounding), []
    for inputs in x:
        step = get_cell(f"feedforward:{window}").step(NumpyOps(), projections, inputs, tuple(states))
        outputs.append(step.output)
        states = step.states
    return np.array(outputs), states


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("window", [2, 4, 16])
def test_outputs_and_states(window, is_first, precision):
    import tensorflow as tf

    from charlstm.network.feedforward import run_feedforward

    weights, x, states = random_case(window, is_first=is_first)
    run = tf.function(run_feedforward)
    outputs, last = run(weights, tf.constant(x), [tf.constant(s) for s in states], dtype=tf.dtypes.as_dtype(precision))
    rounding = keep_float32 if precision == "float32" else round_to_bfloat16
    expected, expected_last = run_in_numpy(window, weights, x, states, rounding)
    tolerance = 1e-5 if precision == "float32" else 2e-2  # TensorFlow rounds the result of a product, too
    np.testing.assert_allclose(outputs, expected, atol=tolerance)
    assert len(last) == len(expected_last) == (1 if is_first else 0)
    for state, same in zip(last, expected_last, strict=True):
        np.testing.assert_array_equal(state, same)


def test_a_sequence_may_be_read_in_parts():
    import tensorflow as tf

    from charlstm.network.feedforward import run_feedforward

    weights, x, states = random_case(4, is_first=True)
    whole, last = run_feedforward(weights, tf.constant(x), states, dtype=tf.float32)
    first, between = run_feedforward(weights, tf.constant(x[:1]), states, dtype=tf.float32)
    second, after = run_feedforward(weights, tf.constant(x[1:]), between, dtype=tf.float32)
    np.testing.assert_allclose(np.concatenate([first, second]), whole, atol=1e-6)
    np.testing.assert_array_equal(after[0], last[0])
