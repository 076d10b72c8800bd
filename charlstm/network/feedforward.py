"""The feedforward window of characters in TensorFlow: a network without recurrence, so all steps run at once."""

from collections.abc import Mapping, Sequence

import tensorflow as tf
from tensorflow import Tensor


def run_feedforward(
    weights: Mapping[str, Tensor], x: Tensor, states: Sequence[Tensor], *, dtype: tf.DType
) -> tuple[Tensor, list[Tensor]]:
    """Run a layer over x (time, batch, features); return its outputs and its last states.

    The state of the first layer, (batch, (window - 1) * features), is its inputs before x; the others have none.
    """
    inputs, new_states = x, list[Tensor]()
    if states:
        inputs, new_states = _windows(x, states[0])
    flat = tf.reshape(inputs, (-1, weights["kernel"].shape[0]))
    product = tf.cast(tf.matmul(tf.cast(flat, dtype), tf.cast(weights["kernel"], dtype)), tf.float32)
    outputs = tf.tanh(product + weights["bias"])
    return tf.reshape(outputs, (*tf.unstack(tf.shape(x)[:2]), weights["bias"].shape[0])), new_states


def _windows(x: Tensor, state: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Return each step's window of inputs, (time, batch, window * features), and the state after the last."""
    time, batch, features = tf.shape(x)[0], tf.shape(x)[1], x.shape[2]
    num_previous = state.shape[1] // features
    previous = tf.transpose(tf.reshape(state, (batch, num_previous, features)), (1, 0, 2))
    inputs = tf.concat([previous, x], axis=0)
    windows = tf.concat([inputs[offset : offset + time] for offset in range(num_previous + 1)], axis=2)
    last = tf.transpose(inputs[-num_previous:], (1, 0, 2))
    return windows, [tf.reshape(last, (batch, num_previous * features))]
