"""The last network of a run with teachers: it learns what they predict, of the training text and of what they generate.

It starts from a teacher's weights, which takes fewer steps than random ones. Probabilities are hard to learn by heart,
so it needs no dropout.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from charlstm.arrays import FloatArray
from charlstm.config import MAX_PROBABILITIES
from charlstm.generation.stepper import make_stepper
from charlstm.storage.model_file import Model
from charlstm.text.batches import Streams
from charlstm.training.soft_targets import SoftTargets
from charlstm.training.teaching import Proceed, average_predictions, generate_passages
from charlstm.training.train_step import Trainer

SHARE_GENERATED = 0.15  # characters that the teachers generate, of those that the student would have the time to read
TEXT_SHARE = 0.5  # of what is learned on the training text: the characters themselves; the rest is predictions of them
MAX_PREPARATION = 0.5  # of the student's time, for the teachers to generate and to predict
PREDICTING, GENERATING = 0.25, 0.5  # time of one teacher for a character, in times that training on it takes


@dataclass(frozen=True)
class Lesson:
    """How much a student is taught."""

    num_training: int  # characters of the training text, from its beginning, that the teachers predict
    num_generated: int  # characters that they generate and predict

    @classmethod
    def plan(cls, *, num_training: int, num_read: float, num_teachers: int, vocabulary_size: int) -> "Lesson":
        """Return what there is time and memory for.

        `num_training` is the number of characters of the training text, `num_read` the number of characters that the
        student could read in its time if nothing had to be prepared.
        """
        generated = SHARE_GENERATED * num_read
        of_text = min(num_training, num_read - generated)
        needed = PREDICTING * num_teachers * (of_text + generated) + GENERATING * generated
        share = min(1.0, MAX_PREPARATION * num_read / needed) if needed else 1.0
        room = MAX_PROBABILITIES // vocabulary_size
        kept = min(room, max(1, round(share * of_text)))
        return cls(kept, min(room - kept, round(share * generated)))


class Student:
    """Trains a network to predict what its teachers predict, and on the training text also what is there.

    The loss on the training text is the mean of both, as in Hinton, Vinyals and Dean 2015, section 2.
    """

    def __init__(self, trainer: Trainer, streams: Streams, predictions: SoftTargets, *, num_training: int) -> None:
        """`predictions` are the probabilities of each character of the streams' text.

        It begins with `num_training` characters of the training text.
        """
        trainer.become_student()
        self._trainer, self._streams, self._predictions = trainer, streams, predictions
        self._num_training = num_training

    def take_steps(self, first: int, learning_rates: list[float]) -> tuple[FloatArray, FloatArray]:
        """Take steps, numbered from `first`, and return what `Trainer.train_steps` does."""
        positions = np.stack([self._streams.positions(first + index) for index in range(len(learning_rates))])
        predicted = np.ascontiguousarray(positions[:, :, 1:].swapaxes(1, 2))  # (steps, time, batch)
        return self._trainer.train_steps(
            np.asarray(self._streams.ids[positions], np.int32),
            step=first,
            learning_rates=learning_rates,
            soft_targets=self._targets(predicted),
        )

    def _targets(self, positions: npt.NDArray[np.int64]) -> FloatArray:
        """Return the probabilities (..., vocabulary) to learn for the characters at positions (...,)."""
        targets = self._predictions.at(positions)
        shares = np.where(positions < self._num_training, TEXT_SHARE, 0).astype(np.float32)
        targets *= 1 - shares[..., None]
        rows = targets.reshape(-1, targets.shape[-1])
        rows[np.arange(len(rows)), self._streams.ids[positions].ravel()] += shares.ravel()
        return targets


def teach(
    teachers: Sequence[Model], trainer: Trainer, streams: Streams, lesson: Lesson, *, random_seed: int, proceed: Proceed
) -> Student | None:
    """Let teachers generate text, and predict it and the beginning of the training text, that of the streams.

    `proceed` is called now and then; returns None if it returns False.
    """
    steppers = []
    for teacher in teachers:
        if not proceed():
            return None
        steppers.append(make_stepper(teacher).compiled())
    generated = generate_passages(steppers, streams.ids, lesson.num_generated, random_seed=random_seed, proceed=proceed)
    if generated is None:
        return None
    ids = np.concatenate([streams.ids[: lesson.num_training], generated])
    predictions = average_predictions(steppers, ids, proceed=proceed)
    if predictions is None:
        return None
    return Student(trainer, replace(streams, ids=ids), predictions, num_training=len(ids) - len(generated))
