"""The stacked recurrent network, in Keras."""

from typing import Any

import keras
import tensorflow as tf

from charlstm.cells import CELLS
from charlstm.config import ModelConfig
from charlstm.layers import FastLSTM, Weights, run_lstm
from charlstm.modelfile import Weights as NamedWeights
from charlstm.modelfile import weight_shapes

States = list[list[tf.Tensor]]  # for each layer the cell's states, each (units, batch)
TABLE_WIDTH = 2  # up to so many characters per embedding dimension the first projection is looked up


class CharacterNetwork(keras.Model):
    """Embedding, recurrent layers, and a dense layer to logits.

    Recurrent layers after the first add their input to their output (He et al. 2016), so that depth does not slow
    the start. Forget-gate bias 1 (Jozefowicz et al. 2015), orthogonal recurrent kernels. The same random seed gives
    the same initial weights.
    """

    def __init__(
        self, config: ModelConfig, vocabulary_size: int, *, random_seed: int = 0, precision: str = "float32"
    ) -> None:
        super().__init__(name="character_network")
        self.config, self.vocabulary_size, self.precision = config, vocabulary_size, precision
        seeds = [random_seed % 2**31 + place for place in range(config.num_layers + 1)]
        self.embedding = keras.layers.Embedding(
            vocabulary_size,
            config.embedding_dim,
            embeddings_initializer=keras.initializers.RandomNormal(stddev=0.5, seed=seeds[0]),
        )
        self.recurrent = [
            FastLSTM(
                config.units,
                precision=precision,
                return_sequences=True,
                return_state=True,
                kernel_initializer=keras.initializers.GlorotUniform(seed=seed),
                recurrent_initializer=keras.initializers.Orthogonal(seed=seed),
            )
            for seed in seeds[1:]
        ]
        self.logits = keras.layers.Dense(
            vocabulary_size, kernel_initializer=keras.initializers.GlorotUniform(seed=seeds[0])
        )
        self.embedding.build()
        for layer, recurrent in enumerate(self.recurrent):
            recurrent.build((None, None, config.units if layer else config.embedding_dim))
        self.logits.build((None, None, config.units))
        self.built = True

    def initial_states(self, batch_size: int) -> States:
        """Zeros."""
        zeros = tf.zeros((self.config.units, batch_size))
        return [[zeros] * CELLS[self.config.cell].num_states for _ in self.recurrent]

    def prepare(self, *, recurrent_dropout: float = 0.0, dropout_seed: Any = None) -> "Prepared":
        """What every shard of a batch shares in one step.

        With a recurrent dropout above 0 a share of the recurrent weights is left out; which ones is a pure function of
        `dropout_seed`, two integers.
        """
        return Prepared(self, recurrent_dropout, dropout_seed)

    def call(self, ids: tf.Tensor, states: States, **settings: Any) -> tuple[tf.Tensor, States]:
        """Logits (time, batch, vocabulary) of the character after each of ids (batch, time), and the last states."""
        return self.prepare().run(ids, states, **settings)

    def variables_by_name(self) -> dict[str, keras.Variable]:
        """The network's variables under the names they have in the model file."""
        named = {"embedding": self.embedding.embeddings}
        for layer, recurrent in enumerate(self.recurrent):
            named[f"layers.{layer}.kernel"] = recurrent.cell.kernel
            named[f"layers.{layer}.recurrent_kernel"] = recurrent.cell.recurrent_kernel
            named[f"layers.{layer}.bias"] = recurrent.cell.bias
        named |= {"output.kernel": self.logits.kernel, "output.bias": self.logits.bias}
        return {name: named[name] for name in weight_shapes(self.config, self.vocabulary_size)}

    def get_named_weights(self) -> NamedWeights:
        return {name: variable.numpy() for name, variable in self.variables_by_name().items()}

    def set_named_weights(self, weights: NamedWeights) -> None:
        for name, variable in self.variables_by_name().items():
            variable.assign(weights[name])


class Prepared:
    """A network's weights as the loops want them, made once a step and shared by all shards of the batch.

    With a small vocabulary embedding, first kernel and first bias are multiplied into one table of projections, and
    the first layer reads one-hot characters. A share of the recurrent weights can be left out for the step: the
    weight-dropped LSTM (Merity, Keskar and Socher 2018).
    """

    def __init__(self, network: CharacterNetwork, recurrent_dropout: float, dropout_seed: Any) -> None:
        self.network = network
        self.fast = all(recurrent.is_fast for recurrent in network.recurrent)
        self.dtype = tf.dtypes.as_dtype(network.precision)
        self.has_table = self.fast and network.vocabulary_size <= TABLE_WIDTH * network.config.embedding_dim
        self.layers = []
        for layer, recurrent in enumerate(network.recurrent):
            cell = recurrent.cell
            recurrent_kernel = cell.recurrent_kernel.value
            if recurrent_dropout:
                seed = dropout_seed + tf.constant([0, layer], tf.int64)
                recurrent_kernel = _drop_out(recurrent_kernel, recurrent_dropout, seed)
            if layer == 0 and self.has_table:
                rows = [tf.matmul(network.embedding.embeddings, cell.kernel) + cell.bias, recurrent_kernel]
            else:
                rows = [cell.kernel, cell.bias[None], recurrent_kernel]
            self.layers.append(Weights(tf.concat(rows, axis=0), network.precision))
        self.output_kernel = tf.cast(network.logits.kernel, self.dtype)

    def run(
        self,
        ids: tf.Tensor,
        states: States,
        *,
        learns: bool = False,
        dropout: float = 0.0,
        dropout_seed: Any = None,
    ) -> tuple[tf.Tensor, States]:
        """Logits (time, batch, vocabulary) of the character after each of ids (batch, time), and the last states.

        With a dropout above 0 a share of each recurrent layer's outputs is left out; which ones is a pure function
        of `dropout_seed`, two integers. Without `learns` no gradient can be taken.
        """
        hidden, after = self._inputs(ids), []
        for layer, (weights, before) in enumerate(zip(self.layers, states, strict=True)):
            if not self.fast:
                outputs, new = self.network.recurrent[layer].run(hidden, before)
            elif layer == 0 and self.has_table:
                outputs, new = run_lstm(hidden, weights, before, learns=learns, input_learns=False)
            else:
                outputs, new = run_lstm(_with_ones(hidden), weights, before, learns=learns)
            hidden = outputs if layer == 0 else hidden + outputs
            if dropout:
                seed = dropout_seed + tf.constant([0, layer], tf.int64)
                hidden = _drop_out(hidden, dropout, seed)
            after.append(new)
        return self._logits(hidden), after

    def _logits(self, hidden: tf.Tensor) -> tf.Tensor:
        """(time, batch, vocabulary), by one matmul: batched over time its gradient would be summed step by step."""
        time, units, batch = tf.unstack(tf.shape(hidden))
        flat = tf.reshape(tf.transpose(tf.cast(hidden, self.dtype), (0, 2, 1)), (-1, units))
        logits = tf.cast(tf.matmul(flat, self.output_kernel), tf.float32) + self.network.logits.bias
        return tf.reshape(logits, (time, batch, -1))

    def _inputs(self, ids: tf.Tensor) -> tf.Tensor:
        """(time, features, batch): characters one-hot, or embedded."""
        ids = tf.transpose(ids)
        if self.has_table:
            return tf.one_hot(ids, self.network.vocabulary_size, axis=1, dtype=self.dtype)
        return tf.transpose(tf.gather(self.network.embedding.embeddings, ids), (0, 2, 1))


def _with_ones(hidden: tf.Tensor) -> tf.Tensor:
    """A row of ones below the features: the bias is a row of the weights."""
    return tf.concat([hidden, tf.ones_like(hidden[:, :1])], axis=1)


def _drop_out(values: tf.Tensor, dropout: float, seed: tf.Tensor) -> tf.Tensor:
    """Inverted dropout (Srivastava et al. 2014) with a stateless mask, a byte of randomness for each value.

    The share left out is the nearest 256th.
    """
    threshold = max(1, min(255, round(dropout * 256)))
    size = tf.size(values)
    words = tf.random.stateless_uniform([(size + 3) // 4], seed, minval=None, maxval=None, dtype=tf.uint32)
    chance = tf.reshape(tf.reshape(tf.bitcast(words, tf.uint8), [-1])[:size], tf.shape(values))
    return values * tf.where(chance >= threshold, 256 / (256 - threshold), 0.0)
