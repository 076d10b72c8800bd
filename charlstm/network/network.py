"""The stacked recurrent network in Keras."""

import keras
import tensorflow as tf
from tensorflow import Tensor

from charlstm.cells.registry import get_cell
from charlstm.cells.shapes import state_sizes, weight_shapes
from charlstm.cells.stack import has_residual, run_stack
from charlstm.config import ModelConfig
from charlstm.network.attention import AttentionLayer
from charlstm.network.cell_loops import run_cell
from charlstm.network.cell_weights import PackedCellWeights
from charlstm.network.dropout import drop_out, layer_seed
from charlstm.network.fast_lstm import FastLSTM, PackedLSTMWeights, run_lstm
from charlstm.network.layers import Initializer, layer_variables, make_recurrent_layer
from charlstm.storage.model_file import NamedWeights

States = list[list[Tensor]]  # the states of each layer, each (units, batch), then the attention's
MAX_TABLE_ROWS = 2  # per embedding dimension; a vocabulary with more characters gets no table of input projections


class CharacterNetwork(keras.Model):
    """An embedding, recurrent layers, attention if configured, and a dense layer to logits.

    Layers after the first add their input to their output (He et al. 2016), so that deep networks train as fast at
    the start as shallow ones. The same random seed gives the same initial weights.
    """

    def __init__(
        self, config: ModelConfig, vocabulary_size: int, *, random_seed: int = 0, precision: str = "float32"
    ) -> None:
        super().__init__(name="character_network")
        self.config, self.vocabulary_size, self.precision = config, vocabulary_size, precision
        self.cell = get_cell(config.cell)
        seed, *layer_seeds = (random_seed % 2**31 + offset for offset in range(config.num_layers + 1))
        self.embedding = keras.layers.Embedding(
            vocabulary_size, config.embedding_dim, embeddings_initializer=_embedding_initializer(config, seed)
        )
        self.embedding.trainable = config.encoding == "embedding"
        self.recurrent = [
            make_recurrent_layer(config, layer, seed=layer_seeds[layer], precision=precision)
            for layer in range(config.num_layers)
        ]
        self.attention = AttentionLayer(config.units, config.attention, seed) if config.attention else None
        self.logits = keras.layers.Dense(
            vocabulary_size, kernel_initializer=keras.initializers.GlorotUniform(seed=seed)
        )
        self.embedding.build()
        self.logits.build((None, None, config.units))
        self.built = True

    def initial_states(self, batch_size: int) -> States:
        """Return zeros."""
        states = [
            [tf.zeros((size, batch_size)) for size in state_sizes(self.config, layer)]
            for layer in range(self.config.num_layers)
        ]
        if self.attention:
            states.append([tf.zeros((self.config.attention * self.config.units, batch_size))])
        return states

    def prepare(self, *, recurrent_dropout: float = 0.0, dropout_seed: Tensor | None = None) -> "PreparedNetwork":
        """Return the network with its weights packed, for all shards of a batch in one training step.

        `recurrent_dropout` is the share of the recurrent weights to leave out, chosen by `dropout_seed`, two integers.
        """
        return PreparedNetwork(self, recurrent_dropout, dropout_seed)

    def call(
        self,
        ids: Tensor,
        states: States,
        *,
        needs_gradient: bool = False,
        dropout: float = 0.0,
        dropout_seed: Tensor | None = None,
    ) -> tuple[Tensor, States]:
        """Prepare the network and run it: see `PreparedNetwork.run`."""
        return self.prepare().run(
            ids, states, needs_gradient=needs_gradient, dropout=dropout, dropout_seed=dropout_seed
        )

    def variables_by_name(self) -> dict[str, keras.Variable]:
        """Return the network's variables by their names in the model file."""
        named = {"embedding": self.embedding.embeddings}
        for layer, recurrent in enumerate(self.recurrent):
            named |= {f"layers.{layer}.{name}": variable for name, variable in layer_variables(recurrent).items()}
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


def _embedding_initializer(config: ModelConfig, seed: int) -> Initializer:
    """Return an initializer to random numbers, or to each character's id divided by the vocabulary size."""
    if config.encoding == "integer":
        return lambda shape, dtype=None: tf.cast(tf.range(shape[0])[:, None] / shape[0], dtype or tf.float32)
    return keras.initializers.RandomNormal(stddev=0.5, seed=seed)


class PreparedNetwork:
    """A network with its weights packed once per training step and shared by all shards of the batch.

    With a small vocabulary the embedding, the first kernel and the first bias are multiplied into one table of input
    projections, if the cell allows it: a fast LSTM looks up its rows, other cells read one-hot characters. Recurrent
    dropout leaves out a share of the recurrent weights for the step (weight-dropped LSTM: Merity, Keskar and Socher
    2018).
    """

    def __init__(self, network: CharacterNetwork, recurrent_dropout: float, dropout_seed: Tensor | None) -> None:
        self.network = network
        self._has_lstm_layers = network.config.cell == "lstm"  # (time, batch, features); CellLayer has units first
        self._is_fast = all(isinstance(layer, FastLSTM) and layer.is_fast for layer in network.recurrent)
        self._dtype = tf.dtypes.as_dtype(network.precision)
        self._has_table = network.vocabulary_size <= MAX_TABLE_ROWS * network.config.embedding_dim and (
            self._is_fast if self._has_lstm_layers else network.cell.input_projection_is_precomputable
        )
        weights = [
            self._layer_weights(layer, recurrent_dropout, dropout_seed) for layer in range(network.config.num_layers)
        ]
        self.layers = [self._pack(layer, layer_weights) for layer, layer_weights in enumerate(weights)]
        self._output_kernel = tf.cast(network.logits.kernel, self._dtype)

    def _layer_weights(self, layer: int, recurrent_dropout: float, dropout_seed: Tensor | None) -> dict[str, Tensor]:
        """Return the weights of a recurrent layer, with dropout in its recurrent kernel."""
        variables = layer_variables(self.network.recurrent[layer])
        weights = {name: variable.value for name, variable in variables.items()}
        if recurrent_dropout and self.network.cell.is_trainable and "recurrent_kernel" in weights:
            seed = layer_seed(dropout_seed, layer)
            weights["recurrent_kernel"] = drop_out(weights["recurrent_kernel"], recurrent_dropout, seed)
        return weights

    def _pack(
        self, layer: int, weights: dict[str, Tensor]
    ) -> PackedCellWeights | PackedLSTMWeights | dict[str, Tensor]:
        """Return a layer's weights as the function that runs it takes them; Keras's own LSTM takes them by name."""
        network, table = self.network, None
        if layer == 0 and self._has_table:
            table = tf.matmul(network.embedding.embeddings, weights["kernel"]) + weights["bias"]
        if not self._has_lstm_layers:
            return PackedCellWeights(network.cell, network.config.units, weights, network.precision, table=table)
        if not self._is_fast:
            return weights
        if table is not None:
            return PackedLSTMWeights(table, weights["recurrent_kernel"], network.precision)
        kernels = tf.concat([weights["kernel"], weights["recurrent_kernel"]], axis=0)
        return PackedLSTMWeights(weights["bias"][None], kernels, network.precision)

    def run(
        self,
        ids: Tensor,
        states: States,
        *,
        needs_gradient: bool = False,
        dropout: float = 0.0,
        dropout_seed: Tensor | None = None,
    ) -> tuple[Tensor, States]:
        """Read ids (batch, time); return logits (time, batch, vocabulary) of each next character, and the last states.

        `dropout` is the share of each recurrent layer's outputs to leave out, chosen by `dropout_seed`, two integers.
        Without `needs_gradient` the results are not differentiable.
        """

        def run_layer(layer: int, hidden: Tensor, lower: Tensor | None) -> tuple[Tensor, Tensor | None, list[Tensor]]:
            return self._run_layer(layer, hidden, lower, states[layer], needs_gradient=needs_gradient)

        def drop_outputs(layer: int, hidden: Tensor) -> Tensor:
            return drop_out(hidden, dropout, layer_seed(dropout_seed, layer))

        network = self.network
        hidden, new_states = run_stack(
            network.config.num_layers,
            self._embed(ids),
            run_layer,
            residual=has_residual(network.config),
            after_layer=drop_outputs if dropout else None,
        )
        hidden = self._swap_layout(hidden)
        if network.attention:
            hidden, attention_state = network.attention(hidden, states[-1][0])
            new_states.append([attention_state])
        return self._logits(hidden), new_states

    def _run_layer(
        self, layer: int, hidden: Tensor, lower: Tensor | None, states: list[Tensor], *, needs_gradient: bool
    ) -> tuple[Tensor, Tensor | None, list[Tensor]]:
        """Return the outputs of a layer, the cell states that it passes up, and its last states."""
        weights = self.layers[layer]
        if isinstance(weights, PackedCellWeights):
            return run_cell(self.network.cell, weights, hidden, lower, states, needs_gradient=needs_gradient)
        states = [tf.transpose(state) for state in states]
        if isinstance(weights, PackedLSTMWeights):
            ids, sequence = (hidden, None) if layer == 0 and self._has_table else (None, hidden)
            outputs, new_states = run_lstm(ids, sequence, weights, states, needs_gradient=needs_gradient)
        else:
            outputs, new_states = self.network.recurrent[layer].run_with_weights(
                weights["kernel"], weights["recurrent_kernel"], weights["bias"], hidden, states
            )
        return outputs, None, [tf.transpose(state) for state in new_states]

    def _logits(self, hidden: Tensor) -> Tensor:
        """Return the logits of outputs (time, batch, units) from one flat matmul.

        The gradient of a matmul that is batched over time would be summed step by step.
        """
        time, batch, units = tf.unstack(tf.shape(hidden))
        flat = tf.reshape(tf.cast(hidden, self._dtype), (-1, units))
        logits = tf.cast(tf.matmul(flat, self._output_kernel), tf.float32) + self.network.logits.bias
        return tf.reshape(logits, (time, batch, -1))

    def _embed(self, ids: Tensor) -> Tensor:
        """Return the first layer's input: ids (time, batch), one-hot (time, vocabulary, batch), or embedded."""
        ids = tf.transpose(ids)
        if not self._has_table:
            return self._swap_layout(tf.gather(self.network.embedding.embeddings, ids))
        return ids if self._has_lstm_layers else tf.one_hot(ids, self.network.vocabulary_size, axis=1)

    def _swap_layout(self, hidden: Tensor) -> Tensor:
        """Convert between (time, batch, features) and the layout of the recurrent layers."""
        return hidden if self._has_lstm_layers else tf.transpose(hidden, (0, 2, 1))
