"""Write the files of a run folder during training, and again later if the disk was full.

Everything is kept in memory until it is on disk, so an error while writing costs nothing unless the process ends.
"""

import time
from collections.abc import Callable

from charlstm.errors import ModelFileError, RunError, TrainingError
from charlstm.storage.checkpoint import Checkpoint, save_checkpoint
from charlstm.storage.model_file import Model, load_model, save_model
from charlstm.storage.run_folder import RunFolder
from charlstm.training.evaluation_files import EvaluationFile, history_line, sample_part
from charlstm.training.history import History
from charlstm.training.interruption import Interruption

RETRY_AFTER = 5.0  # seconds
RESCUE_SUFFIX = "-rescued"  # of the folder for a run whose own folder is gone
MAX_WAIT_AT_END = 60.0  # seconds that a finished run waits for disk space if nobody is there to free some


class RunWriter:
    """Writes checkpoints, the best model, the history and the samples; warns if that fails, and tries again."""

    def __init__(
        self,
        folder: RunFolder,
        *,
        checkpoint_every: float,
        on_warning: Callable[[str], None],
        waits_for_space: bool = False,
    ) -> None:
        self._folder, self._checkpoint_every, self._on_warning = folder, checkpoint_every, on_warning
        self._waits_for_space = waits_for_space
        self._identity = folder.identity
        self._samples = EvaluationFile(folder.samples, sample_part)
        self._history = EvaluationFile(folder.history, history_line)
        self._best_model: Model | None = None
        self._unsaved_model: Model | None = None
        self._checkpoint_due_at = time.monotonic() + checkpoint_every

    @property
    def checkpoint_is_due(self) -> bool:
        return time.monotonic() >= self._checkpoint_due_at

    def write_initial(self, checkpoint: Checkpoint, history: History, best: Model | None) -> None:
        """Write all files before the first step, so that the run can be resumed from the start.

        The best model of a resumed run is only written if its file is lost, damaged or older.
        Raises RunError if a file cannot be written.
        """
        self._best_model = best
        self._unsaved_model = None if best is None or self._is_on_disk(best) else best
        self._write(checkpoint, history)

    def write_evaluation(self, history: History, best: Model | None) -> None:
        """Write the history, the samples and, if there is one, the new best model; only warn if that fails."""
        self._best_model = best or self._best_model
        self._unsaved_model = best or self._unsaved_model
        try:
            if self._folder_is_gone:
                self._checkpoint_due_at = time.monotonic()  # which ends the run
            else:
                self._write_evaluations(history)
        except RunError as error:
            self._warn(error)

    def write_checkpoint(self, checkpoint: Checkpoint, history: History) -> bool:
        """Write all files, and return whether that succeeded; only warn if not.

        Raises TrainingError if the folder has been removed, or replaced by another.
        """
        try:
            if self._folder_is_gone:
                raise self._rescue(checkpoint, history)
            self._write(checkpoint, history)
        except RunError as error:
            self._warn(error)
            return False
        return True

    def write_final(self, checkpoint: Checkpoint, history: History, interruption: Interruption) -> None:
        """Write all files, waiting for disk space if there is none.

        Raises RunError if that fails for a minute, or, with `waits_for_space`, until a signal comes. Raises
        TrainingError like `write_checkpoint`.
        """
        first_signal, end = interruption.signal_number, time.monotonic() + MAX_WAIT_AT_END
        while not self.write_checkpoint(checkpoint, history):
            new_signal = interruption.signal_number != first_signal
            if new_signal or (time.monotonic() > end and not self._waits_for_space):
                self._write(checkpoint, history)
            time.sleep(RETRY_AFTER)

    def _is_on_disk(self, best: Model) -> bool:
        """Return whether the model file is intact and at least as new as the best model of the checkpoint."""
        try:
            return bool(load_model(self._folder.model).training["step"] >= best.training["step"])
        except (ModelFileError, KeyError, TypeError):
            return False

    def _write(self, checkpoint: Checkpoint, history: History) -> None:
        self._write_evaluations(history)
        save_checkpoint(self._folder, checkpoint)
        self._checkpoint_due_at = time.monotonic() + self._checkpoint_every

    def _write_evaluations(self, history: History) -> None:
        if self._unsaved_model:
            save_model(self._folder.model, self._unsaved_model)
            self._unsaved_model = None
        self._samples.write(history.evaluations)
        self._history.write(history.evaluations)

    @property
    def _folder_is_gone(self) -> bool:
        """Whether the folder has been removed or renamed, and perhaps another process trains under its name."""
        return self._folder.identity != self._identity

    def _rescue(self, checkpoint: Checkpoint, history: History) -> TrainingError:
        """Save the run in a new folder beside the one that is gone, and return the error that says so."""
        path = self._folder.path
        rescued = RunFolder(path.with_name(path.name + RESCUE_SUFFIX))
        message = f"{path} was removed or replaced while it was trained"
        try:
            rescued.path.mkdir()  # fails if there is one
            writer = RunWriter(rescued, checkpoint_every=self._checkpoint_every, on_warning=self._on_warning)
            writer.write_initial(checkpoint, history, self._best_model)
        except (OSError, RunError) as error:
            return TrainingError(f"{message}, and what was trained cannot be saved: {error}", hint="train again")
        return TrainingError(message, hint=f"what was trained is saved: {rescued.path}")

    def _warn(self, error: RunError) -> None:
        self._checkpoint_due_at = time.monotonic() + min(RETRY_AFTER, self._checkpoint_every)
        self._on_warning(f"{error}; nothing is lost: trying again in {RETRY_AFTER:.0f} seconds")
