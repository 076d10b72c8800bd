"""The networks of a run with teachers: these are trained first, and the last network learns what they predict.

It starts from the last teacher's weights, which takes fewer steps than random ones. Probabilities are hard to learn by
heart, so it needs no dropout.
"""

from dataclasses import replace

import numpy as np

from charlstm.arrays import FloatArray
from charlstm.config import MAX_PROBABILITIES, ModelConfig, TrainingConfig
from charlstm.storage.model_file import Model, NamedWeights
from charlstm.text.batches import Streams
from charlstm.text.vocabulary import Vocabulary
from charlstm.training.saved_networks import initial_network
from charlstm.training.teaching import Predictions, Proceed, average_predictions, generate_passages
from charlstm.training.train_step import Trainer

SHARE_GENERATED = 0.25  # characters that the teachers generate, of those that the student would have the time to read


class Student:
    """Trains a network to predict what its teachers predict."""

    def __init__(self, trainer: Trainer, streams: Streams, predictions: Predictions) -> None:
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
            predictions=self._predictions[positions[:, :, 1:].swapaxes(1, 2)],
        )


class NetworkWeights:
    """The best weights of each network of a run so far; the last of them is being trained."""

    def __init__(self, model_config: ModelConfig, config: TrainingConfig, vocabulary: Vocabulary) -> None:
        self._model_config, self._config, self._vocabulary = model_config, config, vocabulary
        self.all = list[NamedWeights]()

    @property
    def in_checkpoint(self) -> list[NamedWeights]:
        """Those that a checkpoint has beside the best of the run, which is that of a single network."""
        return self.all if self._config.teachers else []

    def begin_next(self) -> NamedWeights:
        """Add the next network and return its initial weights: other random ones, or for the student a teacher's."""
        index = len(self.all)
        if index < self._config.teachers:
            seed = int(np.random.SeedSequence((self._config.random_seed, index)).generate_state(1)[0])
            weights = initial_network(self._model_config, self._vocabulary, random_seed=seed).weights
        else:
            weights = self.all[-1]
        self.all.append(weights)
        return weights

    def num_generated(self, num_training: int, num_read: float) -> int:
        """Return how many characters the teachers generate, if the student has the time to read `num_read` of them.

        `num_training` is the number of characters of the training text.
        """
        room = MAX_PROBABILITIES // len(self._vocabulary) - num_training
        return max(0, min(round(SHARE_GENERATED * num_read), room))

    def make_student(self, trainer: Trainer, streams: Streams, *, num_generated: int, proceed: Proceed) -> Student:
        """Let the teachers generate text, and predict it and the training text.

        If `proceed` returns False, there is nothing to learn from.
        """
        metadata = {"settings": self._config.to_json()}
        teachers = self.all[: self._config.teachers]
        models = [Model(self._model_config, self._vocabulary, weights, metadata) for weights in teachers]
        seed = self._config.random_seed
        generated = generate_passages(models, streams.ids, num_generated, random_seed=seed, proceed=proceed)
        ids = np.concatenate([streams.ids, generated])
        return Student(trainer, replace(streams, ids=ids), average_predictions(models, ids, proceed=proceed))
