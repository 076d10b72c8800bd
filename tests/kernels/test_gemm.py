"""The compiled products against NumPy's."""

import numpy as np
import pytest

from charlstm.kernels import is_supported
from charlstm.kernels.gemm import gemm
from charlstm.kernels.lstm import cast
from charlstm.kernels.packing import NR, aligned_empty, empty_operands, pack_weights, round_up

SIZES = [(1, 1, 1), (2, 3, 5), (3, 16, 32), (8, 7, 33), (13, 64, 160), (1, 31, 300), (17, 300, 129)]
BF16 = pytest.param(True, marks=pytest.mark.skipif(not is_supported("bfloat16"), reason="needs AVX512_BF16"))


def round_to_bf16(array):
    """Round to the nearest bfloat16, ties to even: 8 bits of mantissa."""
    mantissa, exponent = np.frexp(array.astype(np.float64))
    return np.ldexp(np.round(mantissa * 256) / 256, exponent).astype(np.float32)


def multiply_add(operands, weights, first, *, bf16, transposed=False):
    """Compute first + operands @ weights by `gemm`, packing the weights from their transpose on request."""
    converted = empty_operands(operands.shape, bf16=bf16)
    for row, target in zip(operands, converted, strict=True):
        cast(row, target)
    results = aligned_empty((len(operands), round_up(first.shape[1], NR)), np.float32)
    results[:, : first.shape[1]] = first
    weights = np.ascontiguousarray(weights.T) if transposed else weights
    gemm(pack_weights(weights, bf16=bf16, transposed=transposed), converted, results)
    return results[:, : first.shape[1]]


def random_case(rows, inputs, outputs):
    rng = np.random.default_rng(inputs)
    shapes = (rows, inputs), (inputs, outputs), (rows, outputs)
    return [rng.normal(size=shape).astype(np.float32) for shape in shapes]


@pytest.mark.parametrize("bf16", [False, BF16])
@pytest.mark.parametrize("sizes", SIZES)
def test_product_is_added_to_the_results(sizes, bf16):
    operands, weights, first = random_case(*sizes)
    actual = multiply_add(operands, weights, first, bf16=bf16)
    if bf16:
        operands, weights = round_to_bf16(operands), round_to_bf16(weights)
    expected = first + operands.astype(np.float64) @ weights.astype(np.float64)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=5e-5)


@pytest.mark.parametrize("bf16", [False, BF16])
@pytest.mark.parametrize("sizes", [(3, 4, 5), (8, 64, 33), (2, 20, 100)])
def test_transposed_weights_pack_to_the_same_panels(sizes, bf16):
    operands, weights, first = random_case(*sizes)
    plain, transposed = (multiply_add(operands, weights, first, bf16=bf16, transposed=flag) for flag in (False, True))
    np.testing.assert_array_equal(plain, transposed)


@pytest.mark.parametrize("bf16", [False, BF16])
def test_a_row_has_the_same_bits_whatever_the_number_of_rows(bf16):
    operands, weights, first = random_case(23, 150, 300)
    all_rows = multiply_add(operands, weights, first, bf16=bf16)
    for count in (1, 2, 5, 9):
        few_rows = multiply_add(operands[:count], weights, first[:count], bf16=bf16)
        np.testing.assert_array_equal(few_rows, all_rows[:count])
