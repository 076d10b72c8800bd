"""Pass what training reports to the callbacks of a Python program, and its messages to the logger."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from charlstm.api.messages import logger, warn_of_changes
from charlstm.api.tensorflow_startup import starting_tensorflow
from charlstm.training.history import Evaluation, Progress
from charlstm.training.interruption import Interruption

OnEvaluation = Callable[[Evaluation], object]
OnProgress = Callable[[Progress], object]


@dataclass(frozen=True, kw_only=True)
class CallbackReporter:
    """The reporter of one run. When the event `stop` is set, it ends training at the next step."""

    interruption: Interruption
    evaluated: OnEvaluation | None
    progressed: OnProgress | None
    stop: threading.Event | None

    def on_message(self, message: str) -> None:
        logger.info(message)

    def on_warning(self, message: str) -> None:
        logger.warning(message)

    def on_changed_characters(self, changes: dict[str, str]) -> None:
        warn_of_changes(changes)

    @contextmanager
    def starting_tensorflow(self) -> Iterator[Callable[[str], None]]:
        with starting_tensorflow():
            yield logger.info

    @contextmanager
    def training(self) -> Iterator[Self]:
        yield self

    def on_step(self, progress: Progress) -> None:
        if self.progressed:
            self.progressed(progress)
        if self.stop and self.stop.is_set():
            self.interruption.stop()

    def on_evaluation_start(self) -> None:
        pass

    def on_evaluation(self, evaluation: Evaluation) -> None:
        if self.evaluated:
            self.evaluated(evaluation)
