"""The recurrent layers of the network, and how their weights are initialized."""

from typing import Any
from zlib import crc32

import keras
import numpy as np
import tensorflow as tf

from charlstm.cells.registry import SPECTRAL_RADIUS, Cell, ForgetGate, get_cell
from charlstm.cells.shapes import layer_shapes
from charlstm.config import ModelConfig

Initializer = Any  # a function of a shape and a dtype, or one of Keras's objects


class RecurrentLayer(keras.layers.Layer):
    """The weights of a layer of any cell; network.py runs it.

    Recurrent kernels start orthogonal, biases at 0 except for the forget gate's (Jozefowicz et al. 2015), and the
    reservoir of an echo state network with SPECTRAL_RADIUS.
    """

    def __init__(self, config: ModelConfig, layer: int, seed: int) -> None:
        super().__init__()
        cell = get_cell(config.cell)
        self.named_weights = {
            name: self.add_weight(
                shape=shape, initializer=_initializer(cell, name, seed), name=name, trainable=cell.is_trainable
            )
            for name, shape in layer_shapes(config, layer).items()
        }
        self.built = True


def _initializer(cell: Cell, name: str, seed: int) -> Initializer:
    if name not in ("kernel", "recurrent_kernel"):
        seed = (seed + crc32(name.encode())) % 2**31  # the same seed would give every weight the same numbers
    if name == "bias" and cell.forget_gate:
        return _forget_gate_bias(cell.forget_gate)
    if name == "recurrent_kernel" and not cell.is_trainable:
        return _reservoir(seed)
    if name in ("recurrent_kernel", "multiplicative_state"):
        return keras.initializers.Orthogonal(seed=seed)
    is_matrix = name.endswith("kernel") or name.startswith(("mogrify", "multiplicative"))
    return keras.initializers.GlorotUniform(seed=seed) if is_matrix else keras.initializers.Zeros()


def _forget_gate_bias(gate: ForgetGate) -> Initializer:
    def initialize(shape: tuple[int, ...], dtype: tf.DType = None) -> tf.Tensor:
        bias = np.zeros((gate.num_blocks, shape[0] // gate.num_blocks), np.float32)
        bias[gate.block] = gate.initial_bias
        return tf.constant(bias.ravel(), dtype or tf.float32)

    return initialize


def _reservoir(seed: int) -> Initializer:
    def initialize(shape: tuple[int, ...], dtype: tf.DType = None) -> tf.Tensor:
        kernel = np.random.default_rng(seed).normal(size=shape)
        kernel *= SPECTRAL_RADIUS / np.abs(np.linalg.eigvals(kernel)).max()
        return tf.constant(kernel, dtype or tf.float32)

    return initialize
