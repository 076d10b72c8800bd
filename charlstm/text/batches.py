"""Ids to training batches: parallel streams that carry the recurrent state along, or shuffled windows."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from charlstm.arrays import Ids
from charlstm.errors import CorpusError
from charlstm.text.validation_split import block_pieces, block_size, draw_pieces, join_pieces, line_pieces
from charlstm.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class Dataset:
    """The ids of a text: the part for training, and the part for validation."""

    training: Ids
    validation: Ids
    validation_split: str = "end"  # see split_for_validation

    def __len__(self) -> int:
        return len(self.training) + len(self.validation)


def split_for_validation(
    ids: Ids,
    *,
    validation: float,
    sequence_length: int,
    validation_split: str = "end",
    vocabulary: Vocabulary | None = None,
    random_seed: int = 0,
) -> Dataset:
    """Split ids of shape (characters,); the share `validation` is for validation.

    The split is one of VALIDATION_SPLITS: the end of the text, or whole lines or blocks of it that are drawn by the
    random seed, which needs the vocabulary. Both parts are in the order of the text. Raises CorpusError if the training
    part is shorter than a sequence and the character after it, or the validation part is shorter than two characters.
    """
    if validation_split == "end" or vocabulary is None:
        num_training = len(ids) - round(len(ids) * validation)
        dataset = Dataset(ids[:num_training], ids[num_training:])
    else:
        starts = _cut(ids, vocabulary, validation_split, validation)
        drawn = draw_pieces(len(starts), validation, random_seed)
        dataset = Dataset(join_pieces(ids, starts, ~drawn), join_pieces(ids, starts, drawn), validation_split)
    _check_lengths(dataset, validation=validation, sequence_length=sequence_length)
    return dataset


def _cut(ids: Ids, vocabulary: Vocabulary, validation_split: str, validation: float) -> npt.NDArray[np.int64]:
    if validation_split == "blocks":
        return block_pieces(ids, vocabulary, size=block_size(len(ids), validation))
    starts = line_pieces(ids, vocabulary)
    if len(starts) < 2:
        raise CorpusError(
            "the text has only one line, but whole lines of it are for validation",
            hint="give `validation_split` blocks, or end",
        )
    return starts


def _check_lengths(dataset: Dataset, *, validation: float, sequence_length: int) -> None:
    if len(dataset.training) <= sequence_length:
        needed = int((sequence_length + 2) / (1 - validation)) + 1
        raise CorpusError(
            f"the text is too short: of its {len(dataset):,} character(s) {len(dataset.training):,} would be for "
            f"training, fewer than one sequence of {sequence_length} and the character after it",
            hint=f"give a text of at least {needed:,} characters, or a smaller `sequence_length`",
        )
    if len(dataset.validation) < 2:
        raise CorpusError(
            f"a share of {validation:g} of {len(dataset):,} characters leaves fewer than two for validation",
            hint="give a longer text or a larger `validation`",
        )


@dataclass(frozen=True)
class Streams:
    """Parallel streams through a text that wraps around at its end.

    Stream b starts at character b * len(ids) / batch_size and advances by sequence_length characters a step, so the
    state after one batch is the state before the next. In an epoch the streams together read the text once; in the
    next epoch each stream continues where its neighbour started. A batch is a pure function of its step, so a resume
    needs only the number of the step.
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

    def positions(self, step: int) -> npt.NDArray[np.int64]:
        """Return which characters of the text are in a batch: (batch_size, sequence_length + 1)."""
        starts = np.arange(self.batch_size, dtype=np.int64) * len(self.ids) // self.batch_size
        positions = (starts + step * self.sequence_length)[:, None] + np.arange(self.sequence_length + 1)
        return np.asarray(positions % len(self.ids))

    def batch(self, step: int) -> npt.NDArray[np.int32]:
        """Return ids of shape (batch_size, sequence_length + 1): the inputs and, one character on, the targets."""
        return np.asarray(self.ids[self.positions(step)], np.int32)


@dataclass(frozen=True)
class Windows:
    """Overlapping windows in random order; each predicts the character after it.

    In an epoch a window starts once at each position of the text. A batch is a pure function of its step.
    """

    ids: Ids
    batch_size: int
    sequence_length: int
    random_seed: int

    @property
    def characters_per_step(self) -> int:
        """The predicted characters: one for each window."""
        return self.batch_size

    @property
    def steps_per_epoch(self) -> float:
        return max(1, (len(self.ids) - self.sequence_length) // self.batch_size)

    def batch(self, step: int) -> npt.NDArray[np.int32]:
        """Return ids of shape (batch_size, sequence_length + 1): the windows and the characters after them."""
        epoch, step_of_epoch = divmod(step, int(self.steps_per_epoch))
        order = _shuffled_starts(len(self.ids) - self.sequence_length, self.random_seed, epoch)
        starts = np.take(order, np.arange(self.batch_size) + step_of_epoch * self.batch_size, mode="wrap")
        return np.asarray(self.ids[starts[:, None] + np.arange(self.sequence_length + 1)], np.int32)


@lru_cache(maxsize=2)
def _shuffled_starts(num_starts: int, random_seed: int, epoch: int) -> npt.NDArray[np.intp]:
    return np.random.default_rng((random_seed, epoch)).permutation(num_starts)
