"""The gradient of the weights: left.T @ right, summed over all steps of all streams.

left (rows, M) is the operands of a layer's steps, right (rows, N) the gradient of their products; a row is one step of
one stream. KC rows at a time are packed into panels that stay in the caches (Goto and van de Geijn 2008, section 4),
and the tiles of gemm.py run over them. In bfloat16 two rows are packed together.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from charlstm.arrays import FloatArray
from charlstm.kernels.arena import Arena
from charlstm.kernels.gemm import INT32, make_tile
from charlstm.kernels.jit import Array, jit
from charlstm.kernels.packing import K_UNROLL, NR, Operands, aligned_empty, round_up
from charlstm.kernels.target import compile_target

KC_SMALL = 192  # rows at a time, or pairs of them: what a tile reads stays in the first cache
KC_LARGE = 1024  # the same for results too large for the caches: they are read and written less often
LARGE_RESULT = 1_500_000  # elements
MC = 256  # columns of the left side at a time: they stay in the second cache while the right side passes
MR = 8 if compile_target().has_avx512 else 2  # columns of the left side in a tile; divides NR

_first_tile, _next_tile = (make_tile(MR, k_stride=NR, accumulate=accumulate) for accumulate in (False, True))
_workspace = Arena().empty  # an arena of its own, so that the panels are always the same memory, warm in the caches


def gemm_tn(left: Operands, right: Operands) -> FloatArray:
    """Return left.T @ right (M, N) in float32, for contiguous left (rows, M) and right (rows, N).

    They are float32, or bfloat16 as uint16.
    """
    k_unroll, dtype = (K_UNROLL, np.uint32) if left.dtype == np.uint16 else (1, np.float32)
    kc = KC_LARGE if left.shape[1] * right.shape[1] > LARGE_RESULT else KC_SMALL
    depth = min(kc, round_up(len(left), k_unroll) // k_unroll)
    left_panels, right_panels = (
        _workspace((round_up(side.shape[1], NR) // NR, depth, NR), dtype) for side in (left, right)
    )
    results = aligned_empty((round_up(left.shape[1], MR), round_up(right.shape[1], NR)), np.float32)
    _multiply(left, right, left_panels, right_panels, results, k_unroll)
    return np.ascontiguousarray(results[: left.shape[1], : right.shape[1]])


@intrinsic
def _pack_row(
    _: object,
    first: types.Array,
    second: types.Array,
    column: types.Type,
    panels: types.Array,
    offset: types.Type,
) -> Any:
    """Copy NR numbers of a row to a row of a panel, or in bfloat16 interleave them with those of a second row."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> ir.Value:
        bf16 = signature.args[3].dtype == types.uint32
        vector = ir.VectorType(ir.IntType(16) if bf16 else ir.FloatType(), NR)

        def pointer(array: int, offset: int, vector: ir.VectorType) -> ir.Value:
            data = context.make_array(signature.args[array])(context, builder, value=arguments[array]).data
            start = builder.gep(builder.bitcast(data, vector.element.as_pointer()), [arguments[offset]])
            return builder.bitcast(start, vector.as_pointer())

        numbers = builder.load(pointer(0, 2, vector), align=2)
        if bf16:
            order = [lane + row for lane in range(NR) for row in (0, NR)]
            mask = ir.Constant(ir.VectorType(INT32, 2 * NR), order)
            pairs = builder.shuffle_vector(numbers, builder.load(pointer(1, 2, vector), align=2), mask)
            numbers = builder.bitcast(pairs, ir.VectorType(INT32, NR))
        builder.store(numbers, pointer(3, 4, numbers.type), align=4)
        return context.get_dummy_value()

    return types.void(first, second, types.intp, panels, types.intp), generate


@jit
def _pack_rows(rows: Array, panels: Array, k_unroll: int) -> None:
    """Pack rows (K, N) into panels (N / NR, K / k_unroll, NR)."""
    depth, num_full = -(-rows.shape[0] // k_unroll), rows.shape[1] // NR
    rest, padding = rows.shape[1] % NR, np.zeros(rows.shape[1], rows.dtype)
    last_columns = np.zeros((2, NR), rows.dtype)  # they do not fill a panel
    for k in range(depth):
        one, other = k_unroll * k, k_unroll * (k + 1) - 1
        first, second = rows[one], rows[other] if other < rows.shape[0] else padding
        for panel in range(num_full):
            _pack_row(first, second, panel * NR, panels, (panel * panels.shape[1] + k) * NR)
        if rest:
            last_columns[0, :rest], last_columns[1, :rest] = first[num_full * NR :], second[num_full * NR :]
            _pack_row(last_columns[0], last_columns[1], 0, panels, (num_full * panels.shape[1] + k) * NR)


@jit
def _multiply(
    left: Array, right: Array, left_panels: Array, right_panels: Array, results: Array, k_unroll: int
) -> None:
    """Write left.T @ right to results (M, N), both padded.

    left (rows, M) and right (rows, N); the panels, (M / NR, KC, NR) and (N / NR, KC, NR), are workspace.
    """
    kc, (height, width) = left_panels.shape[1], results.shape
    size, rows_at_once = kc * NR, kc * k_unroll
    for start in range(0, left.shape[0], rows_at_once):
        rows = slice(start, start + rows_at_once)
        _pack_rows(left[rows], left_panels, k_unroll)
        _pack_rows(right[rows], right_panels, k_unroll)
        depth = -(-min(rows_at_once, left.shape[0] - start) // k_unroll)
        for block in range(0, height, MC):
            for panel in range(right_panels.shape[0]):
                for row in range(block, min(block + MC, height), MR):
                    offset = row // NR * size + row % NR
                    result = row * width + panel * NR
                    if start:
                        _next_tile(right_panels, panel * size, left_panels, offset, 1, results, result, width, depth)
                    else:
                        _first_tile(right_panels, panel * size, left_panels, offset, 1, results, result, width, depth)
