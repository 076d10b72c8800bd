"""How far back a gradient reaches: its norm at the states of earlier characters, step by step.

What Bengio, Simard and Frasconi (1994) and Pascanu, Mikolov and Bengio (2013, section 2) call vanishing and exploding
gradients, measured.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from charlstm.arrays import Ids
from charlstm.cells.registry import get_cell
from charlstm.cells.shapes import layer_shapes, state_sizes
from charlstm.cells.stack import has_residual, run_stack, step_cell
from charlstm.config import ModelConfig
from charlstm.network.cell_weights import CellProjections, PackedCellWeights
from charlstm.network.tensorflow_ops import UnitsFirstOps
from charlstm.storage.model_file import NamedWeights

Norms = npt.NDArray[np.float64]  # (characters back,): for 0, 1, 2, ... of them


@dataclass(frozen=True)
class GradientNorms:
    """Norms of the gradient of the loss at one character with respect to the states so many characters earlier.

    The median over streams; infinite where it is beyond what a float holds. `cell` is None for a network that has no
    state of that kind.
    """

    hidden: Norms
    cell: Norms | None


class GradientProbe:
    """A network that is run character by character, forward and then backward.

    The recurrent kernels are multiplied by `recurrent_scale`, the embedding by `input_scale`; `forget_bias` replaces
    the bias that keeps gates open.
    """

    def __init__(
        self,
        config: ModelConfig,
        weights: NamedWeights,
        *,
        recurrent_scale: float = 1.0,
        input_scale: float = 1.0,
        forget_bias: float | None = None,
    ) -> None:
        self._config, self._cell = config, get_cell(config.cell)
        self._embedding = tf.constant(weights["embedding"]) * input_scale
        self._output = tf.constant(weights["output.kernel"]), tf.constant(weights["output.bias"])
        self._layers = []
        for layer in range(config.num_layers):
            named = {name: np.array(weights[f"layers.{layer}.{name}"]) for name in layer_shapes(config, layer)}
            if "recurrent_kernel" in named:
                named["recurrent_kernel"] = named["recurrent_kernel"] * np.float32(recurrent_scale)
            gate = self._cell.forget_gate
            if forget_bias is not None and gate:
                named["bias"].reshape(gate.num_blocks, -1)[gate.block] = gate.bias_sign * forget_bias
            constants = {name: tf.constant(array) for name, array in named.items()}
            self._layers.append(PackedCellWeights(self._cell, config.units, constants, "float32"))
        self._step = tf.function(self._step_graph, autograph=False)
        tf.get_logger().setLevel("ERROR")  # a graph for each shape is what is wanted
        self._pull = tf.function(self._pull_graph, autograph=False)
        self._loss_gradient = tf.function(self._loss_gradient_graph, autograph=False)

    def reach(self, ids: Ids, *, length: int, clip_norm: float = 0.0) -> GradientNorms:
        """Read ids (streams, characters), and go `length` characters back from the loss at the last of them.

        With a `clip_norm` above 0 the gradient of each stream is scaled down to that norm at every step back.
        """
        *read, last = tf.constant(ids.T.astype(np.int32))
        states = [
            [tf.zeros((size, ids.shape[0])) for size in state_sizes(self._config, layer)]
            for layer in range(self._config.num_layers)
        ]
        before = []
        for characters in read:
            before.append(states)
            hidden, states = self._step(characters, states)
        d_hidden = self._loss_gradient(hidden, last)
        d_states = tf.nest.map_structure(tf.zeros_like, states)
        norms, log_scale = [], 0.0
        for place in range(len(read) - 1, max(-1, len(read) - 1 - length - 1), -1):
            d_states = self._pull(read[place], before[place], d_hidden, d_states)
            d_hidden = tf.zeros_like(d_hidden)
            with np.errstate(over="ignore"):
                norms.append(np.array(self._norms(d_states)) * np.exp(log_scale))
            if clip_norm:
                d_states = _clipped(d_states, clip_norm)
            else:
                d_states, log_step = _scaled(d_states)
                log_scale += log_step
        hidden_norms, cell_norms = np.array(norms).T
        return GradientNorms(hidden_norms, cell_norms if self._has_cell_state else None)

    @property
    def _has_cell_state(self) -> bool:
        return state_sizes(self._config, 0) == (self._config.units,) * 2

    def _norms(self, d_states: Any) -> tuple[float, float]:
        """The medians over streams of the norms with respect to h and to c, over all layers."""
        places = (0, 1 if self._has_cell_state else 0)
        squares = [sum(tf.reduce_sum(layer[place] ** 2, axis=0) for layer in d_states if layer) for place in places]
        hidden, cell = (float(np.median(np.sqrt(square))) for square in squares)
        return hidden, cell

    def _step_graph(self, characters: tf.Tensor, states: Any) -> Any:
        """The top layer's output (units, streams) and the states after characters (streams,)."""

        def run_layer(layer: int, x: tf.Tensor, lower: tf.Tensor | None) -> Any:
            weights = self._layers[layer]

            def matmul(name: str, value: tf.Tensor) -> tf.Tensor:
                return tf.matmul(weights.matrices[name], value, transpose_a=True)

            projections = CellProjections(weights, weights.vectors, matmul)
            step = step_cell(self._cell, UnitsFirstOps(), projections, x, lower, tuple(states[layer]))
            return step.output, step.passed_up, list(step.states)

        embedded = tf.transpose(tf.gather(self._embedding, characters))
        return run_stack(self._config.num_layers, embedded, run_layer, residual=has_residual(self._config))

    def _pull_graph(self, characters: tf.Tensor, states: Any, d_hidden: tf.Tensor, d_after: Any) -> Any:
        """The gradient of the states before a step, from those of its output and of the states after it."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(states)
            hidden, after = self._step_graph(characters, states)
        return tape.gradient(
            [hidden, after], states, [d_hidden, d_after], unconnected_gradients=tf.UnconnectedGradients.ZERO
        )

    def _loss_gradient_graph(self, hidden: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """The gradient of each stream's own loss with respect to the top layer's output."""
        kernel, bias = self._output
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(hidden)
            logits = tf.matmul(hidden, kernel, transpose_a=True) + bias
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
        return tape.gradient(loss, hidden)


def _scaled(d_states: Any) -> tuple[Any, float]:
    """The gradients with 1 as their largest number, and ln of what they were divided by: float32 does not reach far."""
    largest = max((float(tf.reduce_max(tf.abs(state))) for state in tf.nest.flatten(d_states)), default=0.0)
    if largest == 0.0:
        return d_states, 0.0
    return tf.nest.map_structure(lambda state: state / largest, d_states), math.log(largest)


def _clipped(d_states: Any, clip_norm: float) -> Any:
    """The gradients with the norm of each stream, over all states, at most `clip_norm`."""
    norm = tf.sqrt(tf.add_n([tf.reduce_sum(state**2, axis=0) for state in tf.nest.flatten(d_states)]))
    factor = tf.minimum(1.0, clip_norm / tf.maximum(norm, 1e-30))
    return tf.nest.map_structure(lambda state: state * factor, d_states)
