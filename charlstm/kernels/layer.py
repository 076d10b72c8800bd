"""One recurrent layer over a sequence, forward and backward, of any cell: its compiled code and the memory it needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir

from charlstm.arrays import FloatArray, Ids
from charlstm.kernels import layout
from charlstm.kernels.arena import Arena
from charlstm.kernels.compiler import CompiledFunction, load_functions
from charlstm.kernels.emitter import Emitter
from charlstm.kernels.gemm import emit_gemm
from charlstm.kernels.gradient import differentiate
from charlstm.kernels.graph import Graph, Term, WeightShape
from charlstm.kernels.isa import chosen_instruction_set
from charlstm.kernels.isa.instruction_set import NR, InstructionSet, Product
from charlstm.kernels.layout import Sizes, round_up
from charlstm.kernels.packing import (
    GRADIENT_ARGUMENTS,
    PACK_ARGUMENTS,
    emit_packing,
    emit_weight_gradient,
    packed_stride,
)
from charlstm.kernels.schedule import Schedule, schedule
from charlstm.kernels.step_loop import StepLoop

Operands = npt.NDArray[np.float32] | npt.NDArray[np.uint16]
Panels = npt.NDArray[np.float32] | npt.NDArray[np.uint32]

CHUNK_ROWS = 256  # rows of a product of many steps
ROWS_AT_ONCE = 512  # of a weight gradient: what a tile reads stays in the caches
ROWS_AT_ONCE_OF_LARGE = 2048  # where the results are too large for the caches: they are read and written less often
LARGE_RESULT = 1_500_000  # elements
ROW_MULTIPLE = 32  # to which the rows of a weight gradient are padded

aligned_empty = Arena().empty
_workspace = Arena().empty  # an arena of its own: the workspaces are always the same memory, warm in the caches


@dataclass(frozen=True)
class LayerSpec:
    """What a layer's code depends on: its graph, and the shapes of its weights."""

    forward: Graph
    shapes: Mapping[str, WeightShape]


class LayerKernel:
    """The loops of a layer in one precision, without state: threads may call them side by side.

    In "bfloat16" the operands of the products are rounded; sums, gates and states are float32. A processor that cannot
    multiply bfloat16 computes in float32. Arrays are (time, batch, width).
    """

    def __init__(self, spec: LayerSpec, precision: str, *, needs_gradient: bool = True) -> None:
        self.isa = chosen_instruction_set()
        self.product = self.isa.product(precision)
        self.shapes, self.needs_gradient = spec.shapes, needs_gradient
        backward = differentiate(spec.forward) if needs_gradient else None
        self.forward_plan = schedule(spec.forward)
        self.backward_plan = schedule(backward) if backward else None
        self._functions = load_step_loops(self.forward_plan, self.backward_plan, self.isa, self.product)
        self._tools = product_functions(self.isa, self.product)

    # Weights

    def packed_shape(self, name: str, sizes: Sizes, *, transposed: bool) -> tuple[int, ...]:
        """Return the shape of a matrix in panels."""
        rows, width, num_blocks = self.shapes[name]
        assert rows is not None
        inputs, outputs = sizes.columns(rows, 1), sizes.columns(width, num_blocks)
        if transposed:
            inputs, outputs = outputs, inputs
        return outputs // NR, inputs // self.product.k_unroll, NR

    def pack(self, name: str, weights: FloatArray, *, units: int, inputs: int, transposed: bool) -> Panels:
        """Pack a matrix for the loop forward, or transposed for the loop backward."""
        sizes = Sizes(1, 1, 1, 1, units, inputs)
        _, width, num_blocks = self.shapes[name]
        panels = aligned_empty(self.packed_shape(name, sizes, transposed=transposed), self.packed_dtype)
        self._tools["pack_transposed" if transposed else "pack"](
            weights=np.ascontiguousarray(weights), panels=panels, rows=len(weights), width=sizes.width(width),
            padded_width=sizes.padded(width), num_blocks=num_blocks, columns=len(panels) * NR, depth=panels.shape[1],
        )  # fmt: skip
        return panels

    @cached_property
    def packed_dtype(self) -> np.dtype[Any]:
        return np.dtype(np.uint32 if self.product.k_unroll == 2 else np.float32)

    @cached_property
    def operand_dtype(self) -> np.dtype[Any]:
        return np.dtype(np.uint16 if self.product.k_unroll == 2 else np.float32)

    # The loops

    def sizes(self, time: int, rows: int, units: int, inputs: int) -> Sizes:
        padded_rows = round_up(rows, self.product.row_multiple)
        return Sizes(time, rows, padded_rows, max(1, min(time, CHUNK_ROWS // max(1, padded_rows))), units, inputs)

    def forward(
        self, sizes: Sizes, arrays: Mapping[str, npt.NDArray[Any]], states: Sequence[FloatArray]
    ) -> tuple[dict[str, FloatArray], list[FloatArray], dict[str, npt.NDArray[Any]]]:
        """Run over a sequence from the given states (batch, width).

        `arrays` holds the sequences, "weight_NAME" in panels, "vector_NAME", "bias_NAME", and with a table "table" and
        "ids". Returns the results (time, batch, width), the last states, and what `backward` needs.
        """
        memory = self._allocate(self.forward_plan, sizes, backward=False)
        results = self._run("forward", self.forward_plan, sizes, memory, arrays, states)
        kept = [layout.SAVED, *(group.name for group in self.forward_plan.groups)]
        saved = {name: memory[name] for name in kept if name in memory}
        return results, self._last_states(self.forward_plan, sizes, memory), saved

    def backward(
        self, sizes: Sizes, arrays: Mapping[str, npt.NDArray[Any]], saved: Mapping[str, npt.NDArray[Any]],
        d_states: Sequence[FloatArray],
    ) -> tuple[dict[str, FloatArray], list[FloatArray], dict[str, FloatArray]]:
        """Return the gradients of the sequences, of the first states, and of the weights by name.

        `arrays` holds the gradients of the results ("d_output", ...), the sequences of `forward`, and "weight_NAME"
        packed transposed; d_states are the gradients of the last states.
        """
        plan = self.backward_plan
        assert plan is not None
        memory = self._allocate(plan, sizes, backward=True)
        given = {**arrays}
        if layout.SAVED in saved:
            given[layout.SAVED] = saved[layout.SAVED]
        for name, nodes in plan.graph.sums.items():
            shape = (arrays["num_rows"], sizes.columns(nodes[0].width, len(nodes))) if name == "table" else (sizes.columns(nodes[0].width, len(nodes)),)
            memory[f"sum_{name}"] = np.zeros(shape, np.float32)
        results = self._run("backward", plan, sizes, memory, given, d_states)
        gradients = {name: self._without_padding(memory[f"sum_{name}"], sizes, nodes[0].width, len(nodes)) for name, nodes in plan.graph.sums.items()}
        for linear in plan.graph.linears():
            for term in linear.terms:
                gradients[term.weight] = self._weight_gradient(term, saved, memory, sizes)
        return results, self._last_states(plan, sizes, memory), gradients

    def _run(
        self, name: str, plan: Schedule, sizes: Sizes, memory: dict[str, npt.NDArray[Any]],
        arrays: Mapping[str, npt.NDArray[Any]], states: Sequence[FloatArray],
    ) -> dict[str, FloatArray]:  # fmt: skip
        results = {
            result: aligned_empty((sizes.time, sizes.rows, sizes.width(width)), np.float32)
            for result, width in layout.sequence_results(plan).items()
        }
        for (state, width), value in zip(sorted(layout.state_widths(plan).items()), states, strict=True):
            memory[state][0, : sizes.rows, : sizes.width(width)] = value
        workspaces = {array.name: _workspace(array.shape, np.float32) for array in layout.workspaces(plan, sizes)}
        self._functions[name](**sizes._asdict(), **{**arrays, **memory, **results, **workspaces})
        return results

    def _allocate(self, plan: Schedule, sizes: Sizes, *, backward: bool) -> dict[str, npt.NDArray[Any]]:
        """Return states, operands and what is saved; the padding of operands is zero."""
        memory: dict[str, npt.NDArray[Any]] = {
            name: np.zeros((2, sizes.padded_rows, sizes.columns(width, 1)), np.float32)
            for name, width in layout.state_widths(plan).items()
        }
        saved = layout.saved_nodes(plan, backward=backward)
        if saved and not backward:
            _, width = layout.saved_offsets(plan, sizes, saved)
            memory[layout.SAVED] = aligned_empty((sizes.time, sizes.padded_rows, width), np.float32)
        for group in plan.groups:
            steps, rows, columns = layout.group_shape(group, sizes)
            operands = aligned_empty((round_up(steps * rows, ROW_MULTIPLE), columns), self.operand_dtype)
            operands[steps * rows :] = 0
            used = sizes.padded(group.width) * len(group.nodes)
            if used < columns:
                operands[:, used:] = 0
            if sizes.rows < rows:
                operands[: steps * rows].reshape(steps, rows, columns)[:, sizes.rows :] = 0
            memory[group.name] = operands
        return memory

    def _last_states(self, plan: Schedule, sizes: Sizes, memory: Mapping[str, npt.NDArray[Any]]) -> list[FloatArray]:
        widths = sorted(layout.state_widths(plan).items())
        return [memory[name][sizes.time % 2, : sizes.rows, : sizes.width(width)].copy() for name, width in widths]

    def _weight_gradient(
        self, term: Term, saved: Mapping[str, npt.NDArray[Any]], memory: Mapping[str, npt.NDArray[Any]], sizes: Sizes
    ) -> FloatArray:
        """Return the gradient of a matrix of the layer, from the operands of its product and the product's gradient."""
        assert self.backward_plan is not None
        forward_term = next(
            forward for linear in self.forward_plan.graph.linears() for forward in linear.terms if forward.weight == term.weight
        )
        left = saved[self.forward_plan.group(forward_term).name]
        right = memory[self.backward_plan.group(term).name]
        product = self.weight_product(left[: len(right)], right)
        rows, width, num_blocks = self.shapes[term.weight]
        assert rows is not None
        return self._without_padding(product[: sizes.width(rows)], sizes, width, num_blocks)

    def weight_product(self, left: Operands, right: Operands) -> FloatArray:
        """Return left.T @ right for operands (rows, columns), rows padded with zeros to ROW_MULTIPLE."""
        result = aligned_empty((left.shape[1], right.shape[1]), np.float32)
        at_once = ROWS_AT_ONCE_OF_LARGE if result.size > LARGE_RESULT else ROWS_AT_ONCE
        depth = min(at_once, len(right)) // self.product.k_unroll
        self._tools["weight_gradient"](
            left=left, right=right, results=result, rows=len(right), rows_at_once=at_once,
            left_panels=_workspace((left.shape[1], packed_stride(depth)), self.packed_dtype),
            right_panels=_workspace((right.shape[1] // NR, depth, NR), self.packed_dtype),
            left_columns=left.shape[1], right_columns=right.shape[1],
        )  # fmt: skip
        return result

    def _without_padding(self, array: FloatArray, sizes: Sizes, width: str, num_blocks: int) -> FloatArray:
        """Return blocks (..., columns) side by side without the padding."""
        outer, size, padded = array.shape[:-1], sizes.width(width), sizes.padded(width)
        blocks = array[..., : num_blocks * padded].reshape(*outer, num_blocks, padded)[..., :size]
        return np.ascontiguousarray(blocks.reshape(*outer, num_blocks * size))

    def with_padding(self, array: FloatArray, sizes: Sizes, width: str, num_blocks: int) -> FloatArray:
        """Return blocks (..., num_blocks * size) with each padded, and all together."""
        outer, size, padded = array.shape[:-1], sizes.width(width), sizes.padded(width)
        result = np.zeros((*outer, sizes.columns(width, num_blocks)), np.float32)
        blocks = result[..., : num_blocks * padded].reshape(*outer, num_blocks, padded)
        blocks[..., :size] = array.reshape(*outer, num_blocks, size)
        return result


def load_step_loops(
    forward: Schedule, backward: Schedule | None, isa: InstructionSet, product: Product
) -> dict[str, CompiledFunction]:
    """Return the compiled loops "forward" and "backward" of a layer."""
    plans = {"forward": forward} | ({"backward": backward} if backward else {})
    key = repr([(name, plan.graph.describe()) for name, plan in plans.items()] + [product.precision])

    def emit() -> ir.Module:
        emitter = Emitter(isa.lanes)
        emit_gemm(emitter, product)
        for name, plan in plans.items():
            StepLoop(emitter, product, plan, name=name, backward=name == "backward").emit()
        return emitter.module

    entries = {name: layout.argument_names(plan, backward=name == "backward") for name, plan in plans.items()}
    return load_functions(key, isa, emit, entries)


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
