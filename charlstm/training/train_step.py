"""One step of training, and one evaluation, in TensorFlow."""

import contextlib
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from charlstm.analysis.evaluation import EvaluationStreams, Scores
from charlstm.config import ModelConfig, TrainingConfig
from charlstm.network.network import CharacterNetwork

EVALUATE_AT_ONCE = 64  # characters of each stream: as many as in training, so that memory is used again
RESET_SHARE = 1 / 32  # of the streams start from zeros at each step, or the network comes to lean on states that only
# thousands of characters could bring about, and fails when it is started anew
SEED_OF_RESETS, SEED_OF_WEIGHTS, SEED_OF_SHARDS = 0, 1, 2  # places among the seeds of a step; shards count on


def set_threads(num_cores: int) -> None:
    """Let every operation run on one thread, and as many side by side as there are cores: one for each shard.

    Has to come before TensorFlow's first operation; after it nothing changes.
    """
    tf.get_logger().setLevel("ERROR")  # a graph for each shape is what is wanted
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(num_cores)


def shard_sizes(num_streams: int, num_shards: int) -> list[int]:
    """How many streams each shard gets: as equal as can be, and none without any."""
    streams, rest = divmod(num_streams, num_shards)
    return [streams + (shard < rest) for shard in range(min(num_streams, num_shards))]


class FusedAdam(keras.optimizers.Adam):
    """Keras's Adam (Kingma and Ba 2015, with the order of its section 2), each variable updated by one operation."""

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        place = self._get_variable_index(variable)
        count = tf.cast(self.iterations + 1, variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[place].value.handle,
            v=self._velocities[place].value.handle,
            beta1_power=self.beta_1**count,
            beta2_power=self.beta_2**count,
            lr=tf.cast(learning_rate, variable.dtype),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=tf.cast(gradient, variable.dtype),
        )


class Trainer:
    """A network that is being trained: its weights, the optimizer's, and the state that every stream carries.

    Truncated backpropagation through time (Williams and Peng 1990): the gradient reaches back to the start of the
    batch, the state comes from the batch before. A network that sees a window is trained on the character after it
    alone, from zeros. Adam (Kingma and Ba 2015), gradients clipped to a global norm (Pascanu et al. 2013), weight decay
    apart from the gradient (Loshchilov and Hutter 2019).
    """

    def __init__(self, model_config: ModelConfig, config: TrainingConfig, vocabulary_size: int) -> None:
        self.network = CharacterNetwork(
            model_config, vocabulary_size, random_seed=config.random_seed, precision=config.precision
        )
        self.optimizer = FusedAdam(
            beta_2=0.99, global_clipnorm=config.clip_norm or None, weight_decay=config.weight_decay or None
        )
        if config.weight_decay:
            self.optimizer.exclude_from_weight_decay(var_names=["bias"])
        self.optimizer.build(self.network.trainable_variables)
        self._config = config
        self.shard_sizes = shard_sizes(config.batch_size, config.num_shards)
        self.states = [
            [tf.Variable(state) for state in layer] for layer in self.network.initial_states(config.batch_size)
        ]
        self._train_steps: Any = None  # the graph, built for the first batch: all have the same shape
        self._evaluate_step = tf.function(self._evaluate_step_graph, autograph=False)

    def train_steps(
        self, batches: npt.NDArray[np.int32], *, step: int, learning_rates: list[float]
    ) -> npt.NDArray[np.float32]:
        """Learn from ids (steps, batch, time + 1), one batch after the other, the first of them the batch of `step`.

        Returns the loss before each, in nats per character.
        """
        steps = np.arange(step, step + len(batches), dtype=np.int32)
        given = tf.constant(batches), tf.constant(steps), tf.constant(learning_rates, tf.float32)
        if self._train_steps is None:
            kinds = [tf.TensorSpec((None, *part.shape[1:]), part.dtype) for part in given]
            graph = tf.function(self._train_steps_graph, autograph=False)
            self._train_steps = graph.get_concrete_function(*kinds)  # a tf.function looks for it at every call
        losses: npt.NDArray[np.float32] = self._train_steps(*given).numpy()
        return losses

    def evaluate(self, streams: EvaluationStreams) -> Scores:
        """Score a text that has been cut into streams, without dropout."""
        states = self.network.initial_states(len(streams.inputs))
        for start in range(0, streams.warmup.shape[1], EVALUATE_AT_ONCE):
            warmup = streams.warmup[:, start : start + EVALUATE_AT_ONCE].astype(np.int32)
            _, _, states = self._evaluate_step(warmup, warmup, np.zeros(warmup.shape, np.float32), states)
        keep_state = (np.arange(len(streams.inputs)) >= streams.num_cold_rows).astype(np.float32)
        states = [[state * keep_state for state in layer] for layer in states]
        nats = correct = 0.0
        for start in range(0, streams.inputs.shape[1], EVALUATE_AT_ONCE):
            piece = slice(start, start + EVALUATE_AT_ONCE)
            piece_nats, piece_correct, states = self._evaluate_step(
                streams.inputs[:, piece].astype(np.int32),
                streams.targets[:, piece].astype(np.int32),
                streams.scored[:, piece],
                states,
            )
            nats, correct = nats + float(piece_nats), correct + float(piece_correct)
        return Scores(nats, correct, int(streams.scored.sum()))

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Everything that a step changes: weights, the optimizer's variables, carried states."""
        return {name: np.array(variable.numpy()) for name, variable in self._variables().items()}

    def restore(self, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Go back to where `arrays()` were taken."""
        for name, variable in self._variables().items():
            variable.assign(arrays[name])

    def reset_to(self, weights: Mapping[str, npt.NDArray[np.float32]]) -> None:
        """Take these weights by name, forget what the optimizer has gathered, and start every stream from zeros."""
        for name, variable in self._variables().items():
            if not name.startswith("weights/"):
                variable.assign(tf.zeros_like(variable))
        self.network.set_named_weights(dict(weights))

    def _variables(self) -> dict[str, Any]:
        named: dict[str, Any] = {f"weights/{name}": value for name, value in self.network.variables_by_name().items()}
        for place, variable in enumerate(self.optimizer.variables):  # their own names count all of a process's layers
            named[f"optimizer/{place}"] = variable
        for layer, states in enumerate(self.states):
            named |= {f"states/{layer}/{place}": state for place, state in enumerate(states)}
        return named

    def _train_steps_graph(self, batches: tf.Tensor, steps: tf.Tensor, learning_rates: tf.Tensor) -> tf.Tensor:
        def take_step(_: tf.Tensor, given: Any) -> tf.Tensor:
            return self._train_step_graph(*given)

        return tf.scan(take_step, (batches, steps, learning_rates), initializer=tf.zeros(()), parallel_iterations=1)

    def _train_step_graph(self, batch: tf.Tensor, step: tf.Tensor, learning_rate: tf.Tensor) -> tf.Tensor:
        batches = tf.split(batch, self.shard_sizes)
        window = self.network.config.window
        first = window - 1 if window else 0  # place of the first character that is foretold
        with tf.GradientTape() as tape:
            prepared = self.network.prepare(
                recurrent_dropout=self._config.recurrent_dropout, dropout_seed=self._seed(step, SEED_OF_WEIGHTS)
            )
            losses, after = [], []
            for shard, (ids, states) in enumerate(zip(batches, self._carried_states(step), strict=True)):
                logits, new = prepared.run(
                    ids[:, :-1],
                    states,
                    needs_gradient=True,
                    dropout=self._config.dropout,
                    dropout_seed=self._seed(step, SEED_OF_SHARDS + shard),
                )
                targets = tf.transpose(ids[:, 1 + first :])
                losses.append(tf.reduce_sum(_cross_entropy(targets, logits[first:] if first else logits)))
                after.append(new)
            loss = tf.add_n(losses) / (self._config.batch_size * (batch.shape[1] - 1 - first))
        variables = self.network.trainable_variables
        gradients = tape.gradient(loss, variables)
        if self._config.clip_value:
            gradients = [tf.clip_by_value(g, -self._config.clip_value, self._config.clip_value) for g in gradients]
        self.optimizer.learning_rate.assign(learning_rate)
        self.optimizer.apply(gradients, variables)
        if not window:
            tf.nest.map_structure(lambda carried, new: carried.assign(new), self.states, _join_states(after))
        return loss

    def _seed(self, step: tf.Tensor, place: int) -> tf.Tensor:
        """Two integers for the dropout of one step in one place; the layers count on from the second."""
        seeds = [self._config.random_seed % 2**31 + 1_000_003 * place, step * len(self.states)]
        return tf.stack([tf.cast(seed, tf.int64) for seed in seeds])

    def _carried_states(self, step: tf.Tensor) -> list[Any]:
        """The carried states by shard, those of a few streams started anew: see RESET_SHARE."""
        chance = tf.random.stateless_uniform([self._config.batch_size], self._seed(step, SEED_OF_RESETS))
        goes_on = tf.cast(chance >= RESET_SHARE, tf.float32)
        return _split_states([[state * goes_on for state in layer] for layer in self.states], self.shard_sizes)

    def _evaluate_step_graph(self, inputs: tf.Tensor, targets: tf.Tensor, scored: tf.Tensor, states: Any) -> Any:
        sizes = shard_sizes(inputs.shape[0], self._config.num_shards)
        prepared, nats, correct, after = self.network.prepare(), [], [], []
        parts = [tf.split(array, sizes) for array in (inputs, targets, scored)]
        for ids, wanted, counted, before in zip(*parts, _split_states(states, sizes), strict=True):
            logits, new = prepared.run(ids, before)
            wanted, counted = tf.transpose(wanted), tf.transpose(counted)
            right = tf.cast(tf.argmax(logits, axis=-1, output_type=tf.int32) == wanted, tf.float32)
            nats.append(tf.reduce_sum(_cross_entropy(wanted, logits) * counted))
            correct.append(tf.reduce_sum(right * counted))
            after.append(new)
        return tf.add_n(nats), tf.add_n(correct), _join_states(after)


def _split_states(states: Any, sizes: list[int]) -> list[Any]:
    """States (units, streams) cut into shards: a list of what `states` is."""
    pieces = [tf.split(state, sizes, axis=1) for state in tf.nest.flatten(states)]
    return [tf.nest.pack_sequence_as(states, shard) for shard in zip(*pieces, strict=True)]


def _join_states(shards: list[Any]) -> Any:
    return tf.nest.map_structure(lambda *pieces: tf.concat(pieces, axis=1), *shards)


def _cross_entropy(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
