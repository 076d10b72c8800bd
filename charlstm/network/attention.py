"""Attention over the last outputs of the recurrent layers."""

import keras
import tensorflow as tf

from charlstm.cells.shapes import ATTENTION_DIM


class AttentionLayer(keras.layers.Layer):
    """Attention over the last outputs of the recurrent layers (Luong et al. 2015, with a scaled dot product).

    Each output is a query; the outputs at the `window` characters before it are keys and values. The weighted sum of
    the values, projected, is added to the output. The state is those outputs, (window * units, batch).
    """

    def __init__(self, units: int, window: int, seed: int) -> None:
        super().__init__()
        self.units, self.window = units, window
        self.query, self.key = (
            self.add_weight(
                shape=(units, ATTENTION_DIM),
                initializer=keras.initializers.GlorotUniform(seed=seed + offset),
                name=name,
            )
            for offset, name in enumerate(("query", "key"), start=1)
        )
        self.output_kernel = self.add_weight(
            shape=(units, units), initializer=keras.initializers.Zeros(), name="output"
        )
        self.built = True

    def call(self, hidden: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the outputs (time, batch, units) with the attended values added, and the new state."""
        time, batch, _ = tf.unstack(tf.shape(hidden))
        previous = tf.transpose(tf.reshape(state, (self.window, self.units, batch)), (2, 0, 1))
        values = tf.concat([previous, tf.transpose(hidden, (1, 0, 2))], axis=1)  # (batch, window + time, units)
        queries = values[:, self.window :] @ self.query
        scores = tf.matmul(queries, values @ self.key, transpose_b=True) / ATTENTION_DIM**0.5
        offset = tf.range(self.window + time)[None] - tf.range(time)[:, None]  # of a value within the query's window
        attention = tf.nn.softmax(tf.where((offset >= 0) & (offset < self.window), scores, -1e9))
        attended = (attention @ values) @ self.output_kernel  # (batch, time, units)
        new_state = tf.transpose(values[:, -self.window :], (1, 2, 0))
        return hidden + tf.transpose(attended, (1, 0, 2)), tf.reshape(new_state, (-1, batch))
