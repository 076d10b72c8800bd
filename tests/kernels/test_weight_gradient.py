"""The gradient's product beside NumPy's."""

import numpy as np
import pytest

from charlstm.kernels import weight_gradient
from charlstm.kernels.jit import HAS_BF16
from charlstm.kernels.weight_gradient import COLUMNS_AT_ONCE, FEW_ROWS, gemm_tn

SIZES = [(1, 1, 1), (2, 3, 5), (31, 33, 64), (64, 32, 96), (2 * FEW_ROWS + 1, 40, 31), (77, COLUMNS_AT_ONCE + 9, 70)]
PAIRS = pytest.param(True, marks=pytest.mark.skipif(not HAS_BF16, reason="the processor has no bfloat16"))


def operands(shape, *, bf16):
    """Random operands, and what they stand for."""
    numbers = np.random.default_rng(shape[1]).normal(size=shape).astype(np.float32)
    if not bf16:
        return numbers, numbers
    codes = (numbers.view(np.uint32) >> 16).astype(np.uint16)
    return codes, (codes.astype(np.uint32) << 16).view(np.float32)


@pytest.mark.parametrize("many_rows", [False, True])
@pytest.mark.parametrize("bf16", [False, PAIRS])
@pytest.mark.parametrize("sizes", SIZES)
def test_it_is_the_product_of_the_transposed(sizes, bf16, many_rows, monkeypatch):
    monkeypatch.setattr(weight_gradient, "LARGE", 0 if many_rows else 10**9)
    rows, *columns = sizes
    (left, left_numbers), (right, right_numbers) = (operands((rows, width), bf16=bf16) for width in columns)
    actual = gemm_tn(left, right)
    assert actual.flags.c_contiguous
    assert actual.dtype == np.float32
    expected = left_numbers.astype(np.float64).T @ right_numbers.astype(np.float64)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=2e-5)


def test_what_stood_in_the_memory_before_is_not_in_it():
    for value in (np.nan, 1.0):
        operand = np.full((5, 7), value, np.float32)
        product = gemm_tn(operand, operand)
    assert (product == 5).all()
