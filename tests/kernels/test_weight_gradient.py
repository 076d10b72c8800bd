"""The product that gives the weights' gradient against NumPy's."""

import numpy as np
import pytest

from charlstm.kernels import is_supported, weight_gradient
from charlstm.kernels.weight_gradient import KC_SMALL, MC, gemm_tn

SIZES = [(1, 1, 1), (2, 3, 5), (31, 33, 64), (64, 32, 96), (2 * KC_SMALL + 1, 40, 31), (77, MC + 9, 70)]
BF16 = pytest.param(True, marks=pytest.mark.skipif(not is_supported("bfloat16"), reason="needs AVX512_BF16"))


def random_operands(shape, *, bf16):
    """Return random operands, and their values in float32."""
    numbers = np.random.default_rng(shape[1]).normal(size=shape).astype(np.float32)
    if not bf16:
        return numbers, numbers
    upper_bits = (numbers.view(np.uint32) >> 16).astype(np.uint16)
    return upper_bits, (upper_bits.astype(np.uint32) << 16).view(np.float32)


@pytest.mark.parametrize("is_large", [False, True])
@pytest.mark.parametrize("bf16", [False, BF16])
@pytest.mark.parametrize("sizes", SIZES)
def test_product_of_the_transposed_left_side(sizes, bf16, is_large, monkeypatch):
    monkeypatch.setattr(weight_gradient, "LARGE_RESULT", 0 if is_large else 10**9)
    rows, *columns = sizes
    (left, left_values), (right, right_values) = (random_operands((rows, width), bf16=bf16) for width in columns)
    actual = gemm_tn(left, right)
    assert actual.flags.c_contiguous
    assert actual.dtype == np.float32
    expected = left_values.astype(np.float64).T @ right_values.astype(np.float64)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=2e-5)


def test_earlier_contents_of_the_memory_do_not_matter():
    for value in (np.nan, 1.0):
        operand = np.full((5, 7), value, np.float32)
        product = gemm_tn(operand, operand)
    assert (product == 5).all()
