"""An instruction set as the emitters see it, and the two kinds of matrix product."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from llvmlite import ir

from charlstm.kernels.emitter import FLOAT, I32, Emitter, Number

Precision = Literal["float32", "bfloat16"]
MultiplyAdd = Callable[[Emitter, ir.Value, ir.Value, ir.Value], ir.Value]  # of operand, weights and sums
NR = 32  # outputs in a panel of packed weights, and in a tile


class TileArrays(NamedTuple):
    """The addresses of a tile's arrays; strides lead from row to row, in bytes."""

    panels: Sequence[ir.Value]  # the first element of each panel
    operands: ir.Value
    operands_stride: Number
    results: ir.Value
    results_stride: Number
    depth: Number  # elements of a panel's column: inputs, or pairs of them


class Product(Protocol):
    """How C (M, N) = A (M, K) @ B (K, N) is computed, in one tile after the other.

    A has the operands, B the weights in panels of NR outputs, (K / k_unroll, NR, k_unroll) each; sums are float32.
    """

    precision: Precision
    k_unroll: int  # inputs that are multiplied at a time, and packed side by side
    k_multiple: int  # to which K is padded
    row_multiple: int  # to which M is padded
    tile_rows: tuple[int, ...]  # rows of a tile, largest first: with several, the others take the rest
    few_rows: int  # with exactly as many rows as this, several panels share a tile
    panels_of_few_rows: int

    def emit_tile(self, emitter: Emitter, arrays: TileArrays, *, rows: int, accumulate: bool) -> None:
        """Emit C += A @ B for one tile, or C = A @ B without `accumulate`."""

    def emit_enter(self, emitter: Emitter) -> None:
        """Emit what a thread needs before its first tile."""

    def emit_leave(self, emitter: Emitter) -> None:
        """Emit what a thread needs after its last tile."""


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


@dataclass(frozen=True)
class VectorProduct:
    """Products from multiplications of vectors.

    A tile of `rows` by NR outputs stays in registers while k runs over all of K (Goto and van de Geijn 2008). For each
    k it loads one row of a panel, and broadcasts one operand per row. A single row would leave most of the multipliers
    idle, so it takes four panels at a time. Each output is summed in the order of k, whatever the shape of its tile.
    """

    lanes: int
    multiply_add: MultiplyAdd
    tile_rows: tuple[int, ...]
    precision: Precision = "float32"
    k_unroll: int = 1
    row_multiple: int = 1
    few_rows: int = 1
    panels_of_few_rows: int = 4

    @property
    def k_multiple(self) -> int:
        return self.k_unroll

    def emit_enter(self, emitter: Emitter) -> None:
        """Emit nothing."""

    def emit_leave(self, emitter: Emitter) -> None:
        """Emit nothing."""

    def emit_tile(self, emitter: Emitter, arrays: TileArrays, *, rows: int, accumulate: bool) -> None:
        e, vector_bytes, element_bytes = emitter, 4 * self.lanes, 4
        columns = range(NR // self.lanes)
        is_paired = self.precision == "bfloat16"
        result_rows = [e.address(arrays.results, e.int(arrays.results_stride) * row) for row in range(rows)]
        operand_rows = [e.address(arrays.operands, e.int(arrays.operands_stride) * row) for row in range(rows)]
        places = [
            [
                e.address(row, (panel * NR + column * self.lanes) * element_bytes)
                for panel in range(len(arrays.panels))
                for column in columns
            ]
            for row in result_rows
        ]
        zeros = ir.Constant(e.floats, None)
        sums = [[e.variable(e.load(place) if accumulate else zeros) for place in row] for row in places]
        with e.loop(0, arrays.depth) as k:
            weights = [
                e.load(
                    e.address(panel, k * (NR * element_bytes) + column * vector_bytes),
                    e.words if is_paired else e.floats,
                )
                for panel in arrays.panels
                for column in columns
            ]
            for operands, row_sums in zip(operand_rows, sums, strict=True):
                operand = e.broadcast(e.load(e.address(operands, k * element_bytes), I32 if is_paired else FLOAT))
                for total, weight in zip(row_sums, weights, strict=True):
                    e.store(self.multiply_add(e, operand, weight, e.load(total)), total)
        for row, row_sums in zip(places, sums, strict=True):
            for place, total in zip(row, row_sums, strict=True):
                e.store(e.load(total), place)


def fused_multiply_add(emitter: Emitter, operand: ir.Value, weights: ir.Value, sums: ir.Value) -> ir.Value:
    """Emit operand * weights + sums, rounded once."""
    return emitter.intrinsic(f"llvm.fma.v{emitter.lanes}f32", emitter.floats, [operand, weights, sums])


def separate_multiply_add(emitter: Emitter, operand: ir.Value, weights: ir.Value, sums: ir.Value) -> ir.Value:
    """Emit operand * weights + sums for processors that have no instruction for both."""
    return emitter.builder.fadd(emitter.builder.fmul(operand, weights), sums)
