"""Write the files of a run folder during training, and again later if the disk was full.

Everything is kept in memory until it is on disk, so an error while writing costs nothing unless the process ends.
"""

import json
import time
from collections.abc import Callable

from charlstm.atomic_files import write_atomically
from charlstm.errors import ModelFileError, RunError
from charlstm.storage.checkpoint import Checkpoint, save_checkpoint
from charlstm.storage.model_file import Model, load_model, save_model
from charlstm.storage.run_folder import RunFolder
from charlstm.training.history import History
from charlstm.training.interruption import Interruption

RETRY_AFTER = 5.0  # seconds
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
        self._unsaved_model = None if best is None or self._is_on_disk(best) else best
        self._write(checkpoint, history)

    def write_evaluation(self, history: History, best: Model | None) -> None:
        """Write the history, the samples and, if there is one, the new best model; only warn if that fails."""
        self._unsaved_model = best or self._unsaved_model
        try:
            self._write_evaluations(history)
        except RunError as error:
            self._warn(error)

    def write_checkpoint(self, checkpoint: Checkpoint, history: History) -> bool:
        """Write all files, and return whether that succeeded; only warn if not."""
        try:
            self._write(checkpoint, history)
        except RunError as error:
            self._warn(error)
            return False
        return True

    def write_final(self, checkpoint: Checkpoint, history: History, interruption: Interruption) -> None:
        """Write all files, waiting for disk space if there is none.

        Raises RunError if that fails for a minute, or, with `waits_for_space`, until a signal comes.
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
        self._folder.create()
        self._write_evaluations(history)
        save_checkpoint(self._folder, checkpoint)
        self._checkpoint_due_at = time.monotonic() + self._checkpoint_every

    def _write_evaluations(self, history: History) -> None:
        if self._unsaved_model:
            save_model(self._folder.model, self._unsaved_model)
            self._unsaved_model = None
        samples = [f"--- step {e.step}, epoch {e.epoch:.2f} ---\n{e.sample}\n" for e in history.evaluations]
        write_atomically(self._folder.samples, "\n".join(samples).encode("utf-8", "surrogatepass"))
        lines = [json.dumps(evaluation.to_line()) + "\n" for evaluation in history.evaluations]
        write_atomically(self._folder.history, "".join(lines).encode())

    def _warn(self, error: RunError) -> None:
        self._checkpoint_due_at = time.monotonic() + min(RETRY_AFTER, self._checkpoint_every)
        self._on_warning(f"{error}; nothing is lost: trying again in {RETRY_AFTER:.0f} seconds")
