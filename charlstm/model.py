"""The stacked recurrent network, in Keras."""

from typing import Any

import keras
import tensorflow as tf

from charlstm.cells import CELLS
from charlstm.config import ModelConfig
from charlstm.modelfile import Weights, weight_shapes

States = list[list[tf.Tensor]]  # for each layer the cell's states, each (batch, units)


class CharacterNetwork(keras.Model):
    """Embedding, recurrent layers, and a dense layer to logits.

    Recurrent layers after the first add their input to their output (He et al. 2016), so that depth does not slow
    the start. Forget-gate bias 1 (Jozefowicz et al. 2015), orthogonal recurrent kernels. The same random seed gives
    the same initial weights.
    """

    def __init__(self, config: ModelConfig, vocabulary_size: int, *, random_seed: int = 0) -> None:
        super().__init__(name="character_network")
        self.config, self.vocabulary_size = config, vocabulary_size
        self.embedding = keras.layers.Embedding(
            vocabulary_size,
            config.embedding_dim,
            embeddings_initializer=keras.initializers.RandomNormal(stddev=0.5, seed=random_seed),
        )
        self.recurrent = [
            keras.layers.LSTM(
                config.units,
                return_sequences=True,
                return_state=True,
                kernel_initializer=keras.initializers.GlorotUniform(seed=random_seed + 1 + layer),
                recurrent_initializer=keras.initializers.Orthogonal(seed=random_seed + 1 + layer),
            )
            for layer in range(config.num_layers)
        ]
        self.logits = keras.layers.Dense(
            vocabulary_size, kernel_initializer=keras.initializers.GlorotUniform(seed=random_seed)
        )
        self.embedding.build()
        for layer, recurrent in enumerate(self.recurrent):
            recurrent.build((None, None, config.units if layer else config.embedding_dim))
        self.logits.build((None, None, config.units))
        self.built = True

    def initial_states(self, batch_size: int) -> States:
        """Zeros."""
        zeros = tf.zeros((batch_size, self.config.units))
        return [[zeros] * CELLS[self.config.cell].num_states for _ in self.recurrent]

    def call(
        self, ids: tf.Tensor, states: States, *, dropout: float = 0.0, dropout_seed: Any = None
    ) -> tuple[tf.Tensor, States]:
        """Logits (batch, time, vocabulary) of the character after each of ids (batch, time), and the last states.

        With a dropout above 0 a share of each recurrent layer's outputs is left out; which ones is a pure function
        of `dropout_seed`, two integers.
        """
        hidden, after = self.embedding(ids), []
        for layer, (recurrent, before) in enumerate(zip(self.recurrent, states, strict=True)):
            outputs, *new = recurrent(hidden, initial_state=before)
            hidden = outputs if layer == 0 else hidden + outputs
            if dropout:
                hidden = _drop_out(hidden, dropout, dropout_seed + tf.constant([0, layer]))
            after.append(new)
        return self.logits(hidden), after

    def variables_by_name(self) -> dict[str, keras.Variable]:
        """The network's variables under the names they have in the model file."""
        named = {"embedding": self.embedding.embeddings}
        for layer, recurrent in enumerate(self.recurrent):
            named[f"layers.{layer}.kernel"] = recurrent.cell.kernel
            named[f"layers.{layer}.recurrent_kernel"] = recurrent.cell.recurrent_kernel
            named[f"layers.{layer}.bias"] = recurrent.cell.bias
        named |= {"output.kernel": self.logits.kernel, "output.bias": self.logits.bias}
        return {name: named[name] for name in weight_shapes(self.config, self.vocabulary_size)}

    def get_named_weights(self) -> Weights:
        return {name: variable.numpy() for name, variable in self.variables_by_name().items()}

    def set_named_weights(self, weights: Weights) -> None:
        for name, variable in self.variables_by_name().items():
            variable.assign(weights[name])


def _drop_out(hidden: tf.Tensor, dropout: float, seed: tf.Tensor) -> tf.Tensor:
    """Inverted dropout (Srivastava et al. 2014) with a stateless mask."""
    kept = tf.random.stateless_uniform(tf.shape(hidden), seed) >= dropout
    return tf.where(kept, hidden / (1 - dropout), 0.0)
