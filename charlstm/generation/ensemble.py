"""Several models as one voice: their next-character distributions mixed over the union of their alphabets."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from charlstm.arrays import FloatArray, Ids
from charlstm.generation.sampling import softmax
from charlstm.generation.stepper import make_stepper
from charlstm.storage.model_file import Model
from charlstm.text.vocabulary import Vocabulary

States = list[tuple[FloatArray, ...]]


class Member:
    """One of the models: reads the union's characters as well as it knows them, and passes over the others.

    Its states are those of the stepper, and before them the logits it gave last.
    """

    def __init__(self, model: Model, union: Vocabulary) -> None:
        self.stepper = make_stepper(model)
        self._own_ids = model.vocabulary.id_table(union.characters, "nearest").ids  # -1: it has nothing like it
        known = [union.characters.find(character) for character in model.vocabulary.characters]
        self._places = np.array(known)  # of its characters in the union; -1 for what stands for rare ones
        self._size = len(union)
        self.num_layers = len(self.stepper.initial_states()) + 1

    def initial_states(self) -> States:
        return [(np.zeros((1, len(self._places)), np.float32),), *self.stepper.initial_states()]

    def probabilities(self, states: States) -> npt.NDArray[np.float64]:
        """Of the next character: (streams, union)."""
        ((logits,), *_) = states
        found = softmax(np.where(self._places >= 0, logits, -np.inf))
        spread = np.zeros((len(logits), self._size))
        spread[:, self._places[self._places >= 0]] = found[:, self._places >= 0]
        return spread

    def step(self, ids: Ids, states: States) -> States:
        own = self._own_ids[ids]
        logits, after = self.stepper.step(own.clip(min=0), states[1:])
        if (own >= 0).all():
            return [(logits,), *after]
        return [
            tuple(_chosen(own >= 0, new, old) for new, old in zip(*layers, strict=True))
            for layers in zip([(logits,), *after], states, strict=True)
        ]

    def read(self, ids: Ids, states: States) -> States:
        """Read ids (1, time)."""
        own = self._own_ids[ids[0]]
        known = own[own >= 0]
        if not len(known):
            return states
        logits, after = self.stepper.read(known[None], states[1:])
        return [(logits[:, -1],), *after]


def _chosen(rows: npt.NDArray[np.bool_], new: FloatArray, old: FloatArray) -> FloatArray:
    """The new values of some rows, the old ones of the others."""
    return np.where(rows.reshape(-1, *[1] * (new.ndim - 1)), new, old)


class Ensemble:
    """A mixture of models: each next character's probability is the weighted mean of theirs.

    The weights are made to add up to 1. Where a model does not know a character it gives it no probability, and when
    another has written it, reads the most alike that it knows, or passes over it.
    """

    def __init__(self, models: Sequence[Model], weights: Sequence[float]) -> None:
        characters = {
            character
            for model in models
            for character in model.vocabulary.characters
            if character != model.vocabulary.unknown
        }
        lowercase = all(model.vocabulary.lowercase for model in models)
        self.vocabulary = Vocabulary("".join(sorted(characters)), lowercase)
        self._parts = [Member(model, self.vocabulary) for model in models]
        self._weights = [weight / sum(weights) for weight in weights]

    def compiled(self) -> "Ensemble":
        return self

    def initial_states(self) -> States:
        return [layer for part in self._parts for layer in part.initial_states()]

    def step(self, ids: Ids, states: States) -> tuple[FloatArray, States]:
        """Read one character of each stream: ids is (streams,); returns ln p (streams, union) and the states."""
        after = [part.step(ids, own) for part, own in self._divided(states)]
        return self._mixed(after), [layer for layers in after for layer in layers]

    def read(self, ids: Ids, states: States) -> tuple[FloatArray, States]:
        """Read ids (1, time); returns ln p of what follows the last of them, (1, 1, union), and the states."""
        after = [part.read(ids, own) for part, own in self._divided(states)]
        return self._mixed(after)[:, None], [layer for layers in after for layer in layers]

    def _divided(self, states: States) -> list[tuple[Member, States]]:
        places = np.cumsum([0] + [part.num_layers for part in self._parts])
        return [
            (part, states[start:end]) for part, start, end in zip(self._parts, places[:-1], places[1:], strict=True)
        ]

    def _mixed(self, states: list[States]) -> FloatArray:
        weighted = zip(self._weights, self._parts, states, strict=True)
        with np.errstate(divide="ignore"):
            return np.asarray(
                np.log(np.sum([weight * part.probabilities(own) for weight, part, own in weighted], axis=0))
            )
