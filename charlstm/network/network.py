"""The stacked recurrent network in Keras."""

import keras
import tensorflow as tf
from tensorflow import Tensor

from charlstm.cells.registry import get_cell
from charlstm.cells.shapes import layer_size, state_sizes, weight_shapes
from charlstm.cells.stack import has_residual, run_stack
from charlstm.config import ModelConfig
from charlstm.network.attention import AttentionLayer
from charlstm.network.dropout import drop_out, layer_seed
from charlstm.network.feedforward import run_feedforward
from charlstm.network.keras_layers import KerasRecurrent, uses_keras_layers
from charlstm.network.layers import Initializer, RecurrentLayer
from charlstm.network.recurrent import PreparedLayer
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
        self.recurrent = [RecurrentLayer(config, layer, seed=layer_seeds[layer]) for layer in range(config.num_layers)]
        self.keras_layers: _KerasLayers | None = None
        if uses_keras_layers(config.cell):
            self.keras_layers = _KerasLayers(config)
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

    def prepare(
        self,
        *,
        recurrent_dropout: float = 0.0,
        dropout_seed: Tensor | None = None,
        logit_scale: Tensor | float = 1.0,
    ) -> "PreparedNetwork":
        """Return the network with its weights packed, for all shards of a batch in one training step.

        `recurrent_dropout` is the share of the recurrent weights to leave out, chosen by `dropout_seed`, two integers.
        `logit_scale` is multiplied into the output layer.
        """
        return PreparedNetwork(self, recurrent_dropout, dropout_seed, logit_scale)

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
            named |= {f"layers.{layer}.{name}": variable for name, variable in recurrent.named_weights.items()}
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


class _KerasLayers:
    """Keras's layers, hidden from the network's model, which would take their variables for its own."""

    def __init__(self, config: ModelConfig) -> None:
        sizes = [layer_size(config, layer) for layer in range(config.num_layers)]
        self._layers = [KerasRecurrent(config.cell, size.units, size.inputs) for size in sizes]

    def __getitem__(self, layer: int) -> KerasRecurrent:
        return self._layers[layer]


def _embedding_initializer(config: ModelConfig, seed: int) -> Initializer:
    """Return an initializer to random numbers, or to each character's id divided by the vocabulary size."""
    if config.encoding == "integer":
        return lambda shape, dtype=None: tf.cast(tf.range(shape[0])[:, None] / shape[0], dtype or tf.float32)
    return keras.initializers.RandomNormal(stddev=0.5, seed=seed)


class PreparedNetwork:
    """A network with its weights packed once per training step and shared by all shards of the batch.

    With a small vocabulary the embedding, the first kernel and the first bias are multiplied into one table of input
    projections, if the cell allows it, and the first layer looks up its rows. Recurrent dropout leaves out a share of
    the recurrent weights for the step (weight-dropped LSTM: Merity, Keskar and Socher 2018).
    """

    def __init__(
        self,
        network: CharacterNetwork,
        recurrent_dropout: float,
        dropout_seed: Tensor | None,
        logit_scale: Tensor | float,
    ) -> None:
        self.network = network
        self._dtype = tf.dtypes.as_dtype(network.precision)
        self._has_table = (
            network.vocabulary_size <= MAX_TABLE_ROWS * network.config.embedding_dim
            and network.cell.input_projection_is_precomputable
            and network.keras_layers is None
        )
        weights = [
            self._layer_weights(layer, recurrent_dropout, dropout_seed) for layer in range(network.config.num_layers)
        ]
        self.layers = [self._prepare(layer, layer_weights) for layer, layer_weights in enumerate(weights)]
        self._output_kernel = tf.cast(network.logits.kernel * logit_scale, self._dtype)
        self._output_bias = network.logits.bias * logit_scale

    def _layer_weights(self, layer: int, recurrent_dropout: float, dropout_seed: Tensor | None) -> dict[str, Tensor]:
        """Return the weights of a recurrent layer, with dropout in its recurrent kernel."""
        variables = self.network.recurrent[layer].named_weights
        weights = {name: variable.value for name, variable in variables.items()}
        if recurrent_dropout and self.network.cell.may_have_recurrent_dropout:
            seed = layer_seed(dropout_seed, layer)
            weights["recurrent_kernel"] = drop_out(weights["recurrent_kernel"], recurrent_dropout, seed)
        return weights

    def _prepare(self, layer: int, weights: dict[str, Tensor]) -> PreparedLayer | dict[str, Tensor]:
        """Return a layer's weights packed, or as they are if no kernel runs it."""
        network, table = self.network, None
        if network.keras_layers is not None or not network.cell.is_recurrent:
            return weights
        if layer == 0 and self._has_table:
            table = tf.matmul(network.embedding.embeddings, weights["kernel"]) + weights["bias"]
        return PreparedLayer(network.config.cell, weights, network.precision, is_first=layer == 0, table=table)

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

        network, ids = self.network, tf.transpose(ids)
        hidden, new_states = run_stack(
            network.config.num_layers,
            ids if self._has_table else tf.gather(network.embedding.embeddings, ids),
            run_layer,
            residual=has_residual(network.config),
            after_layer=drop_outputs if dropout else None,
        )
        if network.attention:
            hidden, attention_state = network.attention(hidden, states[-1][0])
            new_states.append([attention_state])
        return self._logits(hidden), new_states

    def _run_layer(
        self, layer: int, hidden: Tensor, lower: Tensor | None, states: list[Tensor], *, needs_gradient: bool
    ) -> tuple[Tensor, Tensor | None, list[Tensor]]:
        """Return the outputs of a layer, the cell states that it passes up, and its last states."""
        prepared, keras_layers = self.layers[layer], self.network.keras_layers
        states = [tf.transpose(state) for state in states]
        passed_up = None
        if isinstance(prepared, PreparedLayer):
            inputs = {"ids" if layer == 0 and self._has_table else "x": hidden}
            inputs |= {} if lower is None else {"lower": lower}
            results, new_states = prepared.run(inputs, states, needs_gradient=needs_gradient)
            output, passed_up = results["output"], results.get("passed_up")
        elif keras_layers is not None:
            output, new_states = keras_layers[layer].run(prepared, hidden, states, dtype=self._dtype)
        else:
            output, new_states = run_feedforward(prepared, hidden, states, dtype=self._dtype)
        return output, passed_up, [tf.transpose(state) for state in new_states]

    def _logits(self, hidden: Tensor) -> Tensor:
        """Return the logits of outputs (time, batch, units) from one flat matmul.

        The gradient of a matmul that is batched over time would be summed step by step.
        """
        time, batch, units = tf.unstack(tf.shape(hidden))
        flat = tf.reshape(tf.cast(hidden, self._dtype), (-1, units))
        logits = tf.cast(tf.matmul(flat, self._output_kernel), tf.float32) + self._output_bias
        return tf.reshape(logits, (time, batch, -1))
