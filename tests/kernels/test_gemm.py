"""The compiled products beside NumPy's."""

import numpy as np
import pytest

from charlstm.kernels.gemm import gemm
from charlstm.kernels.jit import HAS_BF16
from charlstm.kernels.lstm import cast
from charlstm.kernels.packing import TILE_WIDTH, aligned, empty_operands, pack_weights, padded

SIZES = [(1, 1, 1), (2, 3, 5), (3, 16, 32), (8, 7, 33), (13, 64, 160), (1, 31, 300), (17, 300, 129)]
PAIRS = pytest.param(True, marks=pytest.mark.skipif(not HAS_BF16, reason="the processor has no bfloat16"))


def bfloat16(array):
    """Rounded to the nearest, ties to even, by way of float64: eight bits of mantissa."""
    mantissa, exponent = np.frexp(array.astype(np.float64))
    return np.ldexp(np.round(mantissa * 256) / 256, exponent).astype(np.float32)


def product(operands, weights, first, *, bf16, transposed=False):
    streams, inputs = operands.shape
    laid = empty_operands((streams, inputs), bf16=bf16)
    for row, given in zip(laid, operands, strict=True):
        cast(given, row)
    results = aligned((streams, padded(first.shape[1], TILE_WIDTH)), np.float32)
    results[:, : first.shape[1]] = first
    given = np.ascontiguousarray(weights.T) if transposed else weights
    gemm(pack_weights(given, bf16=bf16, transposed=transposed), laid, results)
    return results[:, : first.shape[1]]


def random_case(streams, inputs, outputs):
    rng = np.random.default_rng(inputs)
    shapes = (streams, inputs), (inputs, outputs), (streams, outputs)
    return [rng.normal(size=shape).astype(np.float32) for shape in shapes]


@pytest.mark.parametrize("bf16", [False, PAIRS])
@pytest.mark.parametrize("sizes", SIZES)
def test_a_product_is_added_to_what_is_there(sizes, bf16):
    operands, weights, first = random_case(*sizes)
    actual = product(operands, weights, first, bf16=bf16)
    if bf16:
        operands, weights = bfloat16(operands), bfloat16(weights)
    expected = first + operands.astype(np.float64) @ weights.astype(np.float64)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=5e-5)


@pytest.mark.parametrize("bf16", [False, PAIRS])
@pytest.mark.parametrize("sizes", [(3, 4, 5), (8, 64, 33), (2, 20, 100)])
def test_weights_can_be_given_transposed(sizes, bf16):
    operands, weights, first = random_case(*sizes)
    plain, transposed = (product(operands, weights, first, bf16=bf16, transposed=t) for t in (False, True))
    np.testing.assert_array_equal(plain, transposed)


@pytest.mark.parametrize("bf16", [False, PAIRS])
def test_a_stream_has_the_same_bits_however_many_there_are(bf16):
    operands, weights, first = random_case(23, 150, 300)
    together = product(operands, weights, first, bf16=bf16)
    for count in (1, 2, 5, 9):
        some = product(operands[:count], weights, first[:count], bf16=bf16)
        np.testing.assert_array_equal(some, together[:count])
