"""The norm of the gradient of a loss with respect to the states of earlier characters, in TensorFlow.

Bengio, Simard and Frasconi (1994) and Pascanu, Mikolov and Bengio (2013, section 2) describe how this gradient
vanishes or explodes.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow import Tensor

from charlstm.arrays import Ids
from charlstm.cells.registry import get_cell
from charlstm.cells.shapes import layer_shapes, state_sizes
from charlstm.cells.stack import has_residual, run_stack, step_cell
from charlstm.network.cell_weights import CellProjections, PackedCellWeights
from charlstm.network.tensorflow_ops import UnitsFirstOps
from charlstm.storage.model_file import Model

States = list[list[Tensor]]  # for each layer the cell's states, each (size, streams)
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
        self._embedding = tf.constant(model.weights["embedding"]) * input_scale
        self._output_kernel = tf.constant(model.weights["output.kernel"])
        self._output_bias = tf.constant(model.weights["output.bias"])
        self._layers = [
            self._pack_layer(model, layer, recurrent_scale, forget_bias) for layer in range(model.config.num_layers)
        ]
        tf.get_logger().setLevel("ERROR")  # it warns about building a graph for each shape
        self._step = tf.function(self._step_graph, autograph=False)
        self._step_backward = tf.function(self._step_backward_graph, autograph=False)
        self._loss_gradient = tf.function(self._loss_gradient_graph, autograph=False)

    def _pack_layer(
        self, model: Model, layer: int, recurrent_scale: float, forget_bias: float | None
    ) -> PackedCellWeights:
        weights = {
            name: np.array(model.weights[f"layers.{layer}.{name}"]) for name in layer_shapes(self._config, layer)
        }
        if "recurrent_kernel" in weights:
            weights["recurrent_kernel"] = weights["recurrent_kernel"] * np.float32(recurrent_scale)
        gate = self._cell.forget_gate
        if forget_bias is not None and gate:
            weights["bias"].reshape(gate.num_blocks, -1)[gate.block] = gate.bias_sign * forget_bias
        constants = {name: tf.constant(array) for name, array in weights.items()}
        return PackedCellWeights(self._cell, self._config.units, constants, "float32")

    def measure(self, ids: Ids, *, length: int, clip_norm: float = 0.0) -> GradientNorms:
        """Read ids (streams, characters), and go `length` characters back from the loss at the last of them.

        With a `clip_norm` above 0 the gradient of each stream is scaled down to that norm after every step back.
        """
        *characters, target = tf.constant(ids.T.astype(np.int32))
        hidden, states_before = self._read(characters)
        d_hidden = self._loss_gradient(hidden, target)
        d_states = tf.nest.map_structure(tf.zeros_like, states_before[-1])
        norms, log_scale = [], 0.0
        for time in reversed(range(max(0, len(characters) - length), len(characters))):
            d_states = self._step_backward(characters[time], states_before[time], d_hidden, d_states)
            d_hidden = tf.zeros_like(d_hidden)  # the loss reads the last output only
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

    def _read(self, characters: list[Tensor]) -> tuple[Tensor, list[States]]:
        """Return the output after the last character, and the states before each."""
        states: States = [
            [tf.zeros((size, len(characters[0]))) for size in state_sizes(self._config, layer)]
            for layer in range(self._config.num_layers)
        ]
        states_before = []
        for character in characters:
            states_before.append(states)
            hidden, states = self._step(character, states)
        return hidden, states_before

    def _norms(self, d_states: States) -> tuple[float, float]:
        """Return the medians over streams of the norms with respect to h and to c, over all layers."""
        indices = (0, 1 if self._cell.has_cell_state else 0)
        squares = [sum(tf.reduce_sum(layer[index] ** 2, axis=0) for layer in d_states if layer) for index in indices]
        hidden, cell = (float(np.median(np.sqrt(square))) for square in squares)
        return hidden, cell

    def _step_graph(self, characters: Tensor, states: States) -> tuple[Tensor, States]:
        """Return the output of the last layer, (units, streams), and the states after characters (streams,)."""

        def run_layer(layer: int, x: Tensor, lower: Tensor | None) -> tuple[Tensor, Tensor | None, list[Tensor]]:
            weights = self._layers[layer]

            def matmul(name: str, value: Tensor) -> Tensor:
                return tf.matmul(weights.matrices[name], value, transpose_a=True)

            projections = CellProjections(weights, weights.vectors, matmul)
            step = step_cell(self._cell, UnitsFirstOps(), projections, x, lower, tuple(states[layer]))
            return step.output, step.passed_up, list(step.states)

        embedded = tf.transpose(tf.gather(self._embedding, characters))
        return run_stack(self._config.num_layers, embedded, run_layer, residual=has_residual(self._config))

    def _step_backward_graph(self, characters: Tensor, states: States, d_hidden: Tensor, d_states: States) -> States:
        """Return the gradients of the states before a step, from those of its output and of the states after it."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(states)
            results = self._step_graph(characters, states)
        d_before: States = tape.gradient(
            results, states, [d_hidden, d_states], unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        return d_before

    def _loss_gradient_graph(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Return the gradient of each stream's own loss with respect to the last layer's output."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(hidden)
            logits = tf.matmul(hidden, self._output_kernel, transpose_a=True) + self._output_bias
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
        return tape.gradient(loss, hidden)


def _normalize(d_states: States) -> tuple[States, float]:
    """Scale the gradients so that the largest number is 1, and return ln of the divisor.

    The product of many steps is beyond the range of float32.
    """
    largest = max((float(tf.reduce_max(tf.abs(state))) for state in tf.nest.flatten(d_states)), default=0.0)
    if largest == 0.0:
        return d_states, 0.0
    return tf.nest.map_structure(lambda state: state / largest, d_states), math.log(largest)


def _clip(d_states: States, clip_norm: float) -> States:
    """Scale the gradients of each stream down to `clip_norm`, over all states."""
    norm = tf.sqrt(tf.add_n([tf.reduce_sum(state**2, axis=0) for state in tf.nest.flatten(d_states)]))
    scale = tf.minimum(1.0, clip_norm / tf.maximum(norm, 1e-30))
    clipped: States = tf.nest.map_structure(lambda state: state * scale, d_states)
    return clipped
