"""A study of Optuna that several processes work at, on one machine or on many.

Its trials are in a journal, a file in the folder of the sweep, or in a database. A process that dies leaves its trial
behind as running: the trial is marked as failed, and a copy of it waits to be continued by the next process that is
free. In a journal the dead are found by the locks that processes hold on folders of their own, in a database by
Optuna's heartbeats.
"""

import contextlib
import re
import shutil
import uuid
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charlstm.atomic_files import cannot_write
from charlstm.errors import RunError
from charlstm.libraries import library_imports
from charlstm.storage.lock import HEARTBEAT_INTERVAL, HEARTBEAT_TIMEOUT, OWNER_FILE, exclusive_lock, is_locked
from charlstm.storage.run_folder import RunFolder

if TYPE_CHECKING:
    import optuna

JOURNAL_FILE = "study.journal"
TURN_FILE = ".turn"  # a lock beside it: one process at a time begins a trial
TURN_TIMEOUT = 10  # seconds after which a process that does not end its turn counts as dead
WORKERS = ".workers"  # a folder for each process, locked while it lives
WORKER = "worker"  # attribute of a trial: the name of its process
PASSWORD = re.compile(r"(?<=://)[^/@]*@")  # in the address of a database


@contextmanager
def optuna_imported() -> Iterator[None]:
    """Import Optuna in this context, and keep it quiet. Raises LibraryError if it is not installed."""
    with library_imports("Optuna", "optuna", without="all commands but sweep work without it", extra="sweep"):
        import optuna
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)  # errors are raised as well
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield


@contextmanager
def storage_errors(storage: str | None, folder: Path) -> Iterator[None]:
    """Turn what Optuna raises, about a study that cannot be read or written, into RunError."""
    import optuna

    try:
        yield
    except optuna.exceptions.OptunaError as error:
        raise _unusable(storage, folder, error) from error


def open_storage(storage: str | None, folder: Path) -> Any:
    """Open the journal in a folder that exists, or a database by its URL. Raises RunError if that fails."""
    from optuna.storages import JournalStorage, RDBStorage

    from charlstm.experiments.journal import RepairingJournal

    try:
        if storage is None:
            return JournalStorage(RepairingJournal(folder / JOURNAL_FILE))
        return RDBStorage(
            storage,
            heartbeat_interval=int(HEARTBEAT_INTERVAL),
            grace_period=int(HEARTBEAT_TIMEOUT),
            heartbeat_stale_trial_callback=_retry,
        )
    except Exception as error:  # a driver is missing, the URL is none, a line of the journal is damaged: all differ
        raise _unusable(storage, folder, error) from error


def check_has_no_links(folder: Path) -> None:
    """Raise RunError if a link stands in the place of a file of the study: it could lead anywhere."""
    for name in (JOURNAL_FILE, WORKERS):
        if (folder / name).is_symlink():
            raise RunError(f"{folder / name} is a link, not a file of this sweep", hint="remove the link")


def _unusable(storage: str | None, folder: Path, error: Exception) -> RunError:
    place = str(folder / JOURNAL_FILE) if storage is None else PASSWORD.sub("", storage)
    line = next(iter(str(error).splitlines()), type(error).__name__)
    hint = "start over with `overwrite`" if storage is None else "check `storage`: try sqlite:///study.db"
    return RunError(f"the study in {place} cannot be used: {PASSWORD.sub('', line)}", hint=hint)


class SharedStudy:
    """A study, and this process as one of those that work at it."""

    def __init__(self, study: "optuna.Study", folder: Path, *, has_heartbeats: bool, worker: str) -> None:
        self.study, self._folder = study, folder
        self._has_heartbeats, self._worker = has_heartbeats, worker

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until no other process begins a trial. One that dies in its turn holds the others up."""
        from optuna.storages.journal import JournalFileOpenLock

        lock = JournalFileOpenLock(str(self._folder / TURN_FILE), grace_period=TURN_TIMEOUT)
        try:
            lock.acquire()
        except OSError as error:
            raise cannot_write(self._folder / TURN_FILE, error) from error
        try:
            yield
        finally:
            with contextlib.suppress(RuntimeError):  # it was taken for dead
                lock.release()

    def sign(self, trial: "optuna.Trial") -> None:
        """Say that this process works at a trial, in the turn in which it begins."""
        trial.set_user_attr(WORKER, self._worker)

    def retry_lost_trials(self) -> None:
        """Mark the trials of dead processes as failed, and let copies of all that failed wait to be continued.

        To be called in a turn: then every trial that runs has been signed.
        """
        import optuna

        if self._has_heartbeats:
            optuna.storages.fail_stale_trials(self.study)
            return
        trials = self.study.get_trials()
        states = optuna.trial.TrialState
        for trial in trials:
            if trial.state == states.RUNNING and not self._is_alive(trial):
                self.study.tell(trial.number, state=states.FAIL)
        retried = {number for trial in trials for number in trial.system_attrs.get("retry_history", [])}
        for trial in self.study.get_trials(states=(states.FAIL,)):
            if trial.number not in retried:
                _retry(self.study, trial)
        for place in (self._folder / WORKERS).iterdir():
            if (place / OWNER_FILE).exists() and not is_locked(place):
                shutil.rmtree(place, ignore_errors=True)

    def give_back(self, number: int) -> None:
        """Let a trial of this process wait for another one, or for this one when it is started again."""
        from optuna.trial import TrialState

        if self.study.get_trials(deepcopy=False)[number].state == TrialState.RUNNING:
            self.study.tell(number, state=TrialState.FAIL)
        if self._has_heartbeats:
            _retry(self.study, self.study.get_trials()[number])
            return
        with self.turn():
            self.retry_lost_trials()

    def _is_alive(self, trial: "optuna.trial.FrozenTrial") -> bool:
        return WORKER in trial.user_attrs and is_locked(self._place_of(trial))

    def _place_of(self, trial: "optuna.trial.FrozenTrial") -> Path:
        name = str(trial.user_attrs.get(WORKER, ""))
        return self._folder / WORKERS / (name if re.fullmatch(r"[0-9a-f]{32}", name) else "none")


@contextmanager
def registered_worker(folder: Path) -> Iterator[str]:
    """Yield a name for this process, by which others see that it is alive."""
    name = uuid.uuid4().hex
    place = RunFolder(folder / WORKERS / name)
    place.create()
    try:
        with exclusive_lock(place.path):
            yield name
    finally:
        with contextlib.suppress(OSError):
            place.path.rmdir()
            place.path.parent.rmdir()  # unless others are at work


def is_retry(trial: "optuna.trial.FrozenTrial") -> bool:
    return "failed_trial" in trial.system_attrs


def number_of(trial: "optuna.trial.FrozenTrial", trials: "Sequence[optuna.trial.FrozenTrial]") -> int:
    """Return the number of a trial as if none had been retried: retries, which Optuna counts, keep their first number.

    `trials` are all trials of the study in their order.
    """
    first = int(trial.system_attrs.get("failed_trial", trial.number))
    return sum(not is_retry(earlier) for earlier in trials[:first])


def _retry(study: "optuna.Study", trial: "optuna.trial.FrozenTrial") -> None:
    import optuna

    optuna.storages.RetryHeartbeatStaleTrialCallback(inherit_intermediate_values=True)(study, trial)
