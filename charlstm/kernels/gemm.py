"""Matrix products for a few rows, as a recurrent step needs them: C (M, N) += A (M, K) @ B (K, N).

A is the operands (one row for each stream), B the weights in panels (packing.py), C float32. C is computed in tiles of
MR rows by NR columns that stay in registers while k runs over all of K (Goto and van de Geijn 2008). For each k a tile
loads one row of a panel into VECTORS registers and broadcasts one operand per row, so MR * VECTORS sums are in flight:

- AVX-512 has 32 registers. NR = 32 is 2 vectors of 16; with MR = 8 that makes 16 sums, twice what two multipliers
  with a latency of 4 cycles need to stay busy, and leaves room for weights and operands.
- AVX2 and NEON have 16 registers or more. NR = 32 is 4 vectors of 8 (NEON: 8 of 4); MR = 3 makes 12 sums on AVX2.

A single row gives a tile only VECTORS sums, so it takes four panels at a time. Each element of C is summed in the
order of k, whatever the shape of its tile: a row's result does not depend on how many rows there are.

Numba has no vector types, so a tile is an intrinsic that emits LLVM instructions.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from charlstm.kernels.jit import Array, jit
from charlstm.kernels.packing import NR
from charlstm.kernels.target import compile_target

LANES = 16 if compile_target().has_avx512 else 8  # float32 in a vector
VECTORS = NR // LANES  # in a row of a panel
MR = 8 if compile_target().has_avx512 else 3  # rows of a tile
PANELS_OF_ONE_ROW = 4

FLOAT, INT32, INT64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
FLOATS, INTS = ir.VectorType(FLOAT, LANES), ir.VectorType(INT32, LANES)


def make_tile(num_rows: int, *, num_panels: int = 1, k_stride: int = 1, accumulate: bool = True) -> Any:
    """Return an intrinsic that computes one tile: C += A @ B, or C = A @ B without `accumulate`.

    Compiled code calls it as tile(panels, offset, operands, offset, stride, results, offset, stride, depth). Offsets
    count elements from the first one of an array of any shape; strides lead from row to row. `depth` is K, or K / 2 in
    bfloat16, where the elements of operands are counted as uint32. `k_stride` leads from one k to the next in the
    operands.
    """

    @intrinsic
    def tile(
        _: object,
        panels: types.Array,
        panels_offset: types.Type,
        operands: types.Array,
        operands_offset: types.Type,
        operands_stride: types.Type,
        results: types.Array,
        results_offset: types.Type,
        results_stride: types.Type,
        depth: types.Type,
    ) -> Any:
        size = types.intp
        signature = types.void(panels, size, operands, size, size, results, size, size, size)

        def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> ir.Value:
            def pointer(array: int, element: ir.Type) -> ir.Value:
                data = context.make_array(signature.args[array])(context, builder, value=arguments[array]).data
                return builder.gep(builder.bitcast(data, element.as_pointer()), [arguments[array + 1]])

            bf16 = signature.args[0].dtype == types.uint32
            element = INT32 if bf16 else FLOAT
            panel_size = builder.mul(arguments[8], INT64(NR))
            _emit_tile(
                builder,
                panels=_row_pointers(builder, pointer(0, element), panel_size, num_panels),
                operands=_row_pointers(builder, pointer(2, element), arguments[4], num_rows),
                results=_row_pointers(builder, pointer(5, FLOAT), arguments[7], num_rows),
                depth=arguments[8],
                k_stride=k_stride,
                accumulate=accumulate,
                bf16=bf16,
            )
            return context.get_dummy_value()

        return signature, generate

    return tile


def _row_pointers(builder: ir.IRBuilder, start: ir.Value, stride: ir.Value, num_rows: int) -> list[ir.Value]:
    return [builder.gep(start, [builder.mul(stride, INT64(row))]) for row in range(num_rows)]


def _vector_pointer(builder: ir.IRBuilder, start: ir.Value, offset: ir.Value, vector: ir.Type) -> ir.Value:
    return builder.bitcast(builder.gep(start, [offset]), vector.as_pointer())


def _emit_tile(
    builder: ir.IRBuilder,
    *,
    panels: list[ir.Value],
    operands: list[ir.Value],
    results: list[ir.Value],
    depth: ir.Value,
    k_stride: int,
    accumulate: bool,
    bf16: bool,
) -> None:
    """Emit the loop over k, with all sums in registers; the lists hold a pointer for each panel or row."""
    columns = range(len(panels) * VECTORS)
    first_sums = [
        [
            builder.load(_vector_pointer(builder, row, INT64(column * LANES), FLOATS), align=4)
            if accumulate
            else ir.Constant(FLOATS, None)
            for column in columns
        ]
        for row in results
    ]
    entry, loop, end = builder.block, builder.append_basic_block("k_loop"), builder.append_basic_block("k_end")
    builder.branch(loop)
    builder.position_at_end(loop)
    k = builder.phi(INT64)
    sums = [[builder.phi(FLOATS) for _ in columns] for _ in results]
    weights = _load_weights(builder, panels, k, bf16)
    new_sums = _multiply_add(builder, operands, builder.mul(k, INT64(k_stride)), weights, sums, bf16)
    next_k = builder.add(k, INT64(1))
    k.add_incoming(INT64(0), entry)
    k.add_incoming(next_k, loop)
    for row_sums, row_first_sums, row_new_sums in zip(sums, first_sums, new_sums, strict=True):
        for phi, first, new in zip(row_sums, row_first_sums, row_new_sums, strict=True):
            phi.add_incoming(first, entry)
            phi.add_incoming(new, loop)
    builder.cbranch(builder.icmp_signed("<", next_k, depth), loop, end)
    builder.position_at_end(end)
    for row, row_sums in zip(results, new_sums, strict=True):
        for column, total in enumerate(row_sums):
            builder.store(total, _vector_pointer(builder, row, INT64(column * LANES), FLOATS), align=4)


def _load_weights(builder: ir.IRBuilder, panels: list[ir.Value], k: ir.Value, bf16: bool) -> list[ir.Value]:
    """Emit the loads of row k of each panel, VECTORS vectors each."""
    offsets = [builder.add(builder.mul(k, INT64(NR)), INT64(vector * LANES)) for vector in range(VECTORS)]
    return [
        builder.load(_vector_pointer(builder, panel, offset, INTS if bf16 else FLOATS), align=4)
        for panel in panels
        for offset in offsets
    ]


def _multiply_add(
    builder: ir.IRBuilder,
    operands: list[ir.Value],
    offset: ir.Value,
    weights: list[ir.Value],
    sums: list[list[ir.Value]],
    bf16: bool,
) -> list[list[ir.Value]]:
    """Emit sums + operand * weights for the operand of each row at `offset`."""
    fused = _multiply_add_function(builder, bf16)
    new_sums = []
    for row, row_sums in zip(operands, sums, strict=True):
        operand = _broadcast(builder, builder.load(builder.gep(row, [offset])), INTS if bf16 else FLOATS)
        new_sums.append([fused(operand, weight, total) for weight, total in zip(weights, row_sums, strict=True)])
    return new_sums


def _multiply_add_function(builder: ir.IRBuilder, bf16: bool) -> Callable[[ir.Value, ir.Value, ir.Value], ir.Value]:
    """Return a function that emits operand * weight + total."""
    if bf16:
        dot_type = ir.FunctionType(FLOATS, [FLOATS, INTS, INTS])
        dot = builder.module.declare_intrinsic("llvm.x86.avx512bf16.dpbf16ps.512", fnty=dot_type)
        return lambda operand, weight, total: builder.call(dot, [total, operand, weight])
    fma_type = ir.FunctionType(FLOATS, [FLOATS] * 3)
    fma = builder.module.declare_intrinsic(f"llvm.fma.v{LANES}f32", fnty=fma_type)
    return lambda operand, weight, total: builder.call(fma, [operand, weight, total])


def _broadcast(builder: ir.IRBuilder, value: ir.Value, vector: ir.VectorType) -> ir.Value:
    """Emit a vector with the value in all lanes."""
    undefined = ir.Constant(vector, ir.Undefined)
    single = builder.insert_element(undefined, value, INT32(0))
    return builder.shuffle_vector(single, undefined, ir.Constant(INTS, [0] * LANES))


_tile_of_mr, _tile_of_two, _tile_of_one = make_tile(MR), make_tile(2), make_tile(1)
_wide_tile = make_tile(1, num_panels=PANELS_OF_ONE_ROW)


@jit
def gemm(panels: Array, operands: Array, results: Array) -> None:
    """Add operands (M, K) @ panels (N / NR, K, NR) to results (M, N), N padded to a multiple of NR.

    All are contiguous. In bfloat16 operands are uint16, and panels (N / NR, K / 2, NR) in uint32. Operands may have
    more columns than K: the rest is ignored.
    """
    num_panels, depth = panels.shape[:2]
    stride = operands.shape[1] * operands.itemsize // panels.itemsize
    num_rows, width = results.shape
    panel, size = 0, depth * NR
    if num_rows == 1:
        while panel + PANELS_OF_ONE_ROW <= num_panels:
            _wide_tile(panels, panel * size, operands, 0, stride, results, panel * NR, width, depth)
            panel += PANELS_OF_ONE_ROW
    while panel < num_panels:
        start, column, row = panel * size, panel * NR, 0
        while row + MR <= num_rows:
            _tile_of_mr(panels, start, operands, row * stride, stride, results, row * width + column, width, depth)
            row += MR
        while row + 2 <= num_rows:
            _tile_of_two(panels, start, operands, row * stride, stride, results, row * width + column, width, depth)
            row += 2
        if row < num_rows:
            _tile_of_one(panels, start, operands, row * stride, stride, results, row * width + column, width, depth)
        panel += 1
