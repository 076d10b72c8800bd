"""What the tests of the kernels share: the instruction sets, and layers with random weights in NumPy."""

from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from charlstm.arrays import FloatArray
from charlstm.cells.equations import Array
from charlstm.cells.registry import Cell, LayerSize, get_cell
from charlstm.cells.stack import step_cell
from charlstm.cells.symbolic import symbolic_layer
from charlstm.cells.weights import effective_weights
from charlstm.generation.numpy_ops import NumpyOps, NumpyProjections, keep_float32, round_to_bfloat16
from charlstm.kernels.compiler import CompiledFunction, load_functions
from charlstm.kernels.emitter import Emitter
from charlstm.kernels.isa import INSTRUCTION_SETS, available_instruction_sets
from charlstm.kernels.isa.instruction_set import InstructionSet, Product
from charlstm.kernels.layer import LayerKernel

RECURRENT_CELLS = [
    "rnn", "lstm", "peephole", "coupled", "gru", "depth-gated", "clockwork", "grid", "mogrifier:3", "mlstm",
    "echo-state",
]  # fmt: skip


def _param(isa: InstructionSet, *values: Any, name: str) -> Any:
    skip = pytest.mark.skipif(isa.name not in available_instruction_sets(), reason=f"the processor has no {isa.name}")
    return pytest.param(isa, *values, id=name, marks=skip)


def _distinct_products() -> list[Any]:
    """Return each instruction set with each of its products, those that it shares with a narrower one left out."""
    found: dict[Product, Any] = {}
    for isa in INSTRUCTION_SETS:
        for product in isa.products:
            found.setdefault(product, _param(isa, product, name=f"{isa.name}-{product.precision}"))
    return list(found.values())


ISAS = [_param(isa, name=isa.name) for isa in INSTRUCTION_SETS]
PRODUCTS = _distinct_products()


def float32_isa() -> InstructionSet:
    """Return the first instruction set with this processor's product in float32: wider ones compile to the same."""
    available = list(available_instruction_sets().values())
    return next(isa for isa in available if isa.products[0] is available[-1].products[0])


def compile_functions(isa: InstructionSet, key: str, emit: Any, **entries: list[str]) -> dict[str, CompiledFunction]:
    """Compile functions that `emit` emits with an emitter."""

    def emit_module() -> Any:
        emitter = Emitter(isa.lanes)
        emit(emitter)
        return emitter.module

    return load_functions(f"test {key}", isa, emit_module, entries)


def rounding(product: Product) -> Any:
    """Return how a product rounds its operands."""
    return round_to_bfloat16 if product.precision == "bfloat16" else keep_float32


def to_operands(array: FloatArray, product: Product) -> Any:
    """Return numbers as a product reads them: float32, or the upper halves of those that are rounded to bfloat16."""
    if product.k_unroll == 1:
        return np.ascontiguousarray(array)
    return np.ascontiguousarray(round_to_bfloat16(array).view(np.uint32) >> 16, np.uint16)


def to_panels(weights: FloatArray, product: Product) -> Any:
    """Return weights (K, N) in panels, whole ones, in a NumPy model of their layout."""
    depth, outputs = weights.shape
    operands = to_operands(weights, product).reshape(depth // product.k_unroll, product.k_unroll, outputs // 32, 32)
    panels = np.ascontiguousarray(operands.transpose(2, 0, 3, 1))  # (panels, depth, outputs of a panel, pairs)
    return panels.view(np.uint32 if product.k_unroll == 2 else np.float32)[..., 0]


@dataclass
class Layer:
    """A layer of a cell with random weights, inputs and first states."""

    name: str
    is_first: bool
    units: int
    weights: dict[str, Any]
    inputs: dict[str, Any]  # "x", perhaps "lower": (time, rows, width)
    states: list[Any]
    d_results: dict[str, Any] = field(default_factory=dict)  # gradients of the results and the last states
    d_states: list[Any] = field(default_factory=list)

    @property
    def cell(self) -> Cell:
        return get_cell(self.name)

    @property
    def effective(self) -> dict[str, Any]:
        return effective_weights(self.cell, self.units, self.weights)

    def packed(self, kernel: LayerKernel, *, transposed: bool = False) -> dict[str, Any]:
        width = self.inputs["x"].shape[2]
        return {
            name: kernel.pack(name, weight, units=self.units, inputs=width, transposed=transposed)
            if weight.ndim == 2
            else weight
            for name, weight in self.effective.items()
        }

    def forward(self, kernel: LayerKernel) -> Any:
        return kernel.forward(self.inputs, self.states, self.packed(kernel), units=self.units)

    def backward(self, kernel: LayerKernel, saved: Any) -> Any:
        weights = self.packed(kernel, transposed=True)
        return kernel.backward(self.inputs, weights, saved, self.d_results, self.d_states, units=self.units)

    def in_float64(self) -> "Layer":
        def widen(arrays: dict[str, Any]) -> dict[str, Any]:
            return {name: array.astype(np.float64) for name, array in arrays.items()}

        states = [state.astype(np.float64) for state in self.states]
        return Layer(self.name, self.is_first, self.units, widen(self.weights), widen(self.inputs), states)


def random_layer(
    name: str, *, is_first: bool, units: int = 20, inputs: int = 12, time: int = 5, rows: int = 3, scale: float = 0.3
) -> Layer:
    cell = get_cell(name)
    inputs = units if cell.passes_cell_state_up and not is_first else inputs
    size, random = LayerSize(inputs, units, is_first), np.random.default_rng(units + time)

    def normal(*shape: int) -> FloatArray:
        return random.normal(size=shape).astype(np.float32)

    # a cell that passes its cell state up is given that of the layer below
    lower = {"lower": normal(time, rows, units)} if cell.passes_cell_state_up and not is_first else {}
    results = ("d_output", "d_passed_up") if cell.passes_cell_state_up else ("d_output",)
    states = [
        normal(rows, n) if n > 1 or units == 1 else np.ones((rows, 1), np.float32) for n in cell.state_sizes(size)
    ]
    return Layer(
        name,
        is_first,
        units,
        {weight: scale * normal(*shape) for weight, shape in cell.weight_shapes(size).items()},
        {"x": normal(time, rows, inputs), **lower},
        states,
        {result: normal(time, rows, units) for result in results},
        [normal(*state.shape) for state in states],
    )


def run_in_numpy(layer: Layer, *, round_operands: Any = keep_float32) -> tuple[dict[str, Any], list[Any]]:
    """Return the results (time, rows, units) of a layer by its equations, and its last states."""
    weights = {name: round_operands(w) if w.ndim == 2 else w for name, w in layer.effective.items()}
    projections, states = NumpyProjections(weights, round_operands=round_operands), tuple(layer.states)
    steps = []
    for time, x in enumerate(layer.inputs["x"]):
        lower: Array | None = layer.inputs["lower"][time] if "lower" in layer.inputs else None
        steps.append(step_cell(layer.cell, NumpyOps(), projections, x, lower, states))
        states = steps[-1].states
    results = {"output": np.array([step.output for step in steps])}
    if layer.cell.passes_cell_state_up:
        results["passed_up"] = np.array([step.passed_up for step in steps])
    return results, list(states)


def has_gradient(layer: Layer, state: Any) -> bool:
    return layer.name != "clockwork" or state.shape[1] > 1  # a clock has none


def _loss(layer: Layer, d_results: dict[str, Any], d_states: list[Any]) -> float:
    """Return the sum of all results and last states, each number times its given gradient."""
    results, states = run_in_numpy(layer)
    total = sum((results[name.removeprefix("d_")] * d).sum() for name, d in d_results.items())
    pairs = zip(states, d_states, strict=True)
    return float(total + sum((state * d).sum() for state, d in pairs if has_gradient(layer, d)))


def _moved(layer: Layer, name: str, step: Any) -> Layer:
    """Return a layer with one of its arrays moved by a step."""
    if name in layer.weights:
        return replace(layer, weights=layer.weights | {name: layer.weights[name] + step})
    if name in layer.inputs:
        return replace(layer, inputs=layer.inputs | {name: layer.inputs[name] + step})
    states = [s + step if name == f"state{number}" else s for number, s in enumerate(layer.states)]
    return replace(layer, states=states)


def check_gradients(layer: Layer, gradients: dict[str, Any]) -> None:
    """Compare the gradients of weights, inputs and states by name with the loss's slope in a random direction."""
    exact, random = layer.in_float64(), np.random.default_rng(0)
    given = {f"state{n}": state for n, state in enumerate(layer.states) if has_gradient(layer, state)}
    assert gradients.keys() == layer.weights.keys() | layer.inputs.keys() | given.keys()
    for name, gradient in gradients.items():
        direction = random.normal(size=gradient.shape)
        losses = [
            _loss(_moved(exact, name, step * direction), layer.d_results, layer.d_states) for step in (1e-5, -1e-5)
        ]
        slope = (losses[0] - losses[1]) / 2e-5
        assert abs((gradient * direction).sum() - slope) < 1e-4 * np.linalg.norm(gradient) + 1e-6, name


@cache
def layer_kernel(name: str, isa: InstructionSet, precision: str, *, is_first: bool) -> LayerKernel:
    """Return the loops of a layer, compiled once in all tests."""
    return LayerKernel(symbolic_layer(get_cell(name), is_first=is_first), precision, isa=isa)


def relative_error(actual: Any, expected: Any) -> float:
    """Return the largest difference as a share of the largest number."""
    return float(np.abs(actual - expected).max() / max(1e-6, np.abs(expected).max()))
