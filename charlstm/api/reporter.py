"""Pass what training reports to the callbacks of a Python program, and its messages to the logger."""

import os
import re
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from charlstm.api.messages import logger, warn_of_changes
from charlstm.training.history import Evaluation, Progress
from charlstm.training.interruption import Interruption

_TENSORFLOW_NOTE = re.compile(rb"[IW]0000 00:00:\d|WARNING: All log messages before absl")

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
        """Import TensorFlow without the notes about itself that it writes to stderr."""
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        os.environ["KERAS_BACKEND"] = "tensorflow"
        if "tensorflow" in sys.modules:
            yield logger.info
        else:
            with _without_notes():
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


@contextmanager
def _without_notes() -> Iterator[None]:
    """Hold back what is written to file descriptor 2, and then write all of it but TensorFlow's notes.

    TensorFlow writes them from C++ before it can be told not to. Other threads may write to stderr meanwhile.
    """
    sys.stderr.flush()
    with os.fdopen(os.dup(2), "wb") as stderr, tempfile.TemporaryFile() as held_back:
        os.dup2(held_back.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr.fileno(), 2)
            held_back.seek(0)
            stderr.writelines(line for line in held_back if not _TENSORFLOW_NOTE.match(line))
