"""The norm of the gradient of a loss with respect to the states of earlier characters, from the kernels' own gradient.

Bengio, Simard and Frasconi (1994) and Pascanu, Mikolov and Bengio (2013, section 2) describe how this gradient
vanishes or explodes.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from charlstm.arrays import FloatArray, Ids
from charlstm.cells.registry import Cell, get_cell
from charlstm.cells.shapes import layer_shapes, state_sizes
from charlstm.cells.stack import has_residual, run_stack
from charlstm.cells.symbolic import symbolic_layer
from charlstm.cells.weights import effective_weights
from charlstm.kernels import LayerKernel
from charlstm.storage.model_file import Model

States = list[list[FloatArray]]  # for each layer the cell's states, each (streams, size)
Norms = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GradientNorms:
    """Norms of the gradient of the loss at one character with respect to the states at earlier characters.

    A state n characters back is n steps of the recurrence before the state that the loss's prediction is made from.
    Norms are over all layers, as the median over streams; they are infinite beyond the range of a float.
    """

    characters_back: npt.NDArray[np.intp]  # 1, 2, 3, ...
    hidden: Norms  # (characters back,)
    cell: Norms | None  # (characters back,); None for a cell without a cell state

    def to_json(self) -> dict[str, Any]:
        """Return lists, with None for infinite norms."""

        def finite(norms: Norms) -> list[float | None]:
            return [norm if math.isfinite(norm) else None for norm in norms.tolist()]

        return {
            "characters_back": self.characters_back.tolist(),
            "hidden": finite(self.hidden),
            "cell": None if self.cell is None else finite(self.cell),
        }


class GradientProbe:
    """A network that runs forward and then backward, one character at a time.

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
        self._config, self._cell = model.config, get_cell(model.config.cell)
        self._embedding = model.weights["embedding"] * np.float32(input_scale)
        self._output_kernel, self._output_bias = model.weights["output.kernel"], model.weights["output.bias"]
        weights = [
            self._weights(model, layer, recurrent_scale, forget_bias) for layer in range(model.config.num_layers)
        ]
        self._layers = [
            ProbedLayer(self._cell, layer, self._config.units, layer_weights)
            for layer, layer_weights in enumerate(weights)
        ]

    def _weights(
        self, model: Model, layer: int, recurrent_scale: float, forget_bias: float | None
    ) -> dict[str, FloatArray]:
        weights = {
            name: np.array(model.weights[f"layers.{layer}.{name}"]) for name in layer_shapes(self._config, layer)
        }
        if "recurrent_kernel" in weights:
            weights["recurrent_kernel"] = weights["recurrent_kernel"] * np.float32(recurrent_scale)
        gate = self._cell.forget_gate
        if forget_bias is not None and gate:
            weights["bias"].reshape(gate.num_blocks, -1)[gate.block] = gate.bias_sign * forget_bias
        return effective_weights(self._cell, self._config.units, weights)

    def measure(self, ids: Ids, *, length: int, clip_norm: float = 0.0) -> GradientNorms:
        """Read ids (streams, characters), and go `length` characters back from the loss at the last of them.

        With a `clip_norm` above 0 the gradient of each stream is scaled down to that norm after every step back.
        """
        *characters, target = ids.T
        steps = self._read(characters)
        d_hidden = self._loss_gradient(steps[-1][-1].hidden, target)
        d_states = [[np.zeros_like(state) for state in layer.states] for layer in steps[-1]]
        norms, log_scale = [], 0.0
        for step in reversed(steps[-length:]):
            d_states = self._step_backward(step, d_hidden, d_states)
            d_hidden = np.zeros_like(d_hidden)  # the loss reads the last output only
            with np.errstate(over="ignore"):
                norms.append(np.array(self._norms(d_states)) * np.exp(log_scale))
            if clip_norm:
                d_states = _clip(d_states, clip_norm)
            else:
                d_states, log_step = _normalize(d_states)
                log_scale += log_step
        hidden_norms, cell_norms = np.array(norms).T
        return GradientNorms(
            characters_back=np.arange(1, len(norms) + 1),
            hidden=hidden_norms,
            cell=cell_norms if self._cell.has_cell_state else None,
        )

    def _read(self, characters: Sequence[Ids]) -> list[list["LayerStep"]]:
        """Return the steps of all layers at each character."""
        states: States = [
            [np.zeros((len(characters[0]), size), np.float32) for size in state_sizes(self._config, layer)]
            for layer in range(self._config.num_layers)
        ]
        steps = []
        for character in characters:
            steps.append(self._step(character, states))
            states = [layer.states for layer in steps[-1]]
        return steps

    def _step(self, characters: Ids, states: States) -> list["LayerStep"]:
        """Run one step of all layers."""
        steps: list[LayerStep] = []

        def run_layer(layer: int, x: FloatArray, lower: Any) -> tuple[FloatArray, FloatArray | None, None]:
            steps.append(self._layers[layer].run(x, lower, states[layer]))
            return steps[-1].output, steps[-1].passed_up, None

        hidden, _ = run_stack(
            len(self._layers), self._embedding[characters], run_layer, residual=has_residual(self._config)
        )
        steps[-1] = steps[-1]._replace(hidden=hidden)
        return steps

    def _step_backward(self, steps: Sequence["LayerStep"], d_hidden: FloatArray, d_states: States) -> States:
        """Return the gradients of the states before a step, from those of its output and of the states after it."""
        d_before: States = []
        d_passed_up = None
        for layer in reversed(range(len(steps))):
            gradients, d_layer = self._layers[layer].run_backward(steps[layer], d_hidden, d_passed_up, d_states[layer])
            d_before.insert(0, d_layer)
            d_input, d_passed_up = gradients["d_x"], gradients.get("d_lower")
            d_hidden = d_hidden + d_input if layer and has_residual(self._config) else d_input
        return d_before

    def _norms(self, d_states: States) -> tuple[float, float]:
        """Return the medians over streams of the norms with respect to h and to c, over all layers."""
        indices = (0, 1 if self._cell.has_cell_state else 0)
        squares = [sum((layer[index].astype(np.float64) ** 2).sum(axis=1) for layer in d_states) for index in indices]
        hidden, cell = (float(np.median(np.sqrt(square))) for square in squares)
        return hidden, cell

    def _loss_gradient(self, hidden: FloatArray, targets: Ids) -> FloatArray:
        """Return the gradient of each stream's own loss with respect to the last layer's output (streams, units)."""
        logits = hidden @ self._output_kernel + self._output_bias
        probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        probabilities[np.arange(len(targets)), targets] -= 1
        gradient: FloatArray = probabilities @ self._output_kernel.T
        return gradient


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


def _normalize(d_states: States) -> tuple[States, float]:
    """Scale the gradients so that the largest number is 1, and return ln of the divisor.

    The product of many steps is beyond the range of float32.
    """
    largest = max(float(np.abs(state).max()) for layer in d_states for state in layer)
    if largest == 0.0:
        return d_states, 0.0
    return [[state / np.float32(largest) for state in layer] for layer in d_states], math.log(largest)


def _clip(d_states: States, clip_norm: float) -> States:
    """Scale the gradients of each stream down to `clip_norm`, over all states."""
    norm = np.sqrt(sum((state**2).sum(axis=1) for layer in d_states for state in layer))
    scale = np.minimum(1.0, clip_norm / np.maximum(norm, 1e-30)).astype(np.float32)[:, None]
    return [[state * scale for state in layer] for layer in d_states]
