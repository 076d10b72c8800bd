"""How training reports to its user without printing: protocols that a display implements, and the result of a run."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from charlstm.storage.model_file import Model
from charlstm.storage.run_folder import RunFolder
from charlstm.training.history import Evaluation, Progress


class StartupReporter(Protocol):
    """Receives messages before training begins."""

    def on_message(self, message: str) -> None: ...

    def on_warning(self, message: str) -> None: ...

    def starting_tensorflow(self) -> AbstractContextManager[Callable[[str], None]]:
        """Return a context to import TensorFlow in; it yields a function that shows what the user is waiting for."""
        ...


class TrainingReporter(Protocol):
    """Receives the progress of the training loop."""

    def on_step(self, progress: Progress) -> None: ...

    def on_evaluation_start(self) -> None:
        """Learn that no step comes for a while, a long one if the network or the validation text is large."""
        ...

    def on_evaluation(self, evaluation: Evaluation) -> None: ...

    def on_warning(self, message: str) -> None: ...


class RunReporter(StartupReporter, Protocol):
    """Receives everything about one run, from the reading of its text to its last step."""

    def on_changed_characters(self, changes: dict[str, str]) -> None:
        """Receive what each character outside the vocabulary was changed to; an empty string: it was left out."""
        ...

    def training(self) -> AbstractContextManager[TrainingReporter]:
        """Return a context to run the training loop in; it yields the reporter of its progress."""
        ...


@dataclass(frozen=True)
class TrainingResult:
    """How a run ended."""

    folder: RunFolder
    best: Evaluation | None
    seconds: float
    fraction_done: float  # of the plan
    stopped_early: bool  # because validation did not improve any more
    signal_number: int | None  # that interrupted it
    history: tuple[Evaluation, ...]  # over all processes
    model: Model | None  # the best one; None before the first evaluation
