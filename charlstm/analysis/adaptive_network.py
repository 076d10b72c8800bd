"""Dynamic evaluation: a network that learns from a text while it reads it (Krause et al. 2018, arXiv:1709.07432).

Each segment of the text is predicted first, by the weights that the text before it has left; only then does the
network learn it, with one update. The figures are therefore as honest as those of fixed weights.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from charlstm.analysis.evaluation import Scores, losses_of
from charlstm.arrays import Ids, Logits
from charlstm.config import AdaptationConfig
from charlstm.errors import SettingError
from charlstm.network.network import CharacterNetwork
from charlstm.network.optimizer import FusedAdam
from charlstm.storage.model_file import Model

MEAN_SQUARE_DECAY = 0.999  # of the running mean of squared gradients, per segment


class AdaptiveNetwork:
    """A copy of a model that learns what it reads; the model itself stays as it is.

    An update is the gradient of the segment's mean loss, each element divided by the root of the running mean of its
    squares (RMSprop: Tieleman and Hinton 2012, with the bias correction of Adam); then every weight decays towards
    its trained value. The gradient goes back to the start of the segment, and the states are carried from one segment
    to the next.
    """

    def __init__(self, model: Model, config: AdaptationConfig) -> None:
        self._model, self.config, self.vocabulary = model, config, model.vocabulary
        self._network = CharacterNetwork(model.config, len(model.vocabulary), precision=model.precision)
        self._network.set_named_weights(model.weights)
        self._trained = [tf.constant(variable.value) for variable in self._network.trainable_variables]
        self._optimizer = FusedAdam(learning_rate=float(config.adapt_rate), beta_1=0.0, beta_2=MEAN_SQUARE_DECAY)
        self._optimizer.build(self._network.trainable_variables)
        self._states = self._network.initial_states(1)
        spec = tf.TensorSpec((1, None), tf.int32)
        self._learn = tf.function(self._learn_graph, input_signature=[spec, self._state_specs()], autograph=False)

    def read(self, ids: Ids) -> Iterator[Scores]:
        """Predict and learn ids (characters,) segment by segment; yield the scores so far, `num_segments` times.

        The first id is read but not predicted. The states go on from those of an earlier call. Raises SettingError if
        the weights grow beyond all numbers.
        """
        scores = Scores()
        for logits, targets in self.predictions(ids):
            scores += losses_of(logits, targets).scores
            yield scores

    def predictions(self, ids: Ids) -> Iterator[tuple[Logits, Ids]]:
        """Predict and learn as `read` does; yield the logits (time, vocabulary) and the targets of each segment."""
        length = self.config.adapt_length
        for start in range(0, len(ids) - 1, length):
            segment = ids[start : start + length + 1]
            yield self._predict_and_learn(segment), segment[1:]

    def num_segments(self, ids: Ids) -> int:
        """Return how many times `read` yields."""
        return -(-(len(ids) - 1) // self.config.adapt_length)

    def forget_states(self) -> None:
        """Read what comes next as the start of a text; what has been learned stays."""
        self._states = self._network.initial_states(1)

    @property
    def model(self) -> Model:
        """The model with the weights as they are now."""
        return replace(self._model, weights=self._network.get_named_weights())

    def _predict_and_learn(self, segment: Ids) -> Logits:
        """Return the logits (time, vocabulary) after each id of a segment (time + 1,) but the last, then learn it."""
        logits, self._states = self._learn(tf.constant(segment[None], tf.int32), self._states)
        found: Logits = logits.numpy()
        if not np.isfinite(found).all():
            raise SettingError(
                f"at `adapt_rate` {self.config.adapt_rate:g} the model has diverged", hint="give a smaller `adapt_rate`"
            )
        return found

    def _learn_graph(self, ids: tf.Tensor, states: Sequence[Any]) -> tuple[tf.Tensor, Sequence[Any]]:
        with tf.GradientTape() as tape:
            logits, states = self._network(ids[:, :-1], states, needs_gradient=True)
            targets = tf.transpose(ids[:, 1:])
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits))
        variables = self._network.trainable_variables
        self._optimizer.apply(tape.gradient(loss, variables), variables)
        for variable, trained in zip(variables, self._trained, strict=True):
            variable.assign_add(self.config.adapt_decay * (trained - variable))
        return logits[:, 0], states

    def _state_specs(self) -> Any:
        return tf.nest.map_structure(lambda state: tf.TensorSpec(state.shape, state.dtype), self._states)
