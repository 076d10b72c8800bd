"""Several models as one: their next-character distributions averaged over the union of their vocabularies."""

import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from charlstm.arrays import Ids, Logits
from charlstm.cells.equations import CellStates
from charlstm.cells.stack import States
from charlstm.errors import SettingError
from charlstm.generation.generate import banned_ids
from charlstm.generation.sampling import softmax
from charlstm.generation.stepper import make_stepper
from charlstm.storage.model_file import Model
from charlstm.text.vocabulary import Vocabulary

MIXES = ("characters", "words", "lines")
BOUNDARIES = {"characters": "", "words": " \t\n\u3000", "lines": "\n"}  # after which another model may go on
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # of the hash of a text


class Member:
    """A model of an ensemble, which reads ids of the union of the vocabularies.

    A character outside its own vocabulary is read as the nearest one inside, or skipped. The states are the last
    logits, then the stepper's states: after a skipped character the last logits still hold.
    """

    def __init__(self, model: Model, union: Vocabulary, logit_scale: float = 1.0) -> None:
        self._stepper = make_stepper(model)
        self._member_ids = model.vocabulary.id_table(union.characters, "nearest").ids  # -1: skip
        # By the member's ids; -1 for its stand-in for rare characters, which in another member may be a real character.
        self._union_ids = np.array([union.characters.find(character) for character in model.vocabulary.characters])
        self._union_ids[banned_ids(model.vocabulary)] = -1
        self._union_size, self._logit_scale = len(union), np.float32(logit_scale)
        self.num_states = 1 + len(self._stepper.initial_states())

    def initial_states(self) -> States:
        return [(np.zeros((1, len(self._union_ids)), np.float32),), *self._stepper.initial_states()]

    def probabilities(self, states: States) -> npt.NDArray[np.float64]:
        """Return the probabilities of the next character, (streams, union)."""
        ((logits,), *_) = states
        in_union = self._union_ids >= 0
        probabilities = np.zeros((len(logits), self._union_size))
        probabilities[:, self._union_ids[in_union]] = softmax(np.where(in_union, logits * self._logit_scale, -np.inf))[
            :, in_union
        ]
        return probabilities

    def step(self, ids: Ids, states: States) -> States:
        """Read one character of each stream; ids is (streams,)."""
        member_ids = self._member_ids[ids]
        is_known = member_ids >= 0
        logits, new_states = self._stepper.step(member_ids.clip(min=0), states[1:])
        new_states = [(logits,), *new_states]
        if is_known.all():
            return new_states
        return [select_rows(is_known, new, old) for new, old in zip(new_states, states, strict=True)]

    def read(self, ids: Ids, states: States) -> States:
        """Read several characters of one stream; ids is (1, time)."""
        member_ids = self._member_ids[ids[0]]
        known_ids = member_ids[member_ids >= 0]
        if not len(known_ids):
            return states
        logits, new_states = self._stepper.read(known_ids[None], states[1:])
        return [(logits[:, -1],), *new_states]


def select_rows(use_new: npt.NDArray[np.bool_], new: CellStates, old: CellStates) -> CellStates:
    """Return the new states (streams, ...) of some streams, and the old ones of the others."""
    return tuple(
        np.where(use_new.reshape(-1, *[1] * (array.ndim - 1)), array, old_array)
        for array, old_array in zip(new, old, strict=True)
    )


class Ensemble:
    """A mixture of models: each character's probability is the weighted mean of its probabilities in the members.

    Mixed by words or lines, one member writes each of them alone, drawn by the weights, and all members read it. What
    is drawn is a hash of the text so far: a step stays a pure function of its ids and states.

    The weights are normalized. Averaged by characters, the logits of each model are multiplied by its `logit_scale`;
    one that writes alone does so with its own. A model gives no probability to a character outside its vocabulary.
    """

    def __init__(
        self,
        models: Sequence[Model],
        weights: Sequence[float],
        *,
        logit_scales: Sequence[float] | None = None,
        mix: str = "characters",
    ) -> None:
        if mix not in MIXES:
            raise SettingError(
                f"`mix` is {mix!r}, but it must be one of {', '.join(MIXES)}", hint="characters is the default"
            )
        characters = {
            character
            for model in models
            for character in model.vocabulary.characters
            if character != model.vocabulary.unknown
        }
        lowercase = all(model.vocabulary.lowercase for model in models)
        form = _common_normal_form([model.vocabulary for model in models])
        self.vocabulary = Vocabulary("".join(sorted(characters)), lowercase, normalize=form)
        scales = logit_scales if logit_scales and mix == "characters" else [1.0] * len(models)
        pairs = zip(models, scales, strict=True)
        self._members = [Member(model, self.vocabulary, scale) for model, scale in pairs]
        self._weights = [weight / sum(weights) for weight in weights]
        is_boundary = [character in BOUNDARIES[mix] for character in self.vocabulary.characters]
        self._mix, self._is_boundary = mix, np.array(is_boundary)  # by id

    def compiled(self) -> "Ensemble":
        return self

    def initial_states(self) -> States:
        """Return the states of all members, one after the other, and the hashes of the text: see `_hash`."""
        hashes = np.zeros((1, 1), np.uint64)
        return [*(layer for member in self._members for layer in member.initial_states()), (hashes, hashes)]

    def step(self, ids: Ids, states: States) -> tuple[Logits, States]:
        """Read one character of each stream: ids is (streams,).

        Returns ln p of the next character, (streams, union), and the new states.
        """
        new_states = [member.step(ids, own) for member, own in self._split_states(states)]
        hashes = self._hash(ids, states[-1])
        return self._log_mixture(new_states, hashes), [layer for own in new_states for layer in own] + [hashes]

    def read(self, ids: Ids, states: States) -> tuple[Logits, States]:
        """Read several characters of one stream: ids is (1, time).

        Returns ln p of the character after the last, (1, 1, union), and the new states.
        """
        new_states = [member.read(ids, own) for member, own in self._split_states(states)]
        hashes = states[-1]
        for position in range(ids.shape[1] if self._mix != "characters" else 0):
            hashes = self._hash(ids[:, position], hashes)
        logits = self._log_mixture(new_states, hashes)
        return logits[:, None], [layer for own in new_states for layer in own] + [hashes]

    def _hash(self, ids: Ids, hashes: CellStates) -> CellStates:
        """Return the hashes (streams, 1) of the text with these ids: of all of it, and up to its last boundary."""
        whole, at_boundary = hashes
        whole = (whole + ids[:, None].astype(np.uint64) + np.uint64(1)) * _MULTIPLIER
        whole = whole ^ (whole >> np.uint64(29))
        return whole, np.where(self._is_boundary[ids][:, None], whole, at_boundary)

    def _split_states(self, states: States) -> list[tuple[Member, States]]:
        """Return each member with its own states."""
        pairs, start = [], 0
        for member in self._members:
            pairs.append((member, states[start : start + member.num_states]))
            start += member.num_states
        return pairs

    def _log_mixture(self, states: list[States], hashes: CellStates) -> Logits:
        """Return ln of the weighted mean of the members' probabilities, or of those of the member that is drawn."""
        members = zip(self._members, states, strict=True)
        probabilities = np.stack([member.probabilities(own) for member, own in members])  # (members, streams, union)
        with np.errstate(divide="ignore"):
            return np.asarray(np.log((self._shares(hashes)[..., None] * probabilities).sum(axis=0)))

    def _shares(self, hashes: CellStates) -> npt.NDArray[np.float64]:
        """Return the share of each member in the next character, (members, streams)."""
        weights = np.array(self._weights)
        if self._mix == "characters":
            return weights[:, None]
        uniform = (hashes[1][:, 0] >> np.uint64(11)) / 2.0**53
        drawn = np.searchsorted(np.cumsum(weights)[:-1], uniform, side="right")
        return np.asarray(np.arange(len(weights))[:, None] == drawn, np.float64)


def _common_normal_form(vocabularies: Sequence[Vocabulary]) -> str:
    """Return the normal form that all models read texts in.

    Raises SettingError if there is none: characters that are the same text would have different ids. Characters that
    are the same in every form, such as those of ASCII, may be mixed.
    """
    forms = sorted({vocabulary.normalize for vocabulary in vocabularies})
    characters = "".join(vocabulary.characters for vocabulary in vocabularies)
    is_same_in_all = all(
        not unicodedata.combining(character) and unicodedata.normalize("NFKD", character) == character
        for character in characters
    )
    if len(forms) > 1 and not is_same_in_all:
        raise SettingError(
            f"the models read texts in different normal forms: {', '.join(forms)}",
            hint="give `model` only models that were trained on texts in the same normal form",
        )
    return forms[0]
