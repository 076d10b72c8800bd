"""One recurrent layer over a sequence, forward and backward, of any cell: its compiled code and the memory it needs."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import accumulate, compress
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from llvmlite import ir

from charlstm.arrays import FloatArray
from charlstm.kernels.arena import aligned_empty, empty_workspace
from charlstm.kernels.compiler import CompiledFunction, load_functions
from charlstm.kernels.emitter import Emitter
from charlstm.kernels.gemm import emit_gemm
from charlstm.kernels.gradient import differentiate
from charlstm.kernels.graph import ONE, Term, WeightShape, trace
from charlstm.kernels.isa import chosen_instruction_set
from charlstm.kernels.isa.instruction_set import InstructionSet, Product
from charlstm.kernels.layout import SAVED, WIDEST_VECTOR, Layout, Sizes, group_shape, round_up
from charlstm.kernels.products import ROW_MULTIPLE, Panels, Products
from charlstm.kernels.schedule import schedule
from charlstm.kernels.step_loop import StepLoop

Arrays = dict[str, npt.NDArray[Any]]

CHUNK_ROWS = 256  # rows of a product of many steps


class LayerDescription(Protocol):
    """A layer with names in place of sizes (`charlstm.cells.symbolic.SymbolicLayer`)."""

    @property
    def step(self) -> Callable[..., Any]: ...
    @property
    def shapes(self) -> Mapping[str, tuple[str | None, str, int]]: ...
    @property
    def state_widths(self) -> Sequence[str]: ...
    @property
    def is_first(self) -> bool: ...
    @property
    def passes_cell_state_up(self) -> bool: ...


class LayerKernel:
    """The loops of a layer in one precision, without state: threads may call them side by side.

    In "bfloat16" the operands of the products are rounded; sums, gates and states are float32. A processor that cannot
    multiply bfloat16 computes in float32. Arrays are (time, batch, width).
    """

    def __init__(
        self,
        layer: LayerDescription,
        precision: str,
        *,
        has_table: bool = False,
        needs_gradient: bool = True,
        isa: InstructionSet | None = None,
    ) -> None:
        self.isa = isa or chosen_instruction_set()
        self.product = self.isa.product(precision)
        self.products = Products(self.isa, self.product)
        self.shapes = {name: WeightShape(*shape) for name, shape in layer.shapes.items()}
        self.state_widths = layer.state_widths
        forward = trace(layer, has_table=has_table)
        backward = differentiate(forward) if needs_gradient else None
        self.forward_layout = Layout(schedule(forward), backward=False)
        self._backward_layout = Layout(schedule(backward), backward=True) if backward else None
        self.result_names = list(self.forward_layout.results)
        self.saved_dtypes = {group.name: self.products.operand_dtype for group in self.forward_layout.plan.groups}
        if self.forward_layout.saved:
            self.saved_dtypes[SAVED] = np.dtype(np.float32)

    @cached_property
    def _functions(self) -> dict[str, CompiledFunction]:
        layouts = {"forward": self.forward_layout}
        if self._backward_layout:
            layouts["backward"] = self._backward_layout
        return load_step_loops(layouts, self.isa, self.product)

    @property
    def backward_layout(self) -> Layout:
        if self._backward_layout is None:
            raise ValueError("the kernel was made without a gradient")
        return self._backward_layout

    def _matrix_shape(self, name: str) -> tuple[str, str, int]:
        rows, width, num_blocks = self.shapes[name]
        if rows is None:
            raise ValueError(f"{name} is no matrix")
        return rows, width, num_blocks

    def compile(self) -> None:
        """Compile the code, or load it, before it is needed."""
        _ = self._functions, self.products.functions

    def pack(self, name: str, weights: FloatArray, *, units: int, inputs: int, transposed: bool = False) -> Panels:
        """Pack a matrix (rows, blocks of columns) for `forward`, or transposed for `backward`."""
        rows, width, num_blocks = self._matrix_shape(name)
        sizes = Sizes(1, 1, 1, 1, units, inputs)
        columns = sizes.columns(rows, 1), sizes.columns(width, num_blocks)
        return self.products.pack(weights, columns, sizes.width(width), sizes.padded(width), transposed=transposed)

    def forward(
        self, inputs: Arrays, states: Sequence[FloatArray], weights: Arrays, *, units: int
    ) -> tuple[Arrays, list[FloatArray], Arrays]:
        """Run over a sequence from the given states (batch, width).

        `inputs` are "x", or "ids" with a table, and "lower"; `weights` are matrices in panels, and everything else as
        it is. Returns the results (time, batch, width), the last states, and what `backward` needs.
        """
        layout, sizes = self.forward_layout, self.sizes(inputs, units)
        arrays = self.forward_arrays(sizes, inputs, states, weights)
        results = _empty_results(layout, sizes)
        self._functions["forward"](**sizes._asdict(), first_turn=0, **arrays, **results)
        return results, _last_states(layout, sizes, arrays), {name: arrays[name] for name in self.saved_dtypes}

    def forward_arrays(self, sizes: Sizes, inputs: Arrays, states: Sequence[FloatArray], weights: Arrays) -> Arrays:
        """Return the arguments of the loop forward but for the sizes and the results."""
        memory = self._allocate(self.forward_layout, sizes, states)
        return {**_contiguous(inputs), **memory, **self._weights(weights, sizes)}

    def backward(
        self, inputs: Arrays, weights: Arrays, saved: Arrays, d_results: Arrays, d_states: Sequence[FloatArray],
        *, units: int, needs_weights: bool = True,
    ) -> tuple[Arrays, list[FloatArray]]:  # fmt: skip
        """Return the gradients of inputs ("d_x", "d_lower") and weights by name, and those of the first states.

        d_results ("d_output", ...) and d_states are the gradients of the results and of the last states; the matrices
        are packed transposed. Without `needs_weights` the gradients of matrices are left out.
        """
        layout, sizes = self.backward_layout, self.sizes(inputs, units)
        has_gradient = [width != ONE for width in self.state_widths]
        memory = self._allocate(layout, sizes, list(compress(d_states, has_gradient)))
        for name, nodes in layout.plan.graph.sums.items():
            rows = (len(weights["table"]),) if name == "table" else ()
            memory[f"sum_{name}"] = np.zeros((*rows, sizes.columns(nodes[0].width, len(nodes))), np.float32)
        given = {**_contiguous(inputs | d_results), **memory, **self._weights(weights, sizes)}
        if SAVED in saved:
            given[SAVED] = saved[SAVED]
        results = _empty_results(layout, sizes)
        self._functions["backward"](**sizes._asdict(), first_turn=0, **given, **results)
        for name, nodes in layout.plan.graph.sums.items():
            results[name] = _without_padding(memory[f"sum_{name}"], sizes, nodes[0].width, len(nodes))
        for term in layout.terms if needs_weights else ():
            results[term.weight] = self._weight_gradient(term, saved, memory, sizes)
        found = iter(_last_states(layout, sizes, memory))
        d_first = [next(found) if has else np.zeros_like(d) for has, d in zip(has_gradient, d_states, strict=True)]
        return results, d_first

    def sizes(self, inputs: Arrays, units: int) -> Sizes:
        """Return the sizes of a call."""
        time, rows = next(iter(inputs.values())).shape[:2]
        multiple = self.product.row_multiple
        padded_rows = rows if rows < multiple else round_up(rows, multiple)
        whole_tiles = multiple // math.gcd(rows, multiple)  # so many steps have a multiple of rows
        chunk = 1 if time == 1 else round_up(max(1, min(time, CHUNK_ROWS // padded_rows)), whole_tiles)
        num_inputs = inputs["x"].shape[2] if "x" in inputs else 1
        return Sizes(time, rows, padded_rows, chunk, units, num_inputs)

    def _weights(self, weights: Arrays, sizes: Sizes) -> Arrays:
        """Return the weights by the names of the loops' arguments, those that are not in panels with padding."""
        named: Arrays = {}
        for name, weight in weights.items():
            if weight.ndim == 3:
                named[f"weight_{name}"] = weight
            elif name == "table":
                named[name] = with_padding(weight, sizes, *self.shapes["bias"][1:])
            else:
                padded = with_padding(weight, sizes, *self.shapes[name][1:])
                named |= {f"vector_{name}": padded, f"bias_{name}": padded}
        return named

    def _allocate(self, layout: Layout, sizes: Sizes, states: Sequence[FloatArray]) -> Arrays:
        """Return states, operands, what is saved, and workspaces; the padding of states and operands is zero."""
        memory: Arrays = _views(empty_workspace, layout.workspaces(sizes))
        for (name, width), state in zip(layout.states.items(), states, strict=True):
            memory[name] = np.zeros((2, sizes.padded_rows, sizes.columns(width, 1)), np.float32)
            memory[name][0, : sizes.rows, : sizes.width(width)] = state
        if layout.saved and not layout.backward:
            _, width = layout.saved_offsets(sizes)
            memory[SAVED] = aligned_empty((sizes.time, sizes.padded_rows, width), np.float32)
        for group in layout.plan.groups:
            steps, rows, columns = group_shape(group, sizes)
            operands = aligned_empty(
                (round_up(max(1, steps * rows), ROW_MULTIPLE), columns), self.products.operand_dtype
            )
            operands[steps * rows :] = 0
            used = sizes.padded(group.width) * len(group.nodes)
            if used < columns:
                operands[:, used:] = 0
            if sizes.rows < rows:
                operands[: steps * rows].reshape(steps, rows, columns)[:, sizes.rows :] = 0
            memory[group.name] = operands
        return memory

    def _weight_gradient(self, term: Term, saved: Arrays, memory: Arrays, sizes: Sizes) -> FloatArray:
        """Return the gradient of a matrix of the layer, from the operands of its product and the product's gradient."""
        forward_term = next(forward for forward in self.forward_layout.terms if forward.weight == term.weight)
        left = saved[self.forward_layout.plan.group(forward_term).name]
        right = memory[self.backward_layout.plan.group(term).name]
        product = self.products.weight_gradient(left[: len(right)], right)
        rows, width, num_blocks = self._matrix_shape(term.weight)
        return _without_padding(product[: sizes.width(rows)], sizes, width, num_blocks)


def _views(empty: Callable[..., npt.NDArray[Any]], shapes: Mapping[str, tuple[int, ...]]) -> Arrays:
    """Return arrays of these shapes in one piece of memory."""
    counts = [round_up(math.prod(shape), WIDEST_VECTOR) for shape in shapes.values()]
    ends = list(accumulate(counts, initial=0))
    memory = empty((ends[-1],), np.float32)
    return {
        name: memory[start : start + math.prod(shape)].reshape(shape)
        for (name, shape), start in zip(shapes.items(), ends, strict=False)
    }


def _empty_results(layout: Layout, sizes: Sizes) -> Arrays:
    return {
        name: aligned_empty((sizes.time, sizes.rows, sizes.width(width)), np.float32)
        for name, width in layout.results.items()
    }


def _last_states(layout: Layout, sizes: Sizes, memory: Arrays) -> list[FloatArray]:
    return [
        memory[name][sizes.time % 2, : sizes.rows, : sizes.width(width)].copy() for name, width in layout.states.items()
    ]


def _contiguous(arrays: Arrays) -> Arrays:
    """Return arrays as the compiled code reads them."""
    return {
        name: np.ascontiguousarray(array, np.int32 if name == "ids" else np.float32) for name, array in arrays.items()
    }


def _without_padding(array: FloatArray, sizes: Sizes, width: str, num_blocks: int) -> FloatArray:
    """Return blocks (..., columns) side by side without the padding."""
    outer, size, padded = array.shape[:-1], sizes.width(width), sizes.padded(width)
    blocks = array[..., : num_blocks * padded].reshape(*outer, num_blocks, padded)[..., :size]
    return np.ascontiguousarray(blocks.reshape(*outer, num_blocks * size))


def with_padding(array: FloatArray, sizes: Sizes, width: str, num_blocks: int) -> FloatArray:
    """Return blocks (..., num_blocks * size), each of them padded, and all together."""
    outer, size, padded = array.shape[:-1], sizes.width(width), sizes.padded(width)
    if array.shape[-1] == sizes.columns(width, num_blocks):
        return np.ascontiguousarray(array, np.float32)
    result = np.zeros((*outer, sizes.columns(width, num_blocks)), np.float32)
    blocks = result[..., : num_blocks * padded].reshape(*outer, num_blocks, padded)
    blocks[..., :size] = array.reshape(*outer, num_blocks, size)
    return result


def load_step_loops(
    layouts: Mapping[str, Layout], isa: InstructionSet, product: Product
) -> dict[str, CompiledFunction]:
    """Return the compiled step loops of a layer by name."""
    key = repr([(name, layout.plan.graph.describe()) for name, layout in layouts.items()] + [product.precision])

    def emit() -> ir.Module:
        emitter = Emitter(isa.lanes)
        emit_gemm(emitter, product)
        for name, layout in layouts.items():
            StepLoop(emitter, product, layout, name=name).emit()
        return emitter.module

    return load_functions(key, isa, emit, {name: layout.arguments for name, layout in layouts.items()})
