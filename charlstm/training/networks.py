"""The networks of a run, in the order in which they are trained: one, or teachers and then their student."""

from collections.abc import Iterable

import numpy as np

from charlstm.config import ModelConfig, TrainingConfig
from charlstm.storage.model_file import Model, NamedWeights
from charlstm.text.vocabulary import Vocabulary


class Networks:
    """The best weights so far of each network of a run; the last of them is being trained."""

    def __init__(
        self, model_config: ModelConfig, config: TrainingConfig, vocabulary: Vocabulary, initial: NamedWeights
    ) -> None:
        """`initial` are the weights that the first network begins with."""
        self._model_config, self._config, self._vocabulary = model_config, config, vocabulary
        self._weights = [initial]

    @property
    def current(self) -> NamedWeights:
        """The best weights of the network that is trained; before its first evaluation those that it began with."""
        return self._weights[-1]

    def keep_best(self, weights: NamedWeights) -> None:
        self._weights[-1] = weights

    def begin_next(self, trained: Iterable[int]) -> NamedWeights:
        """Add the next network and return its initial weights: other random ones, or for the student a teacher's.

        `trained` are the numbers of the networks so far, from 1, that have been evaluated.
        """
        number = len(self._weights) + 1
        if number <= self._config.teachers:
            weights = initial_weights(self._model_config, self._config, self._vocabulary, number=number)
        else:
            weights = self._weights[max(trained) - 1]
        self._weights.append(weights)
        return weights

    def teachers(self, trained: Iterable[int]) -> list[Model]:
        """Return the networks with these numbers, but for the student."""
        metadata = {"settings": self._config.to_json()}
        return [
            Model(self._model_config, self._vocabulary, self._weights[number - 1], metadata)
            for number in sorted(trained)
            if number <= self._config.teachers
        ]

    def to_checkpoint(self) -> list[NamedWeights]:
        """Return what a checkpoint has beside the best weights of the run, which are those of a single network."""
        return self._weights if self._config.teachers else []

    def restore(self, weights: list[NamedWeights]) -> None:
        """Take the weights of each network so far, at least one."""
        self._weights = weights


def initial_weights(
    model_config: ModelConfig, config: TrainingConfig, vocabulary: Vocabulary, *, number: int = 1
) -> NamedWeights:
    """Return the random weights that a network of a run begins with; `number` counts its networks from 1."""
    from charlstm.network.network import CharacterNetwork

    seed = config.random_seed
    if number > 1:
        seed = int(np.random.SeedSequence((seed, number - 1)).generate_state(1)[0])
    return CharacterNetwork(model_config, len(vocabulary), random_seed=seed).get_named_weights()
