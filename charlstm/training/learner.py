"""Steps of a run: on its text, or, at the end of a run with teachers, on what these generate and predict."""

from collections.abc import Sequence

import numpy as np

from charlstm.storage.model_file import Model
from charlstm.text.batches import Streams, Windows
from charlstm.training.clock import TrainingClock
from charlstm.training.divergence import record_loss
from charlstm.training.history import History
from charlstm.training.leading import LeadingTrainer
from charlstm.training.pace import Pace
from charlstm.training.student import Lesson, Student, teach
from charlstm.training.teaching import Proceed
from charlstm.training.train_step import Trainer


class Learner:
    """Takes the steps of a run, and records their losses and times in its history."""

    def __init__(
        self,
        trainer: Trainer | LeadingTrainer,
        streams: Streams | Windows,
        history: History,
        clock: TrainingClock,
        *,
        vocabulary_size: int,
    ) -> None:
        self._trainer, self._streams, self._history, self._clock = trainer, streams, history, clock
        self._vocabulary_size = vocabulary_size
        self._student: Student | None = None
        self._graph_is_built = False  # the first step builds it, and is not timed

    def plan_lesson(self, num_read: float, *, num_teachers: int) -> None:
        """Record in the history what teachers will teach, if there is the time to read `num_read` characters."""
        lesson = Lesson.plan(
            num_training=len(self._streams.ids),
            num_read=num_read,
            num_teachers=num_teachers,
            vocabulary_size=self._vocabulary_size,
        )
        self._history.num_taught, self._history.num_generated = lesson.num_training, lesson.num_generated

    def learn_from(self, teachers: Sequence[Model], *, random_seed: int, proceed: Proceed) -> None:
        """Let teachers generate and predict, and learn that from now on; nothing changes if `proceed` returns False."""
        if not (isinstance(self._trainer, Trainer) and isinstance(self._streams, Streams)):
            raise TypeError("workers and windows have no teachers, see check_teachers")
        num_taught, num_generated = self._history.num_taught, self._history.num_generated
        lesson = Lesson(len(self._streams.ids) if num_taught is None else num_taught, num_generated)
        student = teach(teachers, self._trainer, self._streams, lesson, random_seed=random_seed, proceed=proceed)
        if student:
            before = self._trainer.arrays()
            student.take_steps(self._history.step, [0.0])  # builds the graph of its loss before the warm-up is planned
            self._trainer.restore(before)
            self._student, self._graph_is_built = student, True

    def take_steps(self, pace: Pace, *, uniform_nats: float) -> bool:
        """Train on the next batches; return False if the loss has diverged.

        `uniform_nats` is the loss of a network that finds all characters equally probable.
        """
        first, count = self._history.step, pace.steps_per_call
        learning_rates = [pace.learning_rate(step) for step in range(first, first + count)]
        start = self._clock.seconds
        if self._student:
            losses, gradient_norms = self._student.take_steps(first, learning_rates)
        else:
            batches = np.stack([self._streams.batch(step) for step in range(first, first + count)])
            losses, gradient_norms = self._trainer.train_steps(batches, step=first, learning_rates=learning_rates)
        seconds = (self._clock.seconds - start) / count if self._graph_is_built else None
        self._graph_is_built = True
        return all(
            record_loss(self._history, float(nats), seconds, float(norm), uniform_nats=uniform_nats)
            for nats, norm in zip(losses, gradient_norms, strict=True)
        )
