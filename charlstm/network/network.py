"""The stacked recurrent network, in Keras."""

from typing import Any

import keras
import tensorflow as tf

from charlstm.cells.registry import get_cell
from charlstm.cells.shapes import state_sizes, weight_shapes
from charlstm.config import ModelConfig
from charlstm.network.cell_loops import LoopWeights, run_cell
from charlstm.network.fast_lstm import FastLSTM, PackedLSTMWeights, run_lstm
from charlstm.network.layers import AttentionLayer, CellLayer, fast_lstm, named_weights
from charlstm.storage.model_file import NamedWeights

States = list[list[tf.Tensor]]  # for each layer the cell's states, each (units, batch); last the attention's
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
        self.cell = get_cell(config.cell)
        self.embedding = keras.layers.Embedding(
            vocabulary_size, config.embedding_dim, embeddings_initializer=_embeddings(config, seeds[0])
        )
        self.embedding.trainable = config.encoding == "embedding"
        self.recurrent = [
            fast_lstm(config, layer, seed, precision) if config.cell == "lstm" else CellLayer(config, layer, seed)
            for layer, seed in enumerate(seeds[1:])
        ]
        self.attention = AttentionLayer(config.units, config.attention, seeds[0]) if config.attention else None
        self.logits = keras.layers.Dense(
            vocabulary_size, kernel_initializer=keras.initializers.GlorotUniform(seed=seeds[0])
        )
        self.embedding.build()
        self.logits.build((None, None, config.units))
        self.built = True

    @property
    def has_residual(self) -> bool:
        return self.cell.has_residual and self.config.residual

    def initial_states(self, batch_size: int) -> States:
        """Zeros."""
        states = [
            [tf.zeros((size, batch_size)) for size in state_sizes(self.config, layer)]
            for layer in range(self.config.num_layers)
        ]
        size = self.config.attention * self.config.units
        return states + ([[tf.zeros((size, batch_size))]] if self.attention else [])

    def prepare(self, *, recurrent_dropout: float = 0.0, dropout_seed: Any = None) -> "PreparedNetwork":
        """What every shard of a batch shares in one step.

        With a recurrent dropout above 0 a share of the recurrent weights is left out; which ones is a pure function of
        `dropout_seed`, two integers.
        """
        return PreparedNetwork(self, recurrent_dropout, dropout_seed)

    def call(self, ids: tf.Tensor, states: States, **settings: Any) -> tuple[tf.Tensor, States]:
        """Logits (time, batch, vocabulary) of the character after each of ids (batch, time), and the last states."""
        return self.prepare().run(ids, states, **settings)

    def variables_by_name(self) -> dict[str, keras.Variable]:
        """The network's variables under the names they have in the model file."""
        named = {"embedding": self.embedding.embeddings}
        for layer, recurrent in enumerate(self.recurrent):
            named |= {f"layers.{layer}.{name}": variable for name, variable in named_weights(recurrent).items()}
        if self.attention:
            parts = {"query": self.attention.query, "key": self.attention.key, "output": self.attention.output_kernel}
            named |= {f"attention.{name}": variable for name, variable in parts.items()}
        named |= {"output.kernel": self.logits.kernel, "output.bias": self.logits.bias}
        return {name: named[name] for name in weight_shapes(self.config, self.vocabulary_size)}

    def get_named_weights(self) -> NamedWeights:
        return {name: variable.numpy() for name, variable in self.variables_by_name().items()}

    def set_named_weights(self, weights: NamedWeights) -> None:
        for name, variable in self.variables_by_name().items():
            variable.assign(weights[name])


def _embeddings(config: ModelConfig, seed: int) -> Any:
    """Random ones, or each character's id as a share of their number."""
    if config.encoding == "integer":
        return lambda shape, dtype=None: tf.cast(tf.range(shape[0])[:, None] / shape[0], dtype or tf.float32)
    return keras.initializers.RandomNormal(stddev=0.5, seed=seed)


class PreparedNetwork:
    """A network's weights as the loops want them, made once a step and shared by all shards of the batch.

    With a small vocabulary embedding, first kernel and first bias are multiplied into one table of projections where
    the cell lets them, and the first layer reads one-hot characters. A share of the recurrent weights can be left out
    for the step: the weight-dropped LSTM (Merity, Keskar and Socher 2018).
    """

    def __init__(self, network: CharacterNetwork, recurrent_dropout: float, dropout_seed: Any) -> None:
        self.network = network
        self.streams_first = network.config.cell == "lstm"  # (time, batch, features) between layers; else units first
        self.fast = all(isinstance(layer, FastLSTM) and layer.is_fast for layer in network.recurrent)
        self.dtype = tf.dtypes.as_dtype(network.precision)
        is_small = network.vocabulary_size <= TABLE_WIDTH * network.config.embedding_dim
        self.has_table = is_small and (
            self.fast or (network.config.cell != "lstm" and network.cell.input_projection_is_precomputable)
        )
        self.layers: list[Any] = []
        for layer, recurrent in enumerate(network.recurrent):
            weights = {name: variable.value for name, variable in named_weights(recurrent).items()}
            if recurrent_dropout and network.cell.is_trainable and "recurrent_kernel" in weights:
                seed = dropout_seed + tf.constant([0, layer], tf.int64)
                weights["recurrent_kernel"] = _drop_out(weights["recurrent_kernel"], recurrent_dropout, seed)
            self.layers.append(self._prepared(layer, weights))
        self.output_kernel = tf.cast(network.logits.kernel, self.dtype)

    def _prepared(self, layer: int, weights: dict[str, tf.Tensor]) -> Any:
        network, table = self.network, None
        if layer == 0 and self.has_table:
            table = tf.matmul(network.embedding.embeddings, weights["kernel"]) + weights["bias"]
        if not isinstance(network.recurrent[layer], FastLSTM):
            return LoopWeights(network.cell, network.config.units, weights, network.precision, table=table)
        if table is not None:
            return PackedLSTMWeights(table, weights["recurrent_kernel"], network.precision)
        both = tf.concat([weights["kernel"], weights["recurrent_kernel"]], axis=0)
        return PackedLSTMWeights(weights["bias"][None], both, network.precision)

    def run(
        self,
        ids: tf.Tensor,
        states: States,
        *,
        needs_gradient: bool = False,
        dropout: float = 0.0,
        dropout_seed: Any = None,
    ) -> tuple[tf.Tensor, States]:
        """Logits (time, batch, vocabulary) of the character after each of ids (batch, time), and the last states.

        With a dropout above 0 a share of each recurrent layer's outputs is left out; which ones is a pure function
        of `dropout_seed`, two integers. Without `needs_gradient` no gradient can be taken.
        """
        hidden, lower, after = self._inputs(ids), None, []
        for layer in range(len(self.layers)):
            outputs, lower, new = self._run_layer(layer, hidden, lower, states[layer], needs_gradient=needs_gradient)
            hidden = hidden + outputs if layer and self.network.has_residual else outputs
            if dropout:
                seed = dropout_seed + tf.constant([0, layer], tf.int64)
                hidden = _drop_out(hidden, dropout, seed)
            after.append(new)
        hidden = self._turned(hidden)
        if self.network.attention:
            hidden, state = self.network.attention(hidden, states[-1][0])
            after.append([state])
        return self._logits(hidden), after

    def _run_layer(self, layer: int, hidden: Any, lower: Any, before: Any, *, needs_gradient: bool) -> Any:
        """Outputs of a layer, what it hands up besides, and its states."""
        network, weights = self.network, self.layers[layer]
        recurrent = network.recurrent[layer]
        if not isinstance(recurrent, FastLSTM):
            (outputs, *up), new = run_cell(network.cell, weights, hidden, lower, before, needs_gradient=needs_gradient)
            return outputs, up[0] if up else None, new
        before = [tf.transpose(state) for state in before]
        if not self.fast:
            outputs, new = recurrent.run(hidden, before)
        elif layer == 0 and self.has_table:
            outputs, new = run_lstm(hidden, None, weights, before, needs_gradient=needs_gradient)
        else:
            outputs, new = run_lstm(None, hidden, weights, before, needs_gradient=needs_gradient)
        return outputs, None, [tf.transpose(state) for state in new]

    def _logits(self, hidden: tf.Tensor) -> tf.Tensor:
        """(time, batch, vocabulary), by one matmul: batched over time its gradient would be summed step by step."""
        time, batch, units = tf.unstack(tf.shape(hidden))
        flat = tf.reshape(tf.cast(hidden, self.dtype), (-1, units))
        logits = tf.cast(tf.matmul(flat, self.output_kernel), tf.float32) + self.network.logits.bias
        return tf.reshape(logits, (time, batch, -1))

    def _inputs(self, ids: tf.Tensor) -> tf.Tensor:
        """Characters as the first layer reads them: as they are, one-hot (time, vocabulary, batch), or embedded."""
        ids = tf.transpose(ids)
        if self.has_table:
            return ids if self.streams_first else tf.one_hot(ids, self.network.vocabulary_size, axis=1)
        return self._turned(tf.gather(self.network.embedding.embeddings, ids))

    def _turned(self, hidden: tf.Tensor) -> tf.Tensor:
        """From (time, batch, features) to what the recurrent layers take, or back."""
        return hidden if self.streams_first else tf.transpose(hidden, (0, 2, 1))


def _drop_out(values: tf.Tensor, dropout: float, seed: tf.Tensor) -> tf.Tensor:
    """Inverted dropout (Srivastava et al. 2014) with a stateless mask, a byte of randomness for each value.

    The share left out is the nearest 256th.
    """
    threshold = max(1, min(255, round(dropout * 256)))
    size = tf.size(values)
    words = tf.random.stateless_uniform([(size + 3) // 4], seed, minval=None, maxval=None, dtype=tf.uint32)
    chance = tf.reshape(tf.reshape(tf.bitcast(words, tf.uint8), [-1])[:size], tf.shape(values))
    return values * tf.where(chance >= threshold, 256 / (256 - threshold), 0.0)
