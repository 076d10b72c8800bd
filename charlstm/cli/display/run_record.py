"""What is known of a run while it is trained and when it ends: its evaluations, those before a resume included."""

from collections import deque
from functools import cached_property
from typing import TYPE_CHECKING

from charlstm.errors import RunError
from charlstm.storage.evaluations import EvaluationFigures, read_evaluations, read_samples
from charlstm.storage.run_folder import RunFolder

if TYPE_CHECKING:
    from charlstm.training.history import Evaluation


class RunRecord:
    """The evaluations of a run, from its folder and as they come, and the newest sample."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder, self._sample = folder, ""

    @cached_property
    def evaluations(self) -> list[EvaluationFigures]:
        """The figures of all evaluations, the oldest first."""
        try:
            return read_evaluations(self._folder)
        except RunError:  # there is none yet, or the file is damaged
            return []

    def add(self, evaluation: "Evaluation") -> None:
        """Add an evaluation, which may be on disk already."""
        self._sample = evaluation.sample
        if self.evaluations and self.evaluations[-1].step >= evaluation.step:
            return
        self.evaluations.append(
            EvaluationFigures(
                step=evaluation.step,
                epoch=evaluation.epoch,
                seconds=evaluation.seconds,
                train_nats=evaluation.train_nats,
                validation_nats=evaluation.validation.nats_per_character,
                network=evaluation.network,
            )
        )

    @property
    def best(self) -> EvaluationFigures | None:
        """The evaluation with the lowest validation loss."""
        return min(self.evaluations, key=lambda figures: figures.validation_nats, default=None)

    def newest_sample(self) -> str:
        """Return the text that the network wrote last; empty if there is none."""
        if self._sample:
            return self._sample
        try:
            newest = deque(read_samples(self._folder), maxlen=1)
        except RunError:
            return ""
        return newest[0][1] if newest else ""

    def finding(self) -> str:
        """Name overfitting or a plateau; empty if the run has neither."""
        from charlstm.cli.display.learning_curves import diagnosis_line

        return diagnosis_line(self.evaluations)
