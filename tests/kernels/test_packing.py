"""Packed weights, and the gradient of weights, against a NumPy model."""

import numpy as np
import pytest

from charlstm.kernels import products as products_module
from charlstm.kernels.layout import WIDEST_VECTOR, round_up
from charlstm.kernels.products import ROW_MULTIPLE, product_functions
from tests.kernels.cases import PRODUCTS, layer_kernel, rounding, to_operands, to_panels

# rows, width of a block, number of blocks
SHAPES = [(1, 1, 1), (3, 20, 4), (20, 17, 3), (64, 16, 2), (33, 96, 1), (300, 7, 8)]


def model_of(weights, width, num_blocks, *, transposed):
    """Return the panels of weights: each block padded to whole vectors, rows and columns to whole panels."""
    rows, padded_width = len(weights), round_up(width, WIDEST_VECTOR)
    padded = np.zeros((round_up(rows, 32), round_up(num_blocks * padded_width, 32)), np.float32)
    for block in range(num_blocks):
        start = block * padded_width
        padded[:rows, start : start + width] = weights[:, block * width : (block + 1) * width]
    return padded.T if transposed else padded


def random_weights(shape):
    rows, width, num_blocks = shape
    return np.random.default_rng(rows).normal(size=(rows, width * num_blocks)).astype(np.float32)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("isa", "product"), PRODUCTS)
def test_weights_are_packed_into_panels(isa, product, shape, transposed):
    rows, width, num_blocks = shape
    weights = random_weights(shape)
    expected = to_panels(model_of(weights, width, num_blocks, transposed=transposed), product)
    panels = np.empty_like(expected)
    panels.view(np.uint32)[:] = 0xFFFFFFFF  # NaN: every number must be written
    product_functions(isa, product)["pack_transposed" if transposed else "pack"](
        weights=weights, panels=panels, rows=rows, width=width, padded_width=round_up(width, WIDEST_VECTOR),
        num_blocks=num_blocks, columns=len(panels) * 32, depth=panels.shape[1],
    )  # fmt: skip
    np.testing.assert_array_equal(panels.view(np.uint32), expected.view(np.uint32))


@pytest.mark.parametrize(("isa", "product"), PRODUCTS)
def test_a_kernel_packs_its_matrices_by_their_shapes(isa, product):
    kernel = layer_kernel("lstm", isa, product.precision, is_first=True)
    weights = np.random.default_rng(0).normal(size=(7, 4 * 20)).astype(np.float32)
    for transposed in (False, True):
        panels = kernel.pack("kernel", weights, units=20, inputs=7, transposed=transposed)
        assert panels.dtype == kernel.products.packed_dtype
        np.testing.assert_array_equal(panels, to_panels(model_of(weights, 20, 4, transposed=transposed), product))
    dense = np.asfortranarray(weights)
    np.testing.assert_array_equal(
        kernel.products.pack_dense(dense), to_panels(model_of(weights, 80, 1, transposed=False), product)
    )
    with pytest.raises(ValueError, match="bias is no matrix"):
        kernel.pack("bias", weights, units=20, inputs=7)


@pytest.mark.usefixtures("used_memory")
@pytest.mark.parametrize("is_large", [False, True])
@pytest.mark.parametrize("sizes", [(32, 32, 32), (64, 288, 96), (544, 32, 64), (1056, 96, 32), (2080, 32, 32)])
@pytest.mark.parametrize(("isa", "product"), PRODUCTS)
def test_the_gradient_of_weights(isa, product, sizes, is_large, monkeypatch):
    monkeypatch.setattr(products_module, "LARGE_RESULT", 0 if is_large else 10**9)
    rows, *columns = sizes
    assert rows % ROW_MULTIPLE == 0
    random = np.random.default_rng(rows)
    left, right = (random.normal(size=(rows, width)).astype(np.float32) for width in columns)
    kernel = layer_kernel("rnn", isa, product.precision, is_first=True)
    actual = kernel.products.weight_gradient(to_operands(left, product), to_operands(right, product))
    assert actual.dtype == np.float32
    assert actual.shape == tuple(columns)
    left, right = (rounding(product)(side).astype(np.float64) for side in (left, right))
    np.testing.assert_allclose(actual, left.T @ right, rtol=1e-5, atol=1e-4)
