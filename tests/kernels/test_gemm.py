"""Products of every instruction set of this processor in each precision against NumPy's."""

from functools import cache

import numpy as np
import pytest

from charlstm.kernels.emitter import Emitter
from charlstm.kernels.gemm import emit_gemm
from charlstm.kernels.layout import round_up
from tests.kernels.cases import PRODUCTS, compile_functions, rounding, to_operands, to_panels

ARGUMENTS = ["panels", "operands", "stride", "results", "width", "num_panels", "rows", "depth"]
ROWS = [1, 2, 7, 16, 32, 33]
SIZES = [(32, 32), (64, 160), (96, 288)]  # inputs and outputs: 1, 5 and 9 panels


@cache
def gemm_functions(isa, product):
    """Return the products "gemm_add" and "gemm_set" as functions that can be called."""

    def emit(e: Emitter) -> None:
        emit_gemm(e, product)
        for name in ("add", "set"):
            with e.entry(name, ARGUMENTS) as a:
                addresses = {key: e.address(a[key], 0) for key in ("panels", "operands", "results")}
                product.emit_enter(e, a["rows"])
                e.call(f"gemm_{name}", *(addresses.get(key, a[key]) for key in ARGUMENTS))
                product.emit_leave(e)

    return compile_functions(isa, f"gemm {product.precision}", emit, add=ARGUMENTS, set=ARGUMENTS)


def multiply(isa, product, operands, weights, results, *, name):
    """Compute operands @ weights into `results`, or add it; rows are padded with NaN."""
    padded = round_up(len(operands), product.row_multiple)
    rows = np.full((padded, operands.shape[1]), np.nan, np.float32)
    rows[: len(operands)] = operands
    packed = to_operands(rows, product)
    target = np.full((padded, weights.shape[1]), np.nan, np.float32)
    target[: len(results)] = results
    gemm_functions(isa, product)[name](
        panels=to_panels(weights, product), operands=packed, stride=packed.strides[0], results=target,
        width=target.strides[0], num_panels=weights.shape[1] // 32, rows=padded,
        depth=weights.shape[0] // product.k_unroll,
    )  # fmt: skip
    return target[: len(results)]


def random_case(rows, inputs, outputs):
    random = np.random.default_rng(rows)
    shapes = (rows, inputs), (inputs, outputs), (rows, outputs)
    return [random.normal(size=shape).astype(np.float32) for shape in shapes]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize(("isa", "product"), PRODUCTS)
def test_products(isa, product, rows, sizes):
    operands, weights, first = random_case(rows, *sizes)
    rounded, rounded_weights = (rounding(product)(array).astype(np.float64) for array in (operands, weights))
    expected = rounded @ rounded_weights
    np.testing.assert_allclose(
        multiply(isa, product, operands, weights, first, name="add"), expected + first, rtol=1e-5, atol=5e-5
    )
    np.testing.assert_allclose(
        multiply(isa, product, operands, weights, np.full_like(first, np.nan), name="set"),
        expected,
        rtol=1e-5,
        atol=5e-5,
    )


@pytest.mark.parametrize(("isa", "product"), PRODUCTS)
def test_a_row_has_the_same_bits_whatever_the_number_of_rows(isa, product):
    operands, weights, first = random_case(33, 96, 288)
    together = multiply(isa, product, operands, weights, first, name="add")
    for start, stop in ((0, 1), (0, 2), (3, 10), (16, 32), (32, 33)):
        rows = slice(start, stop)
        alone = multiply(isa, product, operands[rows], weights, first[rows], name="add")
        np.testing.assert_array_equal(alone, together[rows])


@pytest.mark.parametrize(("isa", "product"), PRODUCTS)
def test_results_may_be_part_of_a_wider_array(isa, product):
    """Strides lead from row to row: the columns beside the results stay as they are."""
    operands, weights, _ = random_case(2 * product.row_multiple, 64, 64)
    packed = to_operands(np.hstack([operands, np.full_like(operands, np.nan)]), product)
    results = np.full((len(operands), 96), -1, np.float32)
    gemm_functions(isa, product)["set"](
        panels=to_panels(weights, product), operands=packed, stride=packed.strides[0], results=results,
        width=results.strides[0], num_panels=2, rows=len(operands), depth=64 // product.k_unroll,
    )  # fmt: skip
    expected = rounding(product)(operands) @ rounding(product)(weights)
    np.testing.assert_allclose(results[:, :64], expected, rtol=1e-5, atol=5e-5)
    assert (results[:, 64:] == -1).all()
