"""Products of narrow matrices, compiled: what a recurrent step multiplies, a few streams at a time.

A product (streams, outputs) is computed in tiles of a few streams by TILE_WIDTH outputs, which stay in the processor's
registers while all inputs go by (Goto and van de Geijn 2008). The weights lie in panels of TILE_WIDTH outputs, so that
they are read from first to last, and they are pack_weights once for many products. Each number is summed up in the order of
the inputs, so a stream's results do not hang on how many streams there are.

Operands are float32, or bfloat16 (as uint16) in pairs: two inputs that follow each other are multiplied and added up by
one instruction of the processor (AVX512_BF16).
"""

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from charlstm.kernels.jit import HAS_AVX512, compiled
from charlstm.kernels.packing import TILE_WIDTH

LANES = 16 if HAS_AVX512 else 8  # numbers that are worked on together
VECTORS = TILE_WIDTH // LANES
MOST_STREAMS = 8 if HAS_AVX512 else 3  # in a tile: its sums fill the registers

_FLOAT, _INT, _LONG = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_FLOATS, _INTS = ir.VectorType(_FLOAT, LANES), ir.VectorType(_INT, LANES)


def make_tile(num_streams: int, *, num_panels: int = 1, step: int = 1, adds: bool = True) -> Any:
    """An instruction of our own: results += operands @ panels, for some streams and panels next to each other.

    Its arguments are arrays of any shape, each with the place of its first number, and for operands and results the
    distance between streams; last the number of inputs, or of pairs. Between an input and the next one lies `step`.
    One that does not add writes over what stood in the results.
    """

    @intrinsic
    def tile(
        _: Any,
        panels: Any,
        panel: Any,
        operands: Any,
        operand: Any,
        stride: Any,
        results: Any,
        result: Any,
        width: Any,
        depth: Any,
    ) -> Any:
        place = types.intp
        signature = types.void(panels, place, operands, place, place, results, place, place, place)

        def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
            def start(array: int, kind: ir.Type) -> Any:
                data = context.make_array(signature.args[array])(context, builder, value=arguments[array]).data
                return builder.gep(builder.bitcast(data, kind.as_pointer()), [arguments[array + 1]])

            bf16 = signature.args[0].dtype == types.uint32
            _emit(
                builder,
                panels=start(0, _INT if bf16 else _FLOAT),
                operands=_rows(builder, start(2, _INT if bf16 else _FLOAT), arguments[4], num_streams),
                results=_rows(builder, start(5, _FLOAT), arguments[7], num_streams),
                num_panels=num_panels,
                depth=arguments[8],
                step=step,
                adds=adds,
                bf16=bf16,
            )
            return context.get_dummy_value()

        return signature, generate

    return tile


def _rows(builder: ir.IRBuilder, start: Any, stride: Any, count: int) -> list[Any]:
    return [builder.gep(start, [builder.mul(stride, _LONG(row))]) for row in range(count)]


def _emit(
    builder: ir.IRBuilder,
    *,
    panels: Any,
    operands: Any,
    results: Any,
    num_panels: int,
    depth: Any,
    step: int,
    adds: bool,
    bf16: bool,
) -> None:
    """The loop over the inputs, everything that it adds up held in registers."""
    kind = _INTS if bf16 else _FLOATS
    add = _multiply_and_add(builder, bf16)
    columns = range(num_panels * VECTORS)

    def at(pointer: Any, place: Any, kind: ir.Type) -> Any:
        return builder.bitcast(builder.gep(pointer, [place]), kind.as_pointer())

    panel_size = builder.mul(depth, _LONG(TILE_WIDTH))
    starts = [builder.gep(panels, [builder.mul(panel_size, _LONG(panel))]) for panel in range(num_panels)]
    zero = ir.Constant(_FLOATS, None)
    sums = [
        [builder.load(at(row, _LONG(c * LANES), _FLOATS), align=4) if adds else zero for c in columns]
        for row in results
    ]
    before, loop, after = builder.block, builder.append_basic_block("inputs"), builder.append_basic_block("summed")
    builder.branch(loop)
    builder.position_at_end(loop)
    k = builder.phi(_LONG)
    k.add_incoming(_LONG(0), before)
    running = [[builder.phi(_FLOATS) for _ in columns] for _ in results]
    weights = []
    for column in columns:
        panel, vector = divmod(column, VECTORS)
        place = builder.add(builder.mul(k, _LONG(TILE_WIDTH)), _LONG(vector * LANES))
        weights.append(builder.load(at(starts[panel], place, kind), align=4))
    new = []
    for row, sums_of_row in zip(operands, running, strict=True):
        operand = _spread(builder, builder.load(builder.gep(row, [builder.mul(k, _LONG(step))])), kind)
        new.append([add(operand, weight, total) for weight, total in zip(weights, sums_of_row, strict=True)])
    following = builder.add(k, _LONG(1))
    k.add_incoming(following, loop)
    for row_running, row_first, row_new in zip(running, sums, new, strict=True):
        for total, first, later in zip(row_running, row_first, row_new, strict=True):
            total.add_incoming(first, before)
            total.add_incoming(later, loop)
    builder.cbranch(builder.icmp_signed("<", following, depth), loop, after)
    builder.position_at_end(after)
    for row, sums_of_row in zip(results, new, strict=True):
        for column, total in enumerate(sums_of_row):
            builder.store(total, at(row, _LONG(column * LANES), _FLOATS), align=4)


def _multiply_and_add(builder: ir.IRBuilder, bf16: bool) -> Any:
    """A function of operand, weight and sum to the new sum."""
    if not bf16:
        fused = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(_FLOATS, [_FLOATS] * 3), f"llvm.fma.v{LANES}f32"
        )
        return lambda operand, weight, total: builder.call(fused, [operand, weight, total])
    dot = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(_FLOATS, [_FLOATS, _INTS, _INTS]), "llvm.x86.avx512bf16.dpbf16ps.512"
    )
    return lambda operand, weight, total: builder.call(dot, [total, operand, weight])


def _spread(builder: ir.IRBuilder, value: Any, kind: ir.VectorType) -> Any:
    """One number in all lanes."""
    nothing = ir.Constant(kind, ir.Undefined)
    single = builder.insert_element(nothing, value, _INT(0))
    return builder.shuffle_vector(single, nothing, ir.Constant(_INTS, [0] * LANES))


_tile_most, _tile_two, _tile_one = make_tile(MOST_STREAMS), make_tile(2), make_tile(1)
_tile_one_wide = make_tile(1, num_panels=4)  # one stream keeps the adders busy only if it adds up much at once


@compiled
def gemm(panels: Any, operands: Any, results: Any) -> None:
    """results (streams, padded outputs) += operands (streams, padded inputs) @ panels.

    All are contiguous; panels are as `pack_weights` lays them. Operands may be wider than the panels are deep: what is beyond
    is not looked at.
    """
    num_panels, depth = panels.shape[:2]
    stride = operands.shape[1] * operands.itemsize // panels.itemsize
    num_streams, width = results.shape
    panel, size = 0, depth * TILE_WIDTH
    if num_streams == 1:
        while panel + 4 <= num_panels:
            _tile_one_wide(panels, panel * size, operands, 0, stride, results, panel * TILE_WIDTH, width, depth)
            panel += 4
    while panel < num_panels:
        start, column, stream = panel * size, panel * TILE_WIDTH, 0
        while stream + MOST_STREAMS <= num_streams:
            _tile_most(panels, start, operands, stream * stride, stride, results, stream * width + column, width, depth)
            stream += MOST_STREAMS
        while stream + 2 <= num_streams:
            _tile_two(panels, start, operands, stream * stride, stride, results, stream * width + column, width, depth)
            stream += 2
        if stream < num_streams:
            _tile_one(panels, start, operands, stream * stride, stride, results, stream * width + column, width, depth)
        panel += 1
