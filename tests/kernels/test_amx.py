"""AMX without the hardware: a NumPy model of the tiles runs what the emitter would emit.

The model follows Intel's manual (LDTILECFG, TILELOADD, TDPBF16PS, TILESTORED), so that the packing, the addresses and
the tiles' shapes are checked on every processor.
"""

from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from charlstm.generation.numpy_ops import round_to_bfloat16
from charlstm.kernels.isa.amx import TILE_PRODUCT, tile_configuration
from charlstm.kernels.isa.instruction_set import NR, TileArrays
from tests.kernels.cases import to_operands, to_panels


class ModelInt(int):
    """An integer that has the value of an emitted one."""

    @property
    def value(self):
        return int(self)


class Tiles:
    """Takes the place of an emitter: runs the instructions at once, on memory that begins at address 0."""

    def __init__(self, memory):
        self.memory = memory
        configuration = np.frombuffer(tile_configuration(), np.uint8)
        assert (configuration[0], configuration[1]) == (1, 0)  # the palette; start_row, where a fault interrupted
        self.column_bytes = configuration[16:32].view(np.uint16)
        self.rows = configuration[48:56]
        assert not configuration[2:16].any()
        assert not configuration[32:48].any()
        assert not configuration[56:].any()
        self.tiles = [
            np.zeros((rows, width), np.uint8) for rows, width in zip(self.rows, self.column_bytes, strict=True)
        ]

    def integer(self, value):
        return ModelInt(value)

    def address(self, base, num_bytes):
        return base + num_bytes

    @contextmanager
    def loop(self, start, stop, step=1):
        assert (start, stop, step) == (0, 1, 1)  # a body runs once
        yield 0

    def intrinsic(self, name, _, arguments):
        tile, *rest = (getattr(argument, "constant", argument) for argument in arguments)
        getattr(self, name.removeprefix("llvm.x86."))(tile, *rest)

    def tilezero(self, tile):
        self.tiles[tile][:] = 0

    def tileloadd64(self, tile, address, stride):
        for row in range(self.rows[tile]):
            start = address + row * stride
            self.tiles[tile][row] = self.memory[start : start + self.column_bytes[tile]]

    def tilestored64(self, tile, address, stride):
        for row in range(self.rows[tile]):
            start = address + row * stride
            self.memory[start : start + self.column_bytes[tile]] = self.tiles[tile][row]

    def tdpbf16ps(self, sums, left, right):
        """Add, for each pair k of the left tile's columns, pairs times the pairs in row k of the right one."""
        total = self.tiles[sums].view(np.float32).astype(np.float64)
        a, b = (
            (self.tiles[tile].view(np.uint16).astype(np.uint32) << 16).view(np.float32).astype(np.float64)
            for tile in (left, right)
        )
        pairs = a.shape[1] // 2
        assert pairs <= len(b)
        for k in range(pairs):
            total += np.outer(a[:, 2 * k], b[k, 0::2]) + np.outer(a[:, 2 * k + 1], b[k, 1::2])
        self.tiles[sums][:] = total.astype(np.float32).view(np.uint8)


run_tile: Any = TILE_PRODUCT.emit_tile  # with a model in place of an emitter


def multiply(operands, weights, first):
    """Return first + operands @ weights by tiles, 32 inputs at a time."""
    packed, panels = to_operands(operands, TILE_PRODUCT), to_panels(weights, TILE_PRODUCT)
    parts = [np.ascontiguousarray(array).view(np.uint8).ravel() for array in (panels, packed, first)]
    starts = np.cumsum([0, *map(len, parts)])
    tiles = Tiles(np.concatenate(parts))
    depth = TILE_PRODUCT.k_multiple // TILE_PRODUCT.k_unroll
    for k in range(0, len(weights) // TILE_PRODUCT.k_unroll, depth):
        arrays = TileArrays(
            panels=[starts[0] + panel * panels[0].nbytes + k * NR * 4 for panel in range(len(panels))],
            operands=starts[1] + k * 4,
            operands_stride=packed.strides[0],
            results=starts[2],
            results_stride=first.strides[0],
            depth=depth,
        )
        run_tile(tiles, arrays, len(operands), True)
    return tiles.memory[starts[2] :].view(np.float32).reshape(first.shape)


@pytest.mark.parametrize("inputs", [32, 96])
@pytest.mark.parametrize(("rows", "num_panels"), [(16, 1), (16, 2), (32, 1)])
def test_the_tiles_multiply_matrices(rows, num_panels, inputs):
    assert rows in TILE_PRODUCT.tile_rows
    assert num_panels == 1 or (rows, num_panels) == (TILE_PRODUCT.few_rows, TILE_PRODUCT.panels_of_few_rows)
    random = np.random.default_rng(0)
    shapes = (rows, inputs), (inputs, NR * num_panels), (rows, NR * num_panels)
    operands, weights, first = (random.normal(size=shape).astype(np.float32) for shape in shapes)
    expected = first + round_to_bfloat16(operands).astype(np.float64) @ round_to_bfloat16(weights)
    np.testing.assert_allclose(multiply(operands, weights, first), expected, rtol=1e-5, atol=1e-5)


def test_results_that_are_set_begin_at_zero():
    tiles = Tiles(np.zeros(2**15, np.uint8))
    for tile in tiles.tiles:
        tile[:] = 0x7F
    arrays = TileArrays([0], 4096, 64, 8192, NR * 4, 16)
    run_tile(tiles, arrays, 16, False)
    assert not tiles.memory.any()


def test_all_tiles_are_as_large_as_they_can_be():
    tiles = Tiles(np.zeros(0, np.uint8))
    assert tiles.rows.tolist() == [16] * 8
    assert tiles.column_bytes.tolist() == [64] * 8
    assert len(tile_configuration()) == 64
