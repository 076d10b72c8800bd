"""An instruction set as the emitters see it, and the two kinds of matrix product."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple

from llvmlite import ir

from charlstm.kernels.emitter import FLOAT, I32, Emitter, Int, Number

Precision = Literal["float32", "bfloat16"]
MultiplyAdd = Callable[[Emitter, ir.Value, ir.Value, ir.Value], ir.Value]  # of operand, weights and sums
NR = 32  # outputs in a panel of packed weights, and in a tile
ELEMENT_BYTES = 4  # of a panel: a float32, or a pair of bfloat16


class TileArrays(NamedTuple):
    """The addresses of a tile's arrays; strides lead from row to row, in bytes."""

    panels: Sequence[ir.Value]  # the first element of each panel
    operands: ir.Value
    operands_stride: Number
    results: ir.Value
    results_stride: Number
    depth: Number  # elements of a panel's column: inputs, or pairs of them


EmitTile = Callable[[Emitter, TileArrays, int, bool], None]  # with the number of rows, and whether results are added to


def _emit_nothing(*_: object) -> None:
    """Emit nothing."""


@dataclass(frozen=True)
class Product:
    """How C (M, N) = A (M, K) @ B (K, N) is computed, in one tile after the other.

    A has the operands, B the weights in panels of NR outputs, (K / k_unroll, NR, k_unroll) each; sums are float32.
    `emit_tile` emits C += A @ B for one tile, or C = A @ B.
    """

    precision: Precision
    emit_tile: EmitTile
    tile_rows: tuple[int, ...]  # rows of a tile, largest first: the others take the rest
    few_rows: int  # with exactly as many rows as this, several panels share a tile
    panels_of_few_rows: int
    k_unroll: int = 1  # inputs that are multiplied at a time, and packed side by side
    k_multiple: int = 1  # to which K is padded
    row_multiple: int = 1  # to which M is padded, unless it is less
    emit_enter: Callable[[Emitter, Number], None] = _emit_nothing  # before a thread's products of so many rows
    emit_leave: Callable[[Emitter], None] = _emit_nothing  # after a thread's last tile


@dataclass(frozen=True)
class InstructionSet:
    """What one family of processors offers."""

    name: str
    architecture: str | None  # of LLVM's triple; None: any
    required: frozenset[str]  # features, by LLVM's names
    cpu: str  # that LLVM compiles for
    features: str
    lanes: int  # float32 in a vector
    products: tuple[Product, ...]

    def product(self, precision: str) -> Product:
        """Return the product of a precision; without instructions for it, the one in float32."""
        return next((p for p in self.products if p.precision == precision), self.products[0])


def vector_product(
    multiply_add: MultiplyAdd,
    *,
    tile_rows: tuple[int, ...],
    precision: Precision = "float32",
    k_unroll: int = 1,
    panels_of_few_rows: int = 4,
) -> Product:
    """Return products from multiplications of vectors.

    A tile of some rows by NR outputs stays in registers while k runs over all of K (Goto and van de Geijn 2008). For
    each k it loads one row of a panel, and broadcasts one operand per row; the smaller of the two stays in registers
    while the other passes. A single row would leave most of the multipliers idle, so it takes several panels at a time.
    Each output is summed in the order of k, whatever the shape of its tile.
    """

    def emit_tile(emitter: Emitter, arrays: TileArrays, rows: int, accumulate: bool) -> None:
        sums = _first_sums(emitter, arrays, rows, accumulate=accumulate)
        element = I32 if k_unroll == 2 else FLOAT
        operand_rows = [_at_row(emitter, arrays.operands, arrays.operands_stride, row) for row in range(rows)]
        with emitter.loop(0, arrays.depth) as k:
            _emit_step(emitter, multiply_add, arrays.panels, operand_rows, sums, k, element)
        for row, row_sums in enumerate(sums):
            for place, total in zip(_result_places(emitter, arrays, row), row_sums, strict=True):
                emitter.store(emitter.load(total), place)

    return Product(precision, emit_tile, tile_rows, 1, panels_of_few_rows, k_unroll, k_multiple=k_unroll)


def _at_row(e: Emitter, array: ir.Value, stride: Number, row: int) -> ir.Value:
    return e.address(array, e.integer(stride) * row)


def _result_places(e: Emitter, arrays: TileArrays, row: int) -> list[ir.Value]:
    start = _at_row(e, arrays.results, arrays.results_stride, row)
    return [e.address(start, column * ELEMENT_BYTES) for column in range(0, len(arrays.panels) * NR, e.lanes)]


def _first_sums(e: Emitter, arrays: TileArrays, rows: int, *, accumulate: bool) -> list[list[ir.Value]]:
    """Return a variable for each vector of a tile, with the results so far or zeros."""
    zeros = ir.Constant(e.floats, None)
    return [
        [e.variable(e.load(place) if accumulate else zeros) for place in _result_places(e, arrays, row)]
        for row in range(rows)
    ]


def _emit_step(
    e: Emitter, multiply_add: MultiplyAdd, panels: Sequence[ir.Value], rows: Sequence[ir.Value],
    sums: Sequence[Sequence[ir.Value]], k: Int, element: ir.Type,
) -> None:  # fmt: skip
    """Emit the products at k. Operands and weights are loaded where they are first used."""

    @cache
    def operand(row: int) -> ir.Value:
        return e.broadcast(e.load(e.address(rows[row], k * ELEMENT_BYTES), element))

    @cache
    def weight(vector: int) -> ir.Value:
        panel, column = divmod(vector * e.lanes, NR)
        return e.load(e.address(panels[panel], (k * NR + column) * ELEMENT_BYTES), ir.VectorType(element, e.lanes))

    for row, vector in _order(len(rows), len(sums[0])):
        total = sums[row][vector]
        e.store(multiply_add(e, operand(row), weight(vector), e.load(total)), total)


def _order(rows: int, vectors: int) -> list[tuple[int, int]]:
    """Return the sums of a tile (row, vector) in an order in which the smaller side stays in registers."""
    if rows < vectors:
        return [(row, vector) for vector in range(vectors) for row in range(rows)]
    return [(row, vector) for row in range(rows) for vector in range(vectors)]


def fused_multiply_add(emitter: Emitter, operand: ir.Value, weights: ir.Value, sums: ir.Value) -> ir.Value:
    """Emit operand * weights + sums, rounded once."""
    return emitter.intrinsic(f"llvm.fma.v{emitter.lanes}f32", emitter.floats, [operand, weights, sums])


def separate_multiply_add(emitter: Emitter, operand: ir.Value, weights: ir.Value, sums: ir.Value) -> ir.Value:
    """Emit operand * weights + sums for processors that have no instruction for both."""
    return emitter.builder.fadd(emitter.builder.fmul(operand, weights), sums)
