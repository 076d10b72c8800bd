"""A Keras LSTM layer that runs fast on a CPU, forward and backward.

The passes are compiled (passes.py): TensorFlow calls them once for all steps of a shard, forward and backward.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from charlstm.kernels.packing import pack_weights
from charlstm.kernels.sequence import backward_pass, forward_pass, uses_bf16

Tensor = Any


class FastLSTM(keras.layers.LSTM):
    """`keras.layers.LSTM` with the same weights, config and outputs, and faster loops.

    `precision` is the type of the matmuls' operands, "float32" or "bfloat16"; weights, cell arithmetic and sums are
    float32 in either. A processor that cannot multiply bfloat16 takes float32 in the loops. What the fast loops do not
    cover (masks, other activations, dropout inside the layer, a GPU) goes to Keras's own.
    """

    def __init__(self, units: int, *, precision: str = "float32", **settings: Any) -> None:
        super().__init__(units, **settings)
        self.precision = precision

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "precision": self.precision}

    def call(self, sequences: Tensor, initial_state: Any = None, mask: Tensor = None, training: bool = False) -> Any:
        if mask is not None or not self.is_fast:
            return super().call(sequences, initial_state=initial_state, mask=mask, training=training)
        if initial_state is None:
            initial_state = self.get_initial_state(batch_size=tf.shape(sequences)[0])
        outputs, states = self.run(tf.transpose(sequences, (1, 0, 2)), initial_state)
        output = tf.transpose(outputs, (1, 0, 2)) if self.return_sequences else outputs[-1]
        return (output, *states) if self.return_state else output

    @property
    def is_fast(self) -> bool:
        """Whether the fast loops cover this layer on this machine."""
        cell = self.cell
        plain = (cell.activation, cell.recurrent_activation) == (keras.activations.tanh, keras.activations.sigmoid)
        simple = not (self.go_backwards or self.stateful or self.unroll or cell.dropout or cell.recurrent_dropout)
        return plain and simple and cell.use_bias and not tf.config.list_physical_devices("GPU")

    def run(self, sequence: Tensor, states: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Run over a sequence (time, batch, features) from states (batch, units) each.

        Returns the outputs (time, batch, units) and the last states.
        """
        if not self.is_fast:
            return self._run_in_keras(sequence, states)
        cell = self.cell
        return self.run_with_weights(cell.kernel, cell.recurrent_kernel, cell.bias, sequence, states)

    def run_with_weights(
        self, kernel: Tensor, recurrent_kernel: Tensor, bias: Tensor, sequence: Tensor, states: Sequence[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """Run as `run` does, with these weights in place of the layer's own; gradients reach the tensors."""
        if self.is_fast:
            weights = PackedLSTMWeights(bias[None], tf.concat([kernel, recurrent_kernel], axis=0), self.precision)
            return run_lstm(None, sequence, weights, states)
        cell = self.cell
        replaced = [(cell.kernel, kernel), (cell.recurrent_kernel, recurrent_kernel), (cell.bias, bias)]
        with keras.StatelessScope(state_mapping=replaced):
            return self._run_in_keras(sequence, states)

    def _run_in_keras(self, sequence: Tensor, states: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        outputs, *last_states = super().call(tf.transpose(sequence, (1, 0, 2)), initial_state=list(states))
        return tf.transpose(outputs, (1, 0, 2)), last_states


class PackedLSTMWeights:
    """The weights of a layer as the loops want them, made once a step.

    A table (rows, 4 * units): the bias, or what each character comes to before the state is added; and the weights
    (inputs + units, 4 * units), pack_weights both ways round.
    """

    def __init__(self, table: Tensor, weights: Tensor, precision: str) -> None:
        self.table, self.weights = table, weights
        self.bf16 = uses_bf16(precision)
        self.units = weights.shape[1] // 4
        self.num_inputs = weights.shape[0] - self.units
        self.forward, self.backward = (self._panels(transposed) for transposed in (False, True))

    def _panels(self, transposed: bool) -> Tensor:
        def pack(weights: Any) -> Any:
            return pack_weights(weights, bf16=self.bf16, transposed=transposed)

        return _call(pack, [tf.stop_gradient(self.weights)], tf.uint32 if self.bf16 else tf.float32)


def run_lstm(
    ids: Tensor | None,
    sequence: Tensor | None,
    weights: PackedLSTMWeights,
    states: Sequence[Tensor],
    *,
    needs_gradient: bool = True,
) -> tuple[Tensor, list[Tensor]]:
    """Run an LSTM over a sequence (time, batch, inputs), None without inputs, from states h and c, each (batch, units).

    ids (time, batch) choose rows of the weights' table; without them it is the first. Returns the outputs (time,
    batch, units) and the last states. With `needs_gradient` a gradient can be taken with respect to the sequence, the weights
    and the states.
    """
    if sequence is None:
        sequence = tf.zeros((*tf.unstack(tf.shape(ids)), 0))
    if ids is None:
        ids = tf.zeros(tf.shape(sequence)[:2], tf.int32)
    units, num_inputs, operand_kind = weights.units, weights.num_inputs, tf.uint16 if weights.bf16 else tf.float32

    @tf.custom_gradient
    def run(sequence: Tensor, table: Tensor, _: Tensor, h: Tensor, c: Tensor) -> tuple[Any, Callable[..., Any]]:
        def forward(*given: Any) -> list[Any]:
            return forward_pass(*given, bf16=weights.bf16, needs_gradient=needs_gradient)

        kinds = [tf.float32] * 4 + [operand_kind]
        outputs, last_c, gates, cells, operands = _call(forward, [ids, table, weights.forward, sequence, h, c], kinds)
        outputs.set_shape((*sequence.shape[:2], units))
        last_c.set_shape(c.shape)

        def gradient(d_outputs: Tensor, d_h: Tensor, d_c: Tensor) -> tuple[Tensor, ...]:
            given = [ids, operands, gates, cells, c, weights.backward, d_outputs, d_h, d_c, tf.shape(table)[0]]
            return tuple(_call(partial(backward_pass, num_inputs=num_inputs), given, [tf.float32] * 5))

        return (outputs, outputs[-1], last_c), gradient

    outputs, h, c = run(sequence, weights.table, weights.weights, *states)
    return outputs, [h, c]


def _call(function: Callable[..., Any], given: list[Tensor], kinds: Any) -> Any:
    """A call of compiled code from within a graph; it has no memory, so calls may run side by side."""
    return tf.numpy_function(function, given, kinds, stateful=False)
