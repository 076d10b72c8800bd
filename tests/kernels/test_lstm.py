"""The compiled LSTM against its equations, and its activations against the exact ones."""

import numpy as np
import pytest

from charlstm.cells.equations import lstm
from charlstm.generation.numpy_ops import NumpyOps, NumpyProjections
from charlstm.kernels.lstm import lstm_forward, sigmoid, tanh
from charlstm.kernels.packing import empty_operands, pack_weights


def test_tanh_and_sigmoid_are_accurate():
    xs = np.concatenate([np.linspace(-12, 12, 5001), np.logspace(-30, 1, 300)]).astype(np.float32)
    exact = xs.astype(np.float64)
    np.testing.assert_allclose([tanh(x) for x in xs], np.tanh(exact), rtol=4e-7)
    np.testing.assert_allclose([sigmoid(x) for x in xs], 1 / (1 + np.exp(-exact)), atol=2e-7)


@pytest.mark.parametrize("x", [np.inf, -np.inf, 1e30, -1e30])
def test_tanh_saturates_at_one(x):
    assert tanh(np.float32(x)) == np.sign(x)


def test_tanh_of_nan_is_nan():
    assert np.isnan(tanh(np.float32(np.nan)))


@pytest.mark.parametrize("num_saved", [6, 1])
def test_the_loop_follows_the_equations(num_saved):
    time, batch, inputs, units = 6, 5, 7, 9
    rng = np.random.default_rng(0)

    def normal(*shape):
        return rng.normal(size=shape).astype(np.float32)

    kernel, recurrent, bias = normal(inputs, 4 * units), normal(units, 4 * units), normal(1, 4 * units)
    sequence, h, c = normal(time, batch, inputs), normal(batch, units), normal(batch, units)
    operands = empty_operands((time + 1, batch, inputs + units), bf16=False)
    gates, cells = normal(num_saved, batch, 4 * units), normal(num_saved, batch, units)
    outputs = normal(time, batch, units)
    panels = pack_weights(np.concatenate([kernel, recurrent]), bf16=False)
    z, ids = np.zeros((batch, 64), np.float32), np.zeros((time, batch), np.int32)
    lstm_forward(ids, bias, panels, sequence, h, operands, c, gates, cells, outputs, z)
    weights = NumpyProjections({"kernel": kernel, "recurrent_kernel": recurrent, "bias": bias[0]}, {})
    for t in range(time):
        h, (_, c), *_ = lstm(NumpyOps(), weights, sequence[t], (h, c))
        np.testing.assert_allclose(outputs[t], h, atol=2e-6)
    np.testing.assert_allclose(cells[-1], c, atol=2e-6)
