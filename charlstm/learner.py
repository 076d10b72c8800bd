"""One step of training, and one evaluation, in TensorFlow."""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from charlstm.config import ModelConfig, TrainingConfig
from charlstm.evaluation import EvaluationStreams, Scores
from charlstm.model import CharacterNetwork

CLIP_NORM = 1.0
EVALUATE_AT_ONCE = 128  # characters of each stream


class Learner:
    """A network that is being trained: its weights, the optimizer's, and the state that every stream carries.

    Truncated backpropagation through time (Williams and Peng 1990): the gradient reaches back to the start of the
    batch, the state comes from the batch before. Adam (Kingma and Ba 2015), gradients clipped to a global norm of 1
    (Pascanu et al. 2013).
    """

    def __init__(self, model_config: ModelConfig, config: TrainingConfig, vocabulary_size: int) -> None:
        self.network = CharacterNetwork(model_config, vocabulary_size, random_seed=config.random_seed)
        self.optimizer = keras.optimizers.Adam(beta_2=0.99, global_clipnorm=CLIP_NORM)
        self.optimizer.build(self.network.trainable_variables)
        self._config = config
        self.states = [
            [tf.Variable(state) for state in layer] for layer in self.network.initial_states(config.batch_size)
        ]
        self._train_step = tf.function(self._train_step_graph)
        self._evaluate_step = tf.function(self._evaluate_step_graph)

    def train_step(self, batch: npt.NDArray[np.int32], *, step: int, learning_rate: float) -> float:
        """Learn from ids (batch, time + 1); returns the loss before it in nats per character."""
        rate = tf.constant(learning_rate, tf.float32)
        return float(self._train_step(tf.constant(batch), tf.constant(step, tf.int32), rate))

    def evaluate(self, streams: EvaluationStreams) -> Scores:
        """Score a text that has been cut into streams, without dropout."""
        states = self.network.initial_states(len(streams.inputs))
        nothing = np.zeros_like(streams.lead_in, np.float32)
        _, _, states = self._evaluate_step(
            streams.lead_in.astype(np.int32), streams.lead_in.astype(np.int32), nothing, states
        )
        from_zeros = (np.arange(len(streams.inputs)) > 0).astype(np.float32)[:, None]
        states = [[state * from_zeros for state in layer] for layer in states]
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
        named: dict[str, Any] = {f"weights/{name}": value for name, value in self.network.get_named_weights().items()}
        named |= {f"optimizer/{variable.path}": variable.numpy() for variable in self.optimizer.variables}
        for layer, states in enumerate(self.states):
            named |= {f"states/{layer}/{place}": state.numpy() for place, state in enumerate(states)}
        return {name: np.asarray(array) for name, array in named.items()}

    def _train_step_graph(self, batch: tf.Tensor, step: tf.Tensor, learning_rate: tf.Tensor) -> tf.Tensor:
        seed = tf.stack([self._config.random_seed % 2**31, step * len(self.states)])
        with tf.GradientTape() as tape:
            logits, states = self.network(batch[:, :-1], self.states, dropout=self._config.dropout, dropout_seed=seed)
            loss = tf.reduce_mean(_cross_entropy(batch[:, 1:], logits))
        variables = self.network.trainable_variables
        self.optimizer.learning_rate.assign(learning_rate)
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        for carried, new in zip(tf.nest.flatten(self.states), tf.nest.flatten(states), strict=True):
            carried.assign(new)
        return loss

    def _evaluate_step_graph(self, inputs: tf.Tensor, targets: tf.Tensor, scored: tf.Tensor, states: Any) -> Any:
        logits, states = self.network(inputs, states)
        nats = tf.reduce_sum(_cross_entropy(targets, logits) * scored)
        correct = tf.cast(tf.argmax(logits, axis=-1, output_type=tf.int32) == targets, tf.float32)
        return nats, tf.reduce_sum(correct * scored), states


def _cross_entropy(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
