"""Let a model learn a text while somebody writes it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from charlstm.analysis.evaluation import Scores
from charlstm.arrays import Ids
from charlstm.generation.generate import LanguageModel
from charlstm.generation.stepper import make_stepper

if TYPE_CHECKING:
    from charlstm.analysis.adaptive_network import AdaptiveNetwork

MAX_RELEARNED = 1000  # characters of a text that was changed before the end of what had been learned


class TextLearner:
    """Learns a text while it is written, segment by segment.

    Text that is deleted or changed after it was learned stays learned.
    """

    def __init__(self, network: "AdaptiveNetwork", *, unknown: str) -> None:
        self._network, self._unknown = network, unknown
        self._learned: Ids = np.empty(0, np.intp)  # the text up to the end of the last segment that was learned
        self._has_learned = False  # since a model was returned

    def learn(self, text: str) -> Iterator[Scores]:
        """Learn the whole segments of a text that are new, and yield after each.

        Of a text that has been changed before the end of what was learned, what follows the change is learned again, at
        most MAX_RELEARNED characters. Characters that the model does not know are treated by the policy `unknown`.
        """
        length, vocabulary = self._network.config.adapt_length, self._network.vocabulary
        ids = vocabulary.encode(vocabulary.adapt(text, self._unknown)[0])
        start = max(0, len(self._learned) - 1)
        if not np.array_equal(ids[: len(self._learned)], self._learned):
            start = max(0, _common_length(ids, self._learned) - 1, len(ids) - MAX_RELEARNED)
            self._network.forget_states()
        end = start + max(0, len(ids) - 1 - start) // length * length
        self._learned = ids[: end + 1]
        for scores in self._network.read(ids[start : end + 1]):
            self._has_learned = True
            yield scores

    def num_segments(self, text: str) -> int:
        """Return how many times `learn` yields for a first text, if the model knows all its characters."""
        return max(0, len(text) - 1) // self._network.config.adapt_length

    def learned_model(self, text: str) -> LanguageModel | None:
        """Learn what is new in a text; return the model, or None if it is still the one that was returned last."""
        for _ in self.learn(text):
            pass
        has_learned, self._has_learned = self._has_learned, False
        return make_stepper(self._network.model) if has_learned else None


def _common_length(one: Ids, other: Ids) -> int:
    """Return how many ids two texts have in common at their start."""
    shorter = min(len(one), len(other))
    differs = np.flatnonzero(one[:shorter] != other[:shorter])
    return int(differs[0]) if len(differs) else shorter
