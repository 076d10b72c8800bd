"""A layer's kernel: what it computes is tested through the Keras layer (tests/network/test_fast_lstm.py)."""

import numpy as np
import pytest

from charlstm.kernels import LSTMKernel


def run_forward(kernel, *, needs_gradient):
    rng = np.random.default_rng(0)
    weights, inputs, table = (rng.normal(size=shape).astype(np.float32) for shape in ((4 + 5, 20), (9, 3, 4), (1, 20)))
    ids, state = np.zeros((9, 3), np.int32), np.zeros((3, 5), np.float32)
    return kernel.forward(ids, table, kernel.pack(weights), inputs, state, state, needs_gradient=needs_gradient)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_saved_arrays_have_the_announced_dtypes(precision):
    kernel = LSTMKernel(precision)
    outputs, last_c, *saved = run_forward(kernel, needs_gradient=True)
    assert outputs.dtype == last_c.dtype == np.float32
    assert tuple(array.dtype for array in saved) == kernel.saved_dtypes
    assert kernel.pack(np.zeros((2, 4), np.float32)).dtype == kernel.packed_dtype


def test_without_a_gradient_one_step_is_saved_and_the_outputs_are_the_same():
    kernel = LSTMKernel("float32")
    outputs, last_c, gates, *_ = run_forward(kernel, needs_gradient=False)
    expected_outputs, expected_last_c, *_ = run_forward(kernel, needs_gradient=True)
    np.testing.assert_array_equal(outputs, expected_outputs)
    np.testing.assert_array_equal(last_c, expected_last_c)
    assert len(gates) == 1


def test_bfloat16_falls_back_to_float32_where_it_is_not_supported(monkeypatch):
    monkeypatch.setattr("charlstm.kernels.target.is_supported", lambda precision: precision != "bfloat16")
    assert LSTMKernel("bfloat16").packed_dtype == np.float32
