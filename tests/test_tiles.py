"""The compiled products beside NumPy's."""

import numpy as np
import pytest

from charlstm.compiling import HAS_PAIRS
from charlstm.kernels import store
from charlstm.panels import TILE_WIDTH, aligned, empty_operands, packed, padded
from charlstm.tiles import add_product

SIZES = [(1, 1, 1), (2, 3, 5), (3, 16, 32), (8, 7, 33), (13, 64, 160), (1, 31, 300), (17, 300, 129)]
PAIRS = pytest.param(True, marks=pytest.mark.skipif(not HAS_PAIRS, reason="the processor has no bfloat16"))


def bfloat16(array):
    """Rounded to the nearest, ties to even, by way of float64: eight bits of mantissa."""
    mantissa, exponent = np.frexp(array.astype(np.float64))
    return np.ldexp(np.round(mantissa * 256) / 256, exponent).astype(np.float32)


def product(operands, weights, first, *, in_pairs, transposed=False):
    streams, inputs = operands.shape
    laid = empty_operands((streams, inputs), in_pairs=in_pairs)
    for row, given in zip(laid, operands, strict=True):
        store(given, row)
    results = aligned((streams, padded(first.shape[1], TILE_WIDTH)), np.float32)
    results[:, : first.shape[1]] = first
    given = np.ascontiguousarray(weights.T) if transposed else weights
    add_product(packed(given, in_pairs=in_pairs, transposed=transposed), laid, results)
    return results[:, : first.shape[1]]


def random_case(streams, inputs, outputs):
    rng = np.random.default_rng(inputs)
    shapes = (streams, inputs), (inputs, outputs), (streams, outputs)
    return [rng.normal(size=shape).astype(np.float32) for shape in shapes]


@pytest.mark.parametrize("in_pairs", [False, PAIRS])
@pytest.mark.parametrize("sizes", SIZES)
def test_a_product_is_added_to_what_is_there(sizes, in_pairs):
    operands, weights, first = random_case(*sizes)
    actual = product(operands, weights, first, in_pairs=in_pairs)
    if in_pairs:
        operands, weights = bfloat16(operands), bfloat16(weights)
    expected = first + operands.astype(np.float64) @ weights.astype(np.float64)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=5e-5)


@pytest.mark.parametrize("in_pairs", [False, PAIRS])
@pytest.mark.parametrize("sizes", [(3, 4, 5), (8, 64, 33), (2, 20, 100)])
def test_weights_can_be_given_transposed(sizes, in_pairs):
    operands, weights, first = random_case(*sizes)
    plain, transposed = (product(operands, weights, first, in_pairs=in_pairs, transposed=t) for t in (False, True))
    np.testing.assert_array_equal(plain, transposed)


@pytest.mark.parametrize("in_pairs", [False, PAIRS])
def test_a_stream_has_the_same_bits_however_many_there_are(in_pairs):
    operands, weights, first = random_case(23, 150, 300)
    together = product(operands, weights, first, in_pairs=in_pairs)
    for count in (1, 2, 5, 9):
        some = product(operands[:count], weights, first[:count], in_pairs=in_pairs)
        np.testing.assert_array_equal(some, together[:count])
