"""Ids to training batches: parallel streams through the text, so that a recurrent state can be carried on."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from charlstm.arrays import Ids
from charlstm.errors import CorpusError


@dataclass(frozen=True)
class Dataset:
    """The ids of a text: those to learn from, and those at its end to validate with."""

    training: Ids
    validation: Ids


def split_for_validation(ids: Ids, *, validation: float, sequence_length: int) -> Dataset:
    """Keep the share `validation` at the end for validation.

    Raises CorpusError if the training part is shorter than one sequence and its next character, or the validation
    part than two characters.
    """
    num_training = len(ids) - round(len(ids) * validation)
    if num_training <= sequence_length:
        needed = int((sequence_length + 2) / (1 - validation)) + 1
        raise CorpusError(
            f"the text has {len(ids):,} characters, {num_training:,} of them for training: "
            f"fewer than one sequence of {sequence_length} and the character after it",
            hint=f"give a text of at least {needed:,} characters, or a smaller `sequence_length`",
        )
    if len(ids) - num_training < 2:
        raise CorpusError(
            f"a share of {validation:g} of {len(ids):,} characters leaves fewer than two for validation",
            hint="give a longer text or a larger `validation`",
        )
    return Dataset(ids[:num_training], ids[num_training:])


@dataclass(frozen=True)
class Streams:
    """Parallel streams through a text that begins again where it ends.

    Stream b starts at character b * len(ids) / batch_size and moves on by sequence_length characters a step, so the
    state after one batch is the state before the next. All streams together read the text once an epoch; in the next
    one each goes on where its neighbour began. A batch is a pure function of its step: nothing else has to be kept
    to go on from the middle.
    """

    ids: Ids
    batch_size: int
    sequence_length: int

    @property
    def characters_per_step(self) -> int:
        return self.batch_size * self.sequence_length

    @property
    def steps_per_epoch(self) -> float:
        return len(self.ids) / self.characters_per_step

    def batch(self, step: int) -> npt.NDArray[np.int32]:
        """Ids of shape (batch_size, sequence_length + 1): the inputs, and the targets one character on."""
        starts = np.arange(self.batch_size, dtype=np.int64) * len(self.ids) // self.batch_size
        places = (starts + step * self.sequence_length)[:, None] + np.arange(self.sequence_length + 1)
        return np.asarray(self.ids[places % len(self.ids)], np.int32)


@dataclass(frozen=True)
class Windows:
    """Overlapping windows in a random order, each to foretell the character after it.

    Every place of the text is the beginning of a window once an epoch. A batch is a pure function of its step.
    """

    ids: Ids
    batch_size: int
    sequence_length: int
    random_seed: int

    @property
    def characters_per_step(self) -> int:
        """Those that are foretold."""
        return self.batch_size

    @property
    def steps_per_epoch(self) -> float:
        return max(1, (len(self.ids) - self.sequence_length) // self.batch_size)

    def batch(self, step: int) -> npt.NDArray[np.int32]:
        """Ids of shape (batch_size, sequence_length + 1): the windows, and the characters after them."""
        epoch, place = divmod(step, int(self.steps_per_epoch))
        order = _order(len(self.ids) - self.sequence_length, self.random_seed, epoch)
        starts = np.take(order, np.arange(self.batch_size) + place * self.batch_size, mode="wrap")
        return np.asarray(self.ids[starts[:, None] + np.arange(self.sequence_length + 1)], np.int32)


@lru_cache(maxsize=2)
def _order(size: int, random_seed: int, epoch: int) -> npt.NDArray[np.intp]:
    return np.random.default_rng((random_seed, epoch)).permutation(size)
