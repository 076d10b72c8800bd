"""A network that runs one step at a time and back again in compiled code, without TensorFlow.

Gradients of anything with respect to anything earlier are made of its steps.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from charlstm.arrays import FloatArray, Ids
from charlstm.cells.registry import Cell, get_cell
from charlstm.cells.shapes import layer_shapes, state_sizes
from charlstm.cells.stack import has_residual, run_stack
from charlstm.cells.symbolic import symbolic_layer
from charlstm.cells.weights import effective_weights
from charlstm.storage.model_file import Model

States = list[list[FloatArray]]  # for each layer the cell's states, each (streams, size)
READ_CHUNK = 1000  # characters that are read in one call, which keeps what their gradient would need


class ProbedNetwork:
    """The embedding and the recurrent layers of a model, in float32, with their gradients.

    The recurrent kernels are multiplied by `recurrent_scale` and the embedding by `input_scale`. `forget_bias`
    replaces the bias of the forget gate, with the sign that keeps the state if it is positive.
    """

    def __init__(
        self,
        model: Model,
        *,
        recurrent_scale: float = 1.0,
        input_scale: float = 1.0,
        forget_bias: float | None = None,
    ) -> None:
        self.config, self.cell = model.config, get_cell(model.config.cell)
        self.output_kernel, self.output_bias = model.weights["output.kernel"], model.weights["output.bias"]
        self._embedding = model.weights["embedding"] * np.float32(input_scale)
        weights = [
            self._weights(model, layer, recurrent_scale, forget_bias) for layer in range(model.config.num_layers)
        ]
        self._layers = [
            ProbedLayer(self.cell, layer, self.config.units, layer_weights)
            for layer, layer_weights in enumerate(weights)
        ]

    def _weights(
        self, model: Model, layer: int, recurrent_scale: float, forget_bias: float | None
    ) -> dict[str, FloatArray]:
        weights = {name: np.array(model.weights[f"layers.{layer}.{name}"]) for name in layer_shapes(self.config, layer)}
        if "recurrent_kernel" in weights:
            weights["recurrent_kernel"] = weights["recurrent_kernel"] * np.float32(recurrent_scale)
        gate = self.cell.forget_gate
        if forget_bias is not None and gate:
            weights["bias"].reshape(gate.num_blocks, -1)[gate.block] = gate.bias_sign * forget_bias
        return effective_weights(self.cell, self.config.units, weights)

    def initial_states(self, num_streams: int) -> States:
        """Return zeros."""
        return [
            [np.zeros((num_streams, size), np.float32) for size in state_sizes(self.config, layer)]
            for layer in range(self.config.num_layers)
        ]

    def step(self, characters: Ids, states: States) -> list["LayerStep"]:
        """Run one step of all layers; characters are (streams,)."""
        steps: list[LayerStep] = []

        def run_layer(layer: int, x: FloatArray, lower: Any) -> tuple[FloatArray, FloatArray | None, None]:
            steps.append(self._layers[layer].run(x, lower, states[layer]))
            return steps[-1].output, steps[-1].passed_up, None

        hidden, _ = run_stack(
            len(self._layers), self._embedding[characters], run_layer, residual=has_residual(self.config)
        )
        steps[-1] = steps[-1]._replace(hidden=hidden)
        return steps

    def read(self, ids: Ids, states: States) -> States:
        """Return the states of one stream after it has read ids (characters,); faster than step by step."""
        for start in range(0, len(ids), READ_CHUNK):
            before = states

            def run_layer(layer: int, x: FloatArray, lower: Any, before: States = before) -> Any:
                return self._layers[layer].read(x, lower, before[layer])

            embedded = self._embedding[ids[start : start + READ_CHUNK], None]
            _, states = run_stack(len(self._layers), embedded, run_layer, residual=has_residual(self.config))
        return states

    def step_backward(
        self, steps: Sequence["LayerStep"], d_hidden: FloatArray, d_states: States
    ) -> tuple[FloatArray, States]:
        """Return the gradients of the embedded character, (streams, width), and of the states before a step.

        They follow from those of the step's output and of the states after it.
        """
        d_before: States = []
        d_passed_up = None
        for layer in reversed(range(len(steps))):
            gradients, d_layer = self._layers[layer].run_backward(steps[layer], d_hidden, d_passed_up, d_states[layer])
            d_before.insert(0, d_layer)
            d_input, d_passed_up = gradients["d_x"], gradients.get("d_lower")
            d_hidden = d_hidden + d_input if layer and has_residual(self.config) else d_input
        return d_hidden, d_before

    def logits(self, hidden: FloatArray) -> FloatArray:
        """Return the logits (streams, vocabulary) for outputs of the last layer."""
        logits: FloatArray = hidden @ self.output_kernel + self.output_bias
        return logits


class LayerStep(NamedTuple):
    """One step of a layer: its input, its results, and what its gradient needs; arrays are (streams, width)."""

    inputs: dict[str, FloatArray]  # (1, streams, width)
    output: FloatArray
    passed_up: FloatArray | None
    states: list[FloatArray]
    saved: dict[str, npt.NDArray[Any]]
    hidden: FloatArray  # the last layer's output with its residual


class ProbedLayer:
    """A layer that runs for one step in compiled code."""

    def __init__(self, cell: Cell, layer: int, units: int, weights: Mapping[str, FloatArray]) -> None:
        from charlstm.kernels import LayerKernel  # inspect starts without llvmlite

        self._kernel = LayerKernel(symbolic_layer(cell, is_first=layer == 0), "float32")
        self._units = units
        self._weights, self._transposed = (self._pack(weights, transposed=transposed) for transposed in (False, True))

    def _pack(self, weights: Mapping[str, FloatArray], *, transposed: bool) -> dict[str, npt.NDArray[Any]]:
        kernel, inputs = self._kernel, len(weights["kernel"])
        return {
            name: kernel.pack(name, weight, units=self._units, inputs=inputs, transposed=transposed)
            if kernel.shapes[name].rows
            else weight
            for name, weight in weights.items()
        }

    def run(self, x: FloatArray, lower: FloatArray | None, states: Sequence[FloatArray]) -> LayerStep:
        inputs = {"x": x[None]} | ({} if lower is None else {"lower": lower[None]})
        results, last, saved = self._kernel.forward(inputs, states, self._weights, units=self._units)
        output, passed_up = results["output"][0], results.get("passed_up")
        return LayerStep(inputs, output, None if passed_up is None else passed_up[0], last, saved, output)

    def read(
        self, x: FloatArray, lower: FloatArray | None, states: Sequence[FloatArray]
    ) -> tuple[FloatArray, FloatArray | None, list[FloatArray]]:
        """Run over inputs (characters, streams, width); return the outputs, what is passed up, and the last states."""
        inputs = {"x": x} | ({} if lower is None else {"lower": lower})
        results, last, _ = self._kernel.forward(inputs, states, self._weights, units=self._units)
        return results["output"], results.get("passed_up"), last

    def run_backward(
        self, step: LayerStep, d_output: FloatArray, d_passed_up: FloatArray | None, d_states: Sequence[FloatArray]
    ) -> tuple[dict[str, FloatArray], list[FloatArray]]:
        """Return the gradients of the inputs, (streams, width), and of the states before the step."""
        d_results = {"d_output": d_output[None]}
        if step.passed_up is not None:
            d_results["d_passed_up"] = np.zeros_like(d_output)[None] if d_passed_up is None else d_passed_up[None]
        gradients, d_before = self._kernel.backward(
            step.inputs, self._transposed, step.saved, d_results, d_states, units=self._units, needs_weights=False
        )
        return {name: gradients[name][0] for name in ("d_x", "d_lower") if name in gradients}, d_before
