"""Training and evaluation steps in TensorFlow."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from charlstm.analysis.evaluation import Scores
from charlstm.analysis.evaluation_streams import EvaluationStreams
from charlstm.arrays import FloatArray
from charlstm.config import ModelConfig, TrainingConfig
from charlstm.network.network import CharacterNetwork, States
from charlstm.network.optimizer import FusedAdam
from charlstm.training.calibration import ScaleDerivatives

if TYPE_CHECKING:
    from charlstm.training.workers import Workers

EVALUATION_CHUNK = 64  # characters of each stream: as many as in training, so that its memory is reused
STATE_RESET_RATE = 1 / 32  # of the streams start from zero states at each step. Otherwise the network comes to depend
# on states that only thousands of characters can build up, and fails when it starts from zeros
RESET_SEED, WEIGHT_DROPOUT_SEED, SHARD_SEED = (
    0,
    1,
    2,
)  # indices among the seeds of a step; shards count up from the last


def shard_sizes(batch_size: int, num_shards: int) -> list[int]:
    """Return the sizes of the shards of a batch: as equal as possible, and none of them empty."""
    size, remainder = divmod(batch_size, num_shards)
    return [size + (shard < remainder) for shard in range(min(batch_size, num_shards))]


class Trainer:
    """A network in training: its weights, the optimizer's variables, and the state of every stream.

    Truncated backpropagation through time (Williams and Peng 1990): the gradient goes back to the start of the batch,
    the state comes from the previous batch. A network with a window is trained to predict the one character after the
    window, from zero states. Adam (Kingma and Ba 2015), gradients clipped to a global norm (Pascanu et al. 2013),
    decoupled weight decay (Loshchilov and Hutter 2019).
    """

    def __init__(
        self,
        model_config: ModelConfig,
        config: TrainingConfig,
        vocabulary_size: int,
        *,
        workers: "Workers | None" = None,
    ) -> None:
        """Make a network with random weights. With other workers this one computes some of the shards of each batch."""
        self.network = CharacterNetwork(
            model_config, vocabulary_size, random_seed=config.random_seed, precision=config.precision
        )
        self.optimizer = FusedAdam(
            beta_2=0.99, global_clipnorm=config.clip_norm or None, weight_decay=config.weight_decay or None
        )
        if config.weight_decay:
            self.optimizer.exclude_from_weight_decay(var_names=["bias"])
        self.optimizer.build(self.network.trainable_variables)
        self._config, self._workers = config, workers
        sizes = shard_sizes(config.batch_size, config.num_shards)
        own = workers.own_part(len(sizes)) if workers else range(len(sizes))
        self._first_shard, self.shard_sizes = own.start, sizes[own.start : own.stop]
        self.rows = slice(sum(sizes[: own.start]), sum(sizes[: own.stop]))  # of the batch, that are computed here
        self.states = [
            [tf.Variable(state) for state in layer] for layer in self.network.initial_states(config.batch_size)
        ]
        self._train_steps: Any = None  # the graph, built for the first batch: all batches have the same shape
        self._evaluate_step = tf.function(self._evaluate_step_graph, autograph=False)

    def become_student(self) -> None:
        """Learn probabilities in place of single characters from now on, without dropout."""
        self._config, self._train_steps = replace(self._config, dropout=0.0, recurrent_dropout=0.0), None

    def train_steps(
        self,
        batches: npt.NDArray[np.int32],
        *,
        step: int,
        learning_rates: list[float],
        soft_targets: FloatArray | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Take one step for each batch of ids (steps, batch, time + 1), numbered from `step`.

        A student learns `soft_targets`, the probabilities (steps, time, batch, vocabulary) of all ids but the first of
        each stream. All workers take a step together, each with its own rows of the batch. Returns the loss before
        each step, in nats per character, and the global norm of its gradient before clipping.
        """
        steps = np.arange(step, step + len(batches), dtype=np.int32)
        inputs = [tf.constant(batches[:, self.rows]), tf.constant(steps), tf.constant(learning_rates, tf.float32)]
        if soft_targets is not None:
            inputs.append(tf.constant(soft_targets))
        if self._train_steps is None:
            specs = [tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype) for tensor in inputs]
            graph = tf.function(self._train_steps_graph, autograph=False)
            self._train_steps = graph.get_concrete_function(*specs)  # a tf.function would look it up at every call
        losses, gradient_norms = self._train_steps(*inputs)
        return losses.numpy(), gradient_norms.numpy()

    def evaluate(self, streams: EvaluationStreams, *, logit_scale: float = 1.0) -> tuple[Scores, ScaleDerivatives]:
        """Score a text that has been cut into streams, without dropout, with all logits times `logit_scale`.

        Returns also how the loss would change with this factor.
        """
        scale = tf.constant(logit_scale, tf.float32)
        states = self.network.initial_states(len(streams.inputs))
        for start in range(0, streams.warmup.shape[1], EVALUATION_CHUNK):
            warmup = streams.warmup[:, start : start + EVALUATION_CHUNK].astype(np.int32)
            _, states = self._evaluate_step(warmup, warmup, np.zeros(warmup.shape, np.float32), states, scale)
        keep_state = (np.arange(len(streams.inputs)) >= streams.num_cold_rows).astype(np.float32)
        states = [[state * keep_state for state in layer] for layer in states]
        sums = np.zeros(4)
        for start in range(0, streams.inputs.shape[1], EVALUATION_CHUNK):
            chunk = slice(start, start + EVALUATION_CHUNK)
            chunk_sums, states = self._evaluate_step(
                streams.inputs[:, chunk].astype(np.int32),
                streams.targets[:, chunk].astype(np.int32),
                streams.scored[:, chunk],
                states,
                scale,
            )
            sums += chunk_sums.numpy()
        nats, correct, first, second = sums.tolist()
        return Scores(nats, correct, int(streams.scored.sum())), ScaleDerivatives(first, second)

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return everything that a step changes: weights, the optimizer's variables, carried states."""
        return {name: np.array(variable.numpy()) for name, variable in self._variables().items()}

    def gather_states(self) -> None:
        """Set the states of all streams to those of the workers that compute them."""
        if self._workers:
            states = tf.nest.flatten(self.states)
            own = np.zeros(self._config.batch_size, np.bool_)
            own[self.rows] = True
            gathered = self._workers.gather([np.where(own, state.numpy(), np.float32(0)) for state in states])
            for state, values in zip(states, gathered, strict=True):
                state.assign(values)

    def copy_from_chief(self) -> None:
        """Set everything that a step changes to what the chief has."""
        if self._workers:
            self._workers.copy(list(self._variables().values()))

    def restore(self, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Set everything to what `arrays()` returned."""
        for name, variable in self._variables().items():
            variable.assign(arrays[name])

    def restart_from(self, weights: Mapping[str, FloatArray]) -> None:
        """Set the weights by name, and start with a new optimizer and from zero states."""
        for name, variable in self._variables().items():
            if not name.startswith("weights/"):
                variable.assign(tf.zeros_like(variable))
        self.network.set_named_weights(dict(weights))

    def _variables(self) -> dict[str, Any]:
        """Return all variables by the names they have in checkpoints."""
        named: dict[str, Any] = {f"weights/{name}": value for name, value in self.network.variables_by_name().items()}
        for index, variable in enumerate(self.optimizer.variables):  # Keras's own names depend on earlier networks
            named[f"optimizer/{index}"] = variable
        for layer, states in enumerate(self.states):
            named |= {f"states/{layer}/{index}": state for index, state in enumerate(states)}
        return named

    def _train_steps_graph(self, *batches: tf.Tensor) -> Any:
        def take_step(_: Any, inputs: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, tf.Tensor]:
            return self._train_step_graph(*inputs)

        first = tf.zeros(()), tf.zeros(())  # which only have the types and shapes of the results
        return tf.scan(take_step, batches, initializer=first, parallel_iterations=1)

    def _train_step_graph(
        self, batch: tf.Tensor, step: tf.Tensor, learning_rate: tf.Tensor, soft_targets: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            loss, new_states = self._loss_graph(batch, step, soft_targets)
        variables = self.network.trainable_variables
        gradients = tape.gradient(loss, variables)
        # that of an embedding may be sparse, with a row for each use of a character: their norm is not that of the sum
        gradients = [tf.reshape(gradient, one.shape) for gradient, one in zip(gradients, variables, strict=True)]
        if self._workers:
            loss, *gradients = self._workers.sum_in_graph([loss, *gradients])
        gradient_norm = _global_norm(gradients)
        if limit := self._config.clip_value:
            gradients = [tf.clip_by_value(gradient, -limit, limit) for gradient in gradients]
        self.optimizer.learning_rate.assign(learning_rate)
        self.optimizer.apply(gradients, variables)
        if not self.network.config.window:
            tf.nest.map_structure(self._carry, self.states, new_states)
        return loss, gradient_norm

    def _loss_graph(
        self, batch: tf.Tensor, step: tf.Tensor, soft_targets: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, States]:
        """Return the loss of ids (batch, time + 1), divided by the predicted characters of the whole batch, and the
        states after them.

        It is the cross-entropy of the ids, or of `soft_targets` (time, batch, vocabulary).
        """
        window = self.network.config.window
        first = window - 1 if window else 0  # index of the first character whose successor is predicted
        prepared = self.network.prepare(
            recurrent_dropout=self._config.recurrent_dropout, dropout_seed=self._seed(step, WEIGHT_DROPOUT_SEED)
        )
        losses, new_states = list[tf.Tensor](), []
        targets_of_shards: list[tf.Tensor] = []
        if soft_targets is not None:
            targets_of_shards = tf.split(soft_targets, self.shard_sizes, axis=1)
        shards = zip(tf.split(batch, self.shard_sizes), self._carried_states(step), strict=True)
        for shard, (ids, states) in enumerate(shards, start=self._first_shard):
            logits, shard_states = prepared.run(
                ids[:, :-1],
                states,
                needs_gradient=True,
                dropout=self._config.dropout,
                dropout_seed=self._seed(step, SHARD_SEED + shard),
            )
            if targets_of_shards:
                cross_entropy = tf.nn.softmax_cross_entropy_with_logits(targets_of_shards[len(losses)], logits)
            else:
                targets = tf.transpose(ids[:, 1 + first :])
                cross_entropy = _cross_entropy(targets, logits[first:] if first else logits)
            losses.append(tf.reduce_sum(cross_entropy))
            new_states.append(shard_states)
        loss = tf.add_n(losses) / (self._config.batch_size * (batch.shape[1] - 1 - first))
        return loss, _join_states(new_states)

    def _seed(self, step: tf.Tensor, index: int) -> tf.Tensor:
        """Return the two integers that seed one use of randomness in one step; layers count up from the second."""
        seeds = [self._config.random_seed % 2**31 + 1_000_003 * index, step * len(self.states)]
        return tf.stack([tf.cast(seed, tf.int64) for seed in seeds])

    def _carry(self, carried: tf.Variable, new: tf.Tensor) -> tf.Tensor:
        return carried[:, self.rows].assign(new) if self._workers else carried.assign(new)

    def _carried_states(self, step: tf.Tensor) -> list[States]:
        """Return the carried states by shard, with those of a few streams reset to zero: see STATE_RESET_RATE."""
        uniforms = tf.random.stateless_uniform([self._config.batch_size], self._seed(step, RESET_SEED))
        keep_state = tf.cast(uniforms >= STATE_RESET_RATE, tf.float32)[self.rows]
        states = [[state[:, self.rows] * keep_state for state in layer] for layer in self.states]
        return _split_states(states, self.shard_sizes)

    def _evaluate_step_graph(
        self, inputs: tf.Tensor, targets: tf.Tensor, scored: tf.Tensor, states: States, logit_scale: tf.Tensor
    ) -> Any:
        """Return sums over (batch, time) characters, and the new states.

        The sums are the loss, the number of correct predictions, and both of `ScaleDerivatives`.
        """
        sizes = shard_sizes(inputs.shape[0], self._config.num_shards)
        prepared, sums, new_states = self.network.prepare(logit_scale=logit_scale), [], []
        shards = [tf.split(array, sizes) for array in (inputs, targets, scored)]
        for ids, shard_targets, shard_scored, shard_states in zip(*shards, _split_states(states, sizes), strict=True):
            logits, after = prepared.run(ids, shard_states)
            shard_targets, shard_scored = tf.transpose(shard_targets), tf.transpose(shard_scored)
            sums.append(tf.reduce_sum(_figures(shard_targets, logits) * shard_scored, axis=(1, 2)))
            new_states.append(after)
        return tf.add_n(sums), _join_states(new_states)


def _split_states(states: States, sizes: list[int]) -> list[States]:
    """Split states (units, batch) into those of each shard."""
    pieces = [tf.split(state, sizes, axis=1) for state in tf.nest.flatten(states)]
    return [tf.nest.pack_sequence_as(states, shard) for shard in zip(*pieces, strict=True)]


def _join_states(shards: list[States]) -> Any:
    return tf.nest.map_structure(lambda *pieces: tf.concat(pieces, axis=1), *shards)


def _global_norm(gradients: list[tf.Tensor]) -> tf.Tensor:
    """Return the L2 norm of all gradients together.

    TensorFlow merges equal nodes of a graph: written as in Keras's clipping, it is computed once for both.
    """
    squared_norms = [tf.reduce_sum(tf.square(tf.convert_to_tensor(gradient))) for gradient in gradients]
    return tf.sqrt(tf.reduce_sum(tf.stack(squared_norms)))


def _cross_entropy(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)


def _figures(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Return of each prediction its loss, whether it is correct, and its share of both `ScaleDerivatives`, stacked."""
    cross_entropy = _cross_entropy(targets, logits)
    is_correct = tf.argmax(logits, axis=-1, output_type=tf.int32) == targets
    log_probabilities = tf.nn.log_softmax(logits)
    weighted = tf.exp(log_probabilities) * log_probabilities
    entropy = -tf.reduce_sum(weighted, axis=-1)
    variance = tf.reduce_sum(weighted * log_probabilities, axis=-1) - tf.square(entropy)
    return tf.stack([cross_entropy, tf.cast(is_correct, tf.float32), cross_entropy - entropy, variance])
