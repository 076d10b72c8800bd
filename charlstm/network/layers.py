"""The layers of the network: a recurrent one of any cell, and attention."""

from collections.abc import Mapping
from typing import Any
from zlib import crc32

import keras
import numpy as np
import tensorflow as tf

from charlstm.cells.registry import SPECTRAL_RADIUS, Cell, get_cell
from charlstm.cells.shapes import ATTENTION_DIM, layer_shapes
from charlstm.config import ModelConfig
from charlstm.network.fast_lstm import FastLSTM


class CellLayer(keras.layers.Layer):
    """The weights of a layer of any cell.

    Recurrent kernels begin orthogonal, biases at 0 but for what lets a cell remember (Jozefowicz et al. 2015), the
    reservoir of an echo state network with a given spectral radius.
    """

    def __init__(self, config: ModelConfig, layer: int, seed: int) -> None:
        super().__init__()
        cell = get_cell(config.cell)
        self.named = {
            name: self.add_weight(
                shape=shape, initializer=_initializer(cell, name, seed), name=name, trainable=cell.is_trainable
            )
            for name, shape in layer_shapes(config, layer).items()
        }
        self.built = True


def _initializer(cell: Cell, name: str, seed: int) -> Any:
    if name not in ("kernel", "recurrent_kernel"):
        seed = (seed + crc32(name.encode())) % 2**31  # an initializer gives the same numbers for the same seed
    if name == "bias" and cell.forget_gate_block:
        return _open_bias(*cell.forget_gate_block)
    if name == "recurrent_kernel" and not cell.is_trainable:
        return _reservoir(seed)
    if name in ("recurrent_kernel", "multiplicative_state"):
        return keras.initializers.Orthogonal(seed=seed)
    is_matrix = name.endswith("kernel") or name.startswith(("mogrify", "multiplicative"))
    return keras.initializers.GlorotUniform(seed=seed) if is_matrix else keras.initializers.Zeros()


def _open_bias(block: int, num_blocks: int, value: float) -> Any:
    def initialize(shape: tuple[int, ...], dtype: Any = None) -> tf.Tensor:
        bias = np.zeros((num_blocks, shape[0] // num_blocks), np.float32)
        bias[block] = value
        return tf.constant(bias.ravel(), dtype or tf.float32)

    return initialize


def _reservoir(seed: int) -> Any:
    def initialize(shape: tuple[int, ...], dtype: Any = None) -> tf.Tensor:
        kernel = np.random.default_rng(seed).normal(size=shape)
        kernel *= SPECTRAL_RADIUS / np.abs(np.linalg.eigvals(kernel)).max()
        return tf.constant(kernel, dtype or tf.float32)

    return initialize


class AttentionLayer(keras.layers.Layer):
    """A look back over the last outputs of the recurrent layers (Luong et al. 2015, with a scaled dot product).

    Each output is a query; the outputs of the `window` characters before it are keys and values; what is found is
    added to it. The state is those outputs, (window * units, batch).
    """

    def __init__(self, units: int, window: int, seed: int) -> None:
        super().__init__()
        self.units, self.window = units, window
        self.query, self.key = (
            self.add_weight(
                shape=(units, ATTENTION_DIM), initializer=keras.initializers.GlorotUniform(seed=seed + place), name=name
            )
            for place, name in enumerate(("query", "key"), start=1)
        )
        self.output_kernel = self.add_weight(
            shape=(units, units), initializer=keras.initializers.Zeros(), name="output"
        )
        self.built = True

    def call(self, hidden: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The outputs (time, batch, units) with what was found, and the new state."""
        time, batch, _ = tf.unstack(tf.shape(hidden))
        before = tf.transpose(tf.reshape(state, (self.window, self.units, batch)), (2, 0, 1))
        values = tf.concat([before, tf.transpose(hidden, (1, 0, 2))], axis=1)  # (batch, window + time, units)
        queries = values[:, self.window :] @ self.query
        scores = tf.matmul(queries, values @ self.key, transpose_b=True) / ATTENTION_DIM**0.5
        distance = tf.range(self.window + time)[None] - tf.range(time)[:, None]  # 0 for the first that is looked at
        shares = tf.nn.softmax(tf.where((distance >= 0) & (distance < self.window), scores, -1e9))
        found = (shares @ values) @ self.output_kernel  # (batch, time, units)
        last = tf.transpose(values[:, -self.window :], (1, 2, 0))
        return hidden + tf.transpose(found, (1, 0, 2)), tf.reshape(last, (-1, batch))


def fast_lstm(config: ModelConfig, layer: int, seed: int, precision: str) -> FastLSTM:
    recurrent = FastLSTM(
        config.units,
        precision=precision,
        return_sequences=True,
        return_state=True,
        kernel_initializer=keras.initializers.GlorotUniform(seed=seed),
        recurrent_initializer=keras.initializers.Orthogonal(seed=seed),
    )
    recurrent.build((None, None, config.units if layer else config.embedding_dim))
    return recurrent


def named_weights(layer: Any) -> Mapping[str, keras.Variable]:
    """The variables of a recurrent layer by their names in it."""
    if isinstance(layer, CellLayer):
        return dict(layer.named)
    cell = layer.cell
    return {"kernel": cell.kernel, "recurrent_kernel": cell.recurrent_kernel, "bias": cell.bias}
