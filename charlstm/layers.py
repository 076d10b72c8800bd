"""A Keras LSTM layer that runs fast on a CPU, forward and backward.

Three things make it fast. Everything inside the loops is kept as (units, batch): the weights are then the left
operand of the matmul, which oneDNN reads as they lie instead of packing them anew at every step (890 instead of 610
GFLOP/s for 512 units, 32 streams, bfloat16, two cores). The forward loop multiplies input and state in one matmul and
keeps the slopes of the pointwise part, so that the backward loop is five products and one matmul. The gradient of the
weights is one matmul over all steps, after the loop.
"""

from collections.abc import Callable, Sequence
from typing import Any, cast

import keras
import tensorflow as tf

from charlstm.cells import Weights as CellWeights
from charlstm.cells import lstm
from charlstm.loops import unrolled, weight_gradient
from charlstm.operations import UnitsFirst

Tensor = Any


UNROLL = 8  # steps in one turn of a loop


class Projected:
    """A layer's weights for one step of an LSTM, after the matmul: all that it asks for."""

    def of_both(self, x: Tensor, _: Tensor) -> Tensor:
        return x


class FastLSTM(keras.layers.LSTM):
    """`keras.layers.LSTM` with the same weights, config and outputs, and faster loops.

    `precision` is the type of the matmuls' operands, "float32" or "bfloat16"; weights, cell arithmetic and gradients
    are float32 in either. What the fast loops do not cover (masks, other activations, dropout inside the layer, a
    GPU) goes to Keras's own.
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
        states = [tf.transpose(state) for state in initial_state]
        outputs, states = self.run(tf.transpose(sequences, (1, 2, 0)), states)
        output = tf.transpose(outputs, (2, 0, 1)) if self.return_sequences else tf.transpose(outputs[-1])
        return (output, *(tf.transpose(state) for state in states)) if self.return_state else output

    @property
    def is_fast(self) -> bool:
        """Whether the fast loops cover this layer on this machine."""
        cell = self.cell
        plain = (cell.activation, cell.recurrent_activation) == (keras.activations.tanh, keras.activations.sigmoid)
        simple = not (self.go_backwards or self.stateful or self.unroll or cell.dropout or cell.recurrent_dropout)
        return plain and simple and cell.use_bias and not tf.config.list_physical_devices("GPU")

    def run(self, sequence: Tensor, states: Sequence[Tensor], *, learns: bool = True) -> tuple[Tensor, list[Tensor]]:
        """Run over a sequence (time, features, batch) from states (units, batch) each.

        Returns the outputs (time, units, batch) and the last states. Without `learns` nothing is kept for a gradient.
        """
        if not self.is_fast:
            outputs, *after = super().call(
                tf.transpose(sequence, (2, 0, 1)), initial_state=[tf.transpose(state) for state in states]
            )
            return tf.transpose(outputs, (1, 2, 0)), [tf.transpose(state) for state in after]
        cell = self.cell
        ones = tf.ones_like(sequence[:, :1])
        weights = tf.concat([cell.kernel, cell.bias[None], cell.recurrent_kernel], axis=0)
        return run_lstm(tf.concat([sequence, ones], axis=1), Weights(weights, self.precision), states, learns=learns)


class Weights:
    """The weights of a layer as the loops want them: (inputs + units, 4 * units), both ways round, once a step."""

    def __init__(self, weights: Tensor, precision: str) -> None:
        self.master = weights  # float32; gradients go here
        self.dtype = tf.dtypes.as_dtype(precision)
        self.units = weights.shape[1] // 4
        self.backward = tf.cast(tf.stop_gradient(weights), self.dtype)
        self.forward = tf.transpose(self.backward)


def run_lstm(
    sequence: Tensor, weights: Weights, states: Sequence[Tensor], *, learns: bool = True, input_learns: bool = True
) -> tuple[Tensor, list[Tensor]]:
    """Run an LSTM over a sequence (time, inputs, batch) from states h and c, each (units, batch).

    Returns the outputs (time, units, batch) and the last states, in float32. With `learns` a gradient can be taken
    with respect to the sequence (unless not `input_learns`), the weights and the states.
    """
    sequence = tf.cast(sequence, weights.dtype)
    if not learns:
        outputs, h, c, _, _ = _run_forward(sequence, weights, *states, keep=False)
        return outputs, [h, c]

    @tf.custom_gradient
    def run(sequence: Tensor, _: Tensor, h: Tensor, c: Tensor) -> tuple[Any, Callable[..., Any]]:
        outputs, last_h, last_c, inputs, slopes = _run_forward(sequence, weights, h, c, keep=True)

        def gradient(d_outputs: Tensor, d_h: Tensor, d_c: Tensor) -> tuple[Tensor, ...]:
            d_projections, d_sequence, d_h, d_c = _run_backward(
                d_outputs, d_h, d_c, weights, slopes, num_inputs=sequence.shape[1] if input_learns else 0
            )
            if not input_learns:
                d_sequence = tf.zeros_like(sequence)
            return d_sequence, weight_gradient(inputs.stack(), d_projections), d_h, d_c

        return (outputs, last_h, last_c), gradient

    outputs, h, c = run(sequence, weights.master, *states)
    return outputs, [h, c]


def _run_forward(sequence: Tensor, weights: Weights, h: Tensor, c: Tensor, *, keep: bool) -> Any:
    """The loop forward: outputs, last states, and, if asked for, what the loop backward and the weights need."""
    time = tf.shape(sequence)[0]
    outputs = tf.TensorArray(tf.float32, time)
    inputs = tf.TensorArray(weights.dtype, time)
    slopes = [tf.TensorArray(tf.float32, time, clear_after_read=False) for _ in range(6)] if keep else []

    def step(t: Tensor, h: Tensor, c: Tensor, outputs: Any, inputs: Any, slopes: Any) -> Any:
        both = tf.concat([tf.gather(sequence, t), tf.cast(h, weights.dtype)], axis=0)  # (inputs + units, batch)
        projections = tf.cast(tf.matmul(weights.forward, both), tf.float32)  # (4 * units, batch)
        (h,), (_, new_c), activations = lstm(UnitsFirst(), cast("CellWeights", Projected()), projections, (h, c))
        if keep:
            inputs = inputs.write(t, both)
            slopes = [kept.write(t, slope) for kept, slope in zip(slopes, _slopes(activations, c), strict=True)]
        return t + 1, h, new_c, outputs.write(t, h), inputs, slopes

    _, h, c, outputs, inputs, slopes = tf.while_loop(
        lambda t, *_: t < time, unrolled(step, sequence.shape[0], UNROLL), (0, h, c, outputs, inputs, slopes)
    )
    return outputs.stack(), h, c, inputs, slopes


def _slopes(activations: Any, c: Tensor) -> tuple[Tensor, ...]:
    """What the gradient is multiplied with on its way back through the pointwise part, c being the state before.

    The first three take the gradient of the new cell state to the projections of input gate, forget gate and
    candidate; the fourth takes the gradient of h to the output gate's, the fifth to the cell state's; the last takes
    the gradient of the new cell state to the one before.
    """
    i, f, candidate, o, squashed = activations
    sigmoid_slope, tanh_slope = tf.raw_ops.SigmoidGrad, tf.raw_ops.TanhGrad  # (y, dy): dy y (1 - y), dy (1 - y^2)
    return (
        sigmoid_slope(y=i, dy=candidate),
        sigmoid_slope(y=f, dy=c),
        tanh_slope(y=candidate, dy=i),
        sigmoid_slope(y=o, dy=squashed),
        tanh_slope(y=squashed, dy=o),
        f,
    )


def _run_backward(
    d_outputs: Tensor, d_h: Tensor, d_c: Tensor, weights: Weights, slopes: Any, *, num_inputs: int
) -> tuple[Tensor, ...]:
    """The loop backward: gradients of the projections (time, 4 * units, batch), the sequence, and the first states.

    Without inputs that learn (num_inputs 0) their share of the matmul is left out.
    """
    time = tf.shape(d_outputs)[0]
    backward = weights.backward if num_inputs else weights.backward[-weights.units :]
    d_projections = tf.TensorArray(weights.dtype, time)
    d_sequence = tf.TensorArray(weights.dtype, time)

    def step(t: Tensor, d_h: Tensor, d_c: Tensor, d_projections: Any, d_sequence: Any) -> Any:
        to_input, to_forget, to_candidate, to_output, to_cell, forget = (kept.read(t) for kept in slopes)
        d_h += tf.gather(d_outputs, t)
        d_c += d_h * to_cell
        d_z = tf.concat([d_c * to_input, d_c * to_forget, d_c * to_candidate, d_h * to_output], axis=0)
        d_z = tf.cast(d_z, weights.dtype)  # (4 * units, batch)
        d_both = tf.matmul(backward, d_z)
        if num_inputs:
            d_sequence = d_sequence.write(t, d_both[:num_inputs])
        d_h = tf.cast(d_both[num_inputs:], tf.float32)
        return t - 1, d_h, d_c * forget, d_projections.write(t, d_z), d_sequence

    _, d_h, d_c, d_projections, d_sequence = tf.while_loop(
        lambda t, *_: t >= 0,
        unrolled(step, d_outputs.shape[0], UNROLL),
        (time - 1, d_h, d_c, d_projections, d_sequence),
    )
    return d_projections.stack(), d_sequence.stack() if num_inputs else None, d_h, d_c
