"""The networks of a run with teachers: these are trained first, and the last network learns what they predict.

It starts from the weights of the last teacher, which is sooner done than from random ones, and as probabilities are
hard to learn by heart, it needs no dropout.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from charlstm.arrays import FloatArray
from charlstm.config import ModelConfig, TrainingConfig
from charlstm.storage.model_file import Model, NamedWeights
from charlstm.text.batches import Streams
from charlstm.text.vocabulary import Vocabulary
from charlstm.training.interruption import Interruption
from charlstm.training.saved_networks import initial_network
from charlstm.training.schedule import STUDENT_TIME
from charlstm.training.teaching import MAX_PROBABILITIES, Probabilities, average_predictions, write_passages
from charlstm.training.train_step import Trainer

SHARE_WRITTEN = 0.25  # characters that the teachers write, of those that the student would have the time to read


class Student:
    """Trains a network to predict what its teachers predict."""

    def __init__(self, trainer: Trainer, streams: Streams, predictions: Probabilities) -> None:
        """`predictions` are the probabilities (characters, vocabulary) of each character of the streams' text."""
        trainer.become_student()
        self._trainer, self._streams, self._predictions = trainer, streams, predictions

    def take_steps(self, first: int, learning_rates: list[float]) -> tuple[FloatArray, FloatArray]:
        """Take steps, numbered from `first`, and return what `Trainer.train_steps` does."""
        positions = np.stack([self._streams.positions(first + index) for index in range(len(learning_rates))])
        return self._trainer.train_steps(
            np.asarray(self._streams.ids[positions], np.int32),
            step=first,
            learning_rates=learning_rates,
            predictions=self._predictions[positions[:, :, 1:]],
        )


class Teachers:
    """The teachers of a run that have been trained so far."""

    def __init__(self, model_config: ModelConfig, config: TrainingConfig, vocabulary: Vocabulary) -> None:
        self._model_config, self._config, self._vocabulary = model_config, config, vocabulary
        self.weights = list[NamedWeights]()

    @property
    def are_complete(self) -> bool:
        return len(self.weights) == self._config.teachers

    def initial_weights(self) -> NamedWeights:
        """Return what the next network begins with: other random weights than all before, or the last teacher's."""
        if self.are_complete:
            return self.weights[-1]
        seed = self._config.random_seed + len(self.weights)
        return initial_network(self._model_config, self._vocabulary, random_seed=seed).weights

    def make_student(
        self, trainer: Trainer, streams: Streams, *, last_step: int, interruption: Interruption
    ) -> Student:
        """Let the teachers write, and predict the training text and what they have written.

        `last_step` is where their training ended: the student has the time for about a third of these steps. After an
        interruption it has nothing to learn from.
        """
        num_read = last_step * streams.characters_per_step * STUDENT_TIME / (1 - STUDENT_TIME)
        num_written = min(
            round(SHARE_WRITTEN * num_read), MAX_PROBABILITIES // len(self._vocabulary) - len(streams.ids)
        )
        models = self._models()
        written = write_passages(
            models, streams.ids, num_written, random_seed=self._config.random_seed, interruption=interruption
        )
        ids = np.concatenate([streams.ids, written])
        return Student(trainer, replace(streams, ids=ids), average_predictions(models, ids, interruption))

    def _models(self) -> Sequence[Model]:
        metadata = {"settings": self._config.to_json()}
        return [Model(self._model_config, self._vocabulary, weights, metadata) for weights in self.weights]
