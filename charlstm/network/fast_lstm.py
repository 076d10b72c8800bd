"""A Keras LSTM layer that runs fast on a CPU, forward and backward.

TensorFlow calls the compiled loops (charlstm.kernels) once for all steps of a sequence. Compiled code is opaque to it,
so the gradient is given with `tf.custom_gradient`.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from charlstm.kernels import LSTMKernel, is_supported

Tensor = Any  # tf.Tensor, keras.Variable, or a symbolic tensor of a graph


class FastLSTM(keras.layers.LSTM):
    """`keras.layers.LSTM` with the same weights, config and outputs, and faster loops.

    `precision` is the type of the operands of its products, "float32" or "bfloat16"; weights, sums and cell arithmetic
    are float32 in both. A processor that cannot multiply bfloat16 computes in float32. Keras's own loops serve where
    the fast ones do not apply: masks, other activations, dropout inside the layer, a GPU, unsupported processors.
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
        """Whether the fast loops can run this layer on this machine."""
        cell = self.cell
        activations = cell.activation, cell.recurrent_activation
        has_lstm_activations = activations == (keras.activations.tanh, keras.activations.sigmoid)
        has_dropout = cell.dropout or cell.recurrent_dropout
        is_plain = not (self.go_backwards or self.stateful or self.unroll or has_dropout)
        on_cpu = is_supported() and not tf.config.list_physical_devices("GPU")
        return has_lstm_activations and is_plain and cell.use_bias and on_cpu

    def run(self, sequence: Tensor, states: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Run over a sequence (time, batch, features) from states h and c, (batch, units) each.

        Returns the outputs (time, batch, units) and the last states. The layer must return sequences and states.
        """
        if not self.is_fast:
            return self._run_in_keras(sequence, states)
        cell = self.cell
        return self.run_with_weights(cell.kernel, cell.recurrent_kernel, cell.bias, sequence, states)

    def run_with_weights(
        self, kernel: Tensor, recurrent_kernel: Tensor, bias: Tensor, sequence: Tensor, states: Sequence[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """Run as `run` does, with these weights in place of the layer's own; gradients reach the tensors.

        This is how a share of the weights is dropped for one step.
        """
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
    """The weights of a layer in the layout of the fast loops, packed once a step and shared by all shards.

    `table` (rows, 4 * units) is the bias, or each character's projection where the input is looked up. `weights`
    (inputs + units, 4 * units) is the kernel above the recurrent kernel.
    """

    def __init__(self, table: Tensor, weights: Tensor, precision: str) -> None:
        self.table, self.weights = table, weights
        self.kernel = LSTMKernel(precision)
        self.units = weights.shape[1] // 4
        self.num_inputs = weights.shape[0] - self.units
        self.packed, self.packed_transposed = (self._pack(transposed=transposed) for transposed in (False, True))

    def _pack(self, *, transposed: bool) -> Tensor:
        pack = partial(self.kernel.pack, transposed=transposed)
        return _call(pack, [tf.stop_gradient(self.weights)], self.kernel.packed_dtype)


def run_lstm(
    ids: Tensor | None,
    sequence: Tensor | None,
    weights: PackedLSTMWeights,
    states: Sequence[Tensor],
    *,
    needs_gradient: bool = True,
) -> tuple[Tensor, list[Tensor]]:
    """Run an LSTM over a sequence (time, batch, inputs), None without inputs, from states h and c, (batch, units) each.

    ids (time, batch) select rows of the weights' table; without them the first row is used. Returns the outputs (time,
    batch, units) and the last states. Gradients can be taken of the sequence, the weights and the states, unless
    `needs_gradient` is False, which saves memory.
    """
    if sequence is None:
        sequence = tf.zeros((*tf.unstack(tf.shape(ids)), 0))
    if ids is None:
        ids = tf.zeros(tf.shape(sequence)[:2], tf.int32)
    kernel = weights.kernel

    @tf.custom_gradient
    def run(sequence: Tensor, table: Tensor, _: Tensor, h: Tensor, c: Tensor) -> tuple[Any, Callable[..., Any]]:
        forward = partial(kernel.forward, needs_gradient=needs_gradient)
        arguments = [ids, table, weights.packed, sequence, h, c]
        outputs, last_c, *saved = _call(forward, arguments, [tf.float32, tf.float32, *kernel.saved_dtypes])
        outputs.set_shape((*sequence.shape[:2], weights.units))
        last_c.set_shape(c.shape)

        def gradient(d_outputs: Tensor, d_h: Tensor, d_c: Tensor) -> tuple[Tensor, ...]:
            backward = partial(kernel.backward, num_inputs=weights.num_inputs)
            gradients = d_outputs, d_h, d_c
            arguments = [ids, *saved, c, weights.packed_transposed, *gradients, tf.shape(table)[0]]
            return tuple(_call(backward, arguments, [tf.float32] * 5))

        return (outputs, outputs[-1], last_c), gradient

    outputs, h, c = run(sequence, weights.table, weights.weights, *states)
    return outputs, [h, c]


def _call(function: Callable[..., Any], arguments: list[Tensor], dtypes: Any) -> Any:
    """Call compiled code from a graph. It has no state, so TensorFlow may run calls side by side, or leave them out."""
    return tf.numpy_function(function, arguments, dtypes, stateful=False)
