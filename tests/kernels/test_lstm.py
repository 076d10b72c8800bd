"""The compiled LSTM beside its equations, and what it squashes with."""

import numpy as np
import pytest

from charlstm.cells.equations import lstm
from charlstm.generation.numpy_ops import NumpyOps, NumpyProjections
from charlstm.kernels.lstm import lstm_forward, sigmoid, tanh
from charlstm.kernels.packing import empty_operands, pack_weights


def test_tanh_and_sigmoid_are_near_the_true_ones():
    xs = np.concatenate([np.linspace(-12, 12, 5001), np.logspace(-30, 1, 300)]).astype(np.float32)
    true = np.tanh(xs.astype(np.float64))
    np.testing.assert_allclose([tanh(x) for x in xs], true, rtol=4e-7)
    np.testing.assert_allclose([sigmoid(x) for x in xs], 1 / (1 + np.exp(-xs.astype(np.float64))), atol=2e-7)


@pytest.mark.parametrize("x", [np.inf, -np.inf, 1e30, -1e30])
def test_what_is_huge_is_squashed_to_one(x):
    assert tanh(np.float32(x)) == np.sign(x)


def test_what_is_not_a_number_stays_so():
    assert np.isnan(tanh(np.float32(np.nan)))


@pytest.mark.parametrize("kept", [6, 1])
def test_the_loop_follows_the_equations(kept):
    time, streams, inputs, units = 6, 5, 7, 9
    rng = np.random.default_rng(0)

    def normal(*shape):
        return rng.normal(size=shape).astype(np.float32)

    kernel, recurrent, bias = normal(inputs, 4 * units), normal(units, 4 * units), normal(1, 4 * units)
    sequence, h, c = normal(time, streams, inputs), normal(streams, units), normal(streams, units)
    operands = empty_operands((time + 1, streams, inputs + units), bf16=False)
    gates, cells, outputs = normal(kept, streams, 4 * units), normal(kept, streams, units), normal(time, streams, units)
    panels = pack_weights(np.concatenate([kernel, recurrent]), bf16=False)
    workspace, ids = np.zeros((streams, 64), np.float32), np.zeros((time, streams), np.int32)
    lstm_forward(ids, bias, panels, sequence, h, operands, c, gates, cells, outputs, workspace)
    weights = NumpyProjections({"kernel": kernel, "recurrent_kernel": recurrent, "bias": bias[0]}, {})
    for t in range(time):
        h, (_, c), *_ = lstm(NumpyOps(), weights, sequence[t], (h, c))
        np.testing.assert_allclose(outputs[t], h, atol=2e-6)
    np.testing.assert_allclose(cells[-1], c, atol=2e-6)
