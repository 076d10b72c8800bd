"""Keras's own recurrent layers, which run on a GPU, with the weights of a layer of ours."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf
from tensorflow import Tensor

KERAS_CELLS = ("lstm", "gru", "rnn")


def uses_keras_layers(cell: str) -> bool:
    """Return whether a cell runs in Keras's layers: on a GPU, if Keras has the cell. Others run on the CPU."""
    return cell in KERAS_CELLS and bool(tf.config.list_physical_devices("GPU"))


class KerasRecurrent:
    """One of Keras's recurrent layers; its own variables are placeholders for the weights of each call."""

    def __init__(self, cell: str, units: int, inputs: int) -> None:
        settings = {"return_sequences": True, "return_state": True}
        layers = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU, "rnn": keras.layers.SimpleRNN}
        self.layer: Any = layers[cell](units, **settings)
        self.layer.build((None, None, inputs))

    def run(
        self, weights: Mapping[str, Tensor], sequence: Tensor, states: Sequence[Tensor], *, dtype: tf.DType
    ) -> tuple[Tensor, list[Tensor]]:
        """Run over a sequence (time, batch, features) from states (batch, units); as `PreparedLayer.run`.

        In bfloat16 weights and sequence are rounded as on the CPU; the hidden state within Keras's loop is not.
        """
        bias = weights["bias"]
        if "recurrent_bias" in weights:
            bias = tf.stack([bias, weights["recurrent_bias"]])
        kernel, recurrent_kernel, x = (
            _rounded(array, dtype) for array in (weights["kernel"], weights["recurrent_kernel"], sequence)
        )
        cell = self.layer.cell
        replaced = [(cell.kernel, kernel), (cell.recurrent_kernel, recurrent_kernel), (cell.bias, bias)]
        with keras.StatelessScope(state_mapping=replaced):
            outputs, *last_states = self.layer(tf.transpose(x, (1, 0, 2)), initial_state=list(states))
        return tf.transpose(outputs, (1, 0, 2)), last_states


def _rounded(array: Tensor, dtype: tf.DType) -> Tensor:
    return array if dtype == tf.float32 else tf.cast(tf.cast(array, dtype), tf.float32)
