"""Sums of outer products, compiled: the gradient of weights, of what was multiplied and of what came of it.

left.T @ right, both (rows, columns), is the sum of as many outer products as there are rows; all steps of all streams
give one each. Some rows at a time are laid in panels that stay in the processor's caches (Goto and van de Geijn 2008,
section 4), and the tiles of tiles.py run over them. bfloat16 goes in pairs of rows.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from charlstm.kernels.arena import Arena
from charlstm.kernels.gemm import make_tile
from charlstm.kernels.jit import HAS_AVX512, compiled
from charlstm.kernels.packing import TILE_WIDTH, aligned, padded

FEW_ROWS, MANY_ROWS = 192, 1024  # or pairs of them, at once: of few, what a tile reads stays in the nearest cache
LARGE = 1_500_000  # sums, from here on too large for the caches: with many rows at once they come and go less often
COLUMNS_AT_ONCE = 256  # of the left side; they stay in the second cache while the right side goes by
TILE_HEIGHT = 8 if HAS_AVX512 else 2  # columns of the left side in a tile; divides TILE_WIDTH

_first_tile, _tile = (make_tile(TILE_HEIGHT, step=TILE_WIDTH, adds=adds) for adds in (False, True))
_room = Arena().empty  # of its own, so that it is the same again and again, and warm in the caches


def gemm_tn(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """left.T @ right in float32, of contiguous operands (rows, columns): float32, or bfloat16 as uint16."""
    k_unroll, kind = (2, np.uint32) if left.dtype == np.uint16 else (1, np.float32)
    rows = MANY_ROWS if left.shape[1] * right.shape[1] > LARGE else FEW_ROWS
    depth = min(rows, padded(len(left), k_unroll) // k_unroll)
    left_panels, right_panels = (
        _room((padded(side.shape[1], TILE_WIDTH) // TILE_WIDTH, depth, TILE_WIDTH), kind) for side in (left, right)
    )
    results = aligned((padded(left.shape[1], TILE_HEIGHT), padded(right.shape[1], TILE_WIDTH)), np.float32)
    _multiply(left, right, left_panels, right_panels, results, k_unroll)
    return np.ascontiguousarray(results[: left.shape[1], : right.shape[1]])


@intrinsic
def _lay(_: Any, first: Any, second: Any, column: Any, panels: Any, place: Any) -> Any:
    """TILE_WIDTH numbers of a row, or of two that are taken together, as they stand in a panel."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        bf16 = signature.args[3].dtype == types.uint32
        kind = ir.IntType(16) if bf16 else ir.FloatType()
        vector = ir.VectorType(kind, TILE_WIDTH)

        def start(array: int, place: int, vector: ir.VectorType) -> Any:
            data = context.make_array(signature.args[array])(context, builder, value=arguments[array]).data
            at = builder.gep(builder.bitcast(data, vector.element.as_pointer()), [arguments[place]])
            return builder.bitcast(at, vector.as_pointer())

        numbers = builder.load(start(0, 2, vector), align=2)
        if bf16:
            order = [lane + row for lane in range(TILE_WIDTH) for row in (0, TILE_WIDTH)]
            mask = ir.Constant(ir.VectorType(ir.IntType(32), 2 * TILE_WIDTH), order)
            pairs = builder.shuffle_vector(numbers, builder.load(start(1, 2, vector), align=2), mask)
            numbers = builder.bitcast(pairs, ir.VectorType(ir.IntType(32), TILE_WIDTH))
        builder.store(numbers, start(3, 4, numbers.type), align=4)
        return context.get_dummy_value()

    return types.void(first, second, types.intp, panels, types.intp), generate


@compiled
def _lay_rows(rows: Any, panels: Any, k_unroll: int) -> None:
    """Lay rows (count, columns) in panels (columns / TILE_WIDTH, count / together, TILE_WIDTH)."""
    depth, full = -(-rows.shape[0] // k_unroll), rows.shape[1] // TILE_WIDTH
    rest, nothing = rows.shape[1] % TILE_WIDTH, np.zeros(rows.shape[1], rows.dtype)
    ends = np.zeros((2, TILE_WIDTH), rows.dtype)  # what does not fill a panel
    for k in range(depth):
        one, other = k_unroll * k, k_unroll * (k + 1) - 1
        first, second = rows[one], rows[other] if other < rows.shape[0] else nothing
        for panel in range(full):
            _lay(first, second, panel * TILE_WIDTH, panels, (panel * panels.shape[1] + k) * TILE_WIDTH)
        if rest:
            ends[0, :rest], ends[1, :rest] = first[full * TILE_WIDTH :], second[full * TILE_WIDTH :]
            _lay(ends[0], ends[1], 0, panels, (full * panels.shape[1] + k) * TILE_WIDTH)


@compiled
def _multiply(left: Any, right: Any, left_panels: Any, right_panels: Any, results: Any, k_unroll: int) -> None:
    most, (height, width) = left_panels.shape[1], results.shape
    size, at_once = most * TILE_WIDTH, most * k_unroll
    for start in range(0, left.shape[0], at_once):
        rows = slice(start, start + at_once)
        _lay_rows(left[rows], left_panels, k_unroll)
        _lay_rows(right[rows], right_panels, k_unroll)
        depth = -(-min(at_once, left.shape[0] - start) // k_unroll)
        for first in range(0, height, COLUMNS_AT_ONCE):
            for panel in range(right_panels.shape[0]):
                for row in range(first, min(first + COLUMNS_AT_ONCE, height), TILE_HEIGHT):
                    place = row // TILE_WIDTH * size + row % TILE_WIDTH
                    result = row * width + panel * TILE_WIDTH
                    if start:
                        _tile(right_panels, panel * size, left_panels, place, 1, results, result, width, depth)
                    else:
                        _first_tile(right_panels, panel * size, left_panels, place, 1, results, result, width, depth)
