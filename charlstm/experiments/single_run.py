"""One run of an experiment, in a folder of its own: started, or continued where it was stopped."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from charlstm.errors import RunError, SettingError
from charlstm.network.backend import free_networks
from charlstm.storage.find_runs import find_model
from charlstm.storage.run_folder import RunFolder
from charlstm.text.streams import is_stream
from charlstm.training.history import Evaluation, Progress
from charlstm.training.logs.registry import check_logs
from charlstm.training.new_run import train_new_run
from charlstm.training.overrides import Overrides
from charlstm.training.reporting import StartupReporter, TrainingReporter, TrainingResult
from charlstm.training.resume import ResumeRequest, resume_run
from charlstm.training.run_request import NewRunRequest


class ExperimentReporter(StartupReporter, TrainingReporter, Protocol):
    """Receives the progress of an experiment's current run."""

    def on_changed_characters(self, changes: dict[str, str]) -> None:
        """Receive what each character outside the vocabulary was changed to; an empty string: it was left out."""
        ...


class OneOfManyReporter:
    """Passes on what the runs of an experiment report, and what all of them say before they train only once."""

    def __init__(self, reporter: ExperimentReporter) -> None:
        self._reporter, self._is_first = reporter, True
        self._warnings = set[str]()
        self.watch: Callable[[Evaluation], None] = lambda _: None  # is called after each evaluation

    def on_message(self, message: str) -> None:
        if self._is_first:
            self._reporter.on_message(message)

    def on_changed_characters(self, changes: dict[str, str]) -> None:
        if self._is_first:
            self._reporter.on_changed_characters(changes)

    def on_warning(self, message: str) -> None:
        if message not in self._warnings:
            self._warnings.add(message)
            self._reporter.on_warning(message)

    def starting_tensorflow(self) -> AbstractContextManager[Callable[[str], None]]:
        return self._reporter.starting_tensorflow()

    @contextmanager
    def training(self) -> Iterator[TrainingReporter]:
        self._is_first = False
        yield self

    def on_step(self, progress: Progress) -> None:
        self._reporter.on_step(progress)

    def on_evaluation_start(self) -> None:
        self._reporter.on_evaluation_start()

    def on_evaluation(self, evaluation: Evaluation) -> None:
        self._reporter.on_evaluation(evaluation)
        self.watch(evaluation)


def run_below(folder: Path, name: str) -> RunFolder:
    """Return one run of the experiment in a folder. Raises RunError if a link to another place is there."""
    path = folder / name
    if path.is_symlink():
        raise RunError(f"{path} is a link, not a folder of this experiment", hint="remove the link")
    return RunFolder(path)


def model_path(start_from: str | None) -> str | None:
    """Return the full path of the model that runs start from, if they do."""
    return None if start_from is None else str(find_model(start_from).absolute())


def finish_run(request: NewRunRequest, reporter: OneOfManyReporter) -> TrainingResult | None:
    """Train a run, or continue the one that was stopped in its folder; returns None if that is complete.

    Raises CharLSTMError like `train_new_run` and `resume_run`.
    """
    try:
        if not request.folder.has_checkpoint:
            return train_new_run(request, reporter)
        resumed = ResumeRequest(
            folder=request.folder,
            overrides=Overrides(),
            checkpoint_every=request.checkpoint_every,
            waits_for_space=request.waits_for_space,
            logs=request.logs,
            log_folder=request.log_folder,
            interruption=request.interruption,
        )
        return resume_run(resumed, reporter)
    finally:
        free_networks()


def with_shared_logs(run: NewRunRequest) -> NewRunRequest:
    """Return the request for an experiment's runs, with one folder for the trackers of all of them.

    Raises SettingError for a log that there is not, and LibraryError if its library is not installed.
    """
    return replace(run, logs=check_logs(run.logs), log_folder=run.folder.logs)


def check_can_be_repeated(run: NewRunRequest) -> None:
    """Raise SettingError for a text that only one run could read, and for settings that would change nothing."""
    for text in filter(is_stream, run.texts):
        raise SettingError(f"{text} can be read only once, but every run reads the text", hint="save it in a file")
    run.parts.check_settings(run.overrides.settings)
    if run.min_count > 1 and run.start_from:
        raise SettingError(
            "`min_count` has no effect: the model of `start_from` has its own characters", hint="leave it out"
        )
