"""The products of an instruction set in one precision: weights packed for them, and the gradient of weights."""

from functools import cache, cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir

from charlstm.arrays import FloatArray
from charlstm.kernels.arena import aligned_empty, empty_workspace
from charlstm.kernels.compiler import CompiledFunction, load_functions
from charlstm.kernels.emitter import Emitter
from charlstm.kernels.gemm import emit_gemm
from charlstm.kernels.isa.instruction_set import NR, InstructionSet, Product
from charlstm.kernels.layout import WIDEST_VECTOR, round_up
from charlstm.kernels.packing import (
    GRADIENT_ARGUMENTS,
    LINE_ELEMENTS,
    PACK_ARGUMENTS,
    emit_packing,
    emit_weight_gradient,
)

Operands = npt.NDArray[np.float32] | npt.NDArray[np.uint16]
Panels = npt.NDArray[np.float32] | npt.NDArray[np.uint32]

ROWS_AT_ONCE = 512  # of a weight gradient: what a tile reads stays in the caches
ROWS_AT_ONCE_OF_LARGE = 2048  # where the results are too large for the caches: they are read and written less often
LARGE_RESULT = 1_500_000  # elements
ROW_MULTIPLE = 32  # to which the rows of a weight gradient are padded


class Products:
    """Packs weights and operands, and multiplies for the gradient of weights; compiled when first needed."""

    def __init__(self, isa: InstructionSet, product: Product) -> None:
        self._isa, self._product = isa, product
        is_paired = product.k_unroll == 2
        self.packed_dtype: np.dtype[Any] = np.dtype(np.uint32 if is_paired else np.float32)
        self.operand_dtype: np.dtype[Any] = np.dtype(np.uint16 if is_paired else np.float32)

    @cached_property
    def functions(self) -> dict[str, CompiledFunction]:
        """The compiled code: "pack", "pack_transposed", "weight_gradient"."""
        return product_functions(self._isa, self._product)

    def pack(
        self, weights: FloatArray, columns: tuple[int, int], width: int, padded_width: int, *, transposed: bool
    ) -> Panels:
        """Pack a matrix with its rows and columns padded to these numbers."""
        num_inputs, num_outputs = columns[::-1] if transposed else columns
        panels = aligned_empty((num_outputs // NR, num_inputs // self._product.k_unroll, NR), self.packed_dtype)
        self.functions["pack_transposed" if transposed else "pack"](
            weights=np.ascontiguousarray(weights), panels=panels, rows=len(weights), width=width,
            padded_width=padded_width, num_blocks=weights.shape[1] // width, columns=num_outputs,
            depth=panels.shape[1],
        )  # fmt: skip
        return panels

    def pack_dense(self, weights: FloatArray) -> Panels:
        """Pack a matrix (rows, columns) without blocks."""
        rows, width = weights.shape
        padded = round_up(width, WIDEST_VECTOR)
        return self.pack(weights, (round_up(rows, NR), round_up(width, NR)), width, padded, transposed=False)

    def weight_gradient(self, left: Operands, right: Operands) -> FloatArray:
        """Return left.T @ right for operands (rows, columns), rows padded with zeros to ROW_MULTIPLE."""
        result = aligned_empty((left.shape[1], right.shape[1]), np.float32)
        at_once = ROWS_AT_ONCE_OF_LARGE if result.size > LARGE_RESULT else ROWS_AT_ONCE
        depth = min(at_once, len(right)) // self._product.k_unroll
        self.functions["weight_gradient"](
            left=left, right=right, results=result, rows=len(right), rows_at_once=at_once,
            left_panels=empty_workspace((left.shape[1], depth + LINE_ELEMENTS), self.packed_dtype),
            right_panels=empty_workspace((right.shape[1] // NR, depth, NR), self.packed_dtype),
            left_columns=left.shape[1], right_columns=right.shape[1],
        )  # fmt: skip
        return result


@cache
def product_functions(isa: InstructionSet, product: Product) -> dict[str, CompiledFunction]:
    """Return the compiled functions that pack weights and multiply for their gradients."""

    def emit() -> ir.Module:
        emitter = Emitter(isa.lanes)
        emit_gemm(emitter, product)
        emit_packing(emitter, product)
        emit_weight_gradient(emitter, product)
        return emitter.module

    entries = {"pack": PACK_ARGUMENTS, "pack_transposed": PACK_ARGUMENTS, "weight_gradient": GRADIENT_ARGUMENTS}
    return load_functions(f"products {product.precision}", isa, emit, entries)
