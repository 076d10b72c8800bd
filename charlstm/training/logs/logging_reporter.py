"""A reporter that also keeps the logs of a run. A log that fails costs a warning, and training goes on."""

import io
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, redirect_stdout
from textwrap import shorten
from typing import Self

from charlstm.training.history import Evaluation, History, Progress
from charlstm.training.logs.logged_run import Log, LoggedRun
from charlstm.training.logs.registry import open_log
from charlstm.training.reporting import TrainingReporter

MAX_REASON = 200  # characters of an error, in one line


class LoggingReporter:
    """Passes everything on to another reporter, and each evaluation to the logs as well.

    Logs are told of all evaluations at every one of them: what could not be written is written later, if that works
    again. As a context it opens and closes the logs.
    """

    def __init__(self, reporter: TrainingReporter, run: LoggedRun, names: Sequence[str], history: History) -> None:
        self._reporter, self._run, self._names, self._history = reporter, run, names, history
        self._logs = dict[str, Log]()
        self._failed = set[str]()

    def __enter__(self) -> Self:
        for name in self._names:
            with self._warning_of_errors(name), _silenced_stdout():
                self._logs[name] = open_log(name, self._run)
        if self._history.evaluations:
            self._write()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or issubclass(kind, Exception):  # not after a second Ctrl-C, which ends the process at once
            for name, log in self._logs.items():
                with self._warning_of_errors(name), _silenced_stdout():
                    log.close(finished=self._history.finished)

    def on_step(self, progress: Progress) -> None:
        self._reporter.on_step(progress)

    def on_evaluation_start(self) -> None:
        self._reporter.on_evaluation_start()

    def on_evaluation(self, evaluation: Evaluation) -> None:
        self._reporter.on_evaluation(evaluation)
        self._write()

    def on_warning(self, message: str) -> None:
        self._reporter.on_warning(message)

    def _write(self) -> None:
        for name, log in self._logs.items():
            with self._warning_of_errors(name):
                log.write(self._history.evaluations)

    @contextmanager
    def _warning_of_errors(self, name: str) -> Iterator[None]:
        """Turn an error into a warning, the first one of each log."""
        try:
            yield
        except Exception as error:  # whatever it is: libraries and services can raise anything
            if name not in self._failed:
                self._failed.add(name)
                reason = shorten(str(error) or type(error).__name__, MAX_REASON, placeholder="...")
                self._reporter.on_warning(f"the log {name} fails, but training goes on: {reason}")


def _silenced_stdout() -> AbstractContextManager[object]:
    """Keep off stdout, which is for results, what libraries print when they begin and end a run."""
    return redirect_stdout(io.StringIO())
