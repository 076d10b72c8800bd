"""Keeps what a training has reached: the run folder's files, written as it goes on, and again if the disk was full."""

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

TRY_AGAIN_AFTER = 5.0  # seconds
WAIT_AT_THE_END = 60.0  # seconds that a finished training waits for room, if nobody is there to make it


class RunWriter:
    """Writes a run's files. What cannot be written stays in memory, and is written at the next opportunity."""

    def __init__(
        self,
        run: RunFolder,
        *,
        checkpoint_every: float,
        on_warning: Callable[[str], None],
        waits_for_room: bool = False,
    ) -> None:
        self.run, self.checkpoint_every, self.on_warning = run, checkpoint_every, on_warning
        self._waits_for_room = waits_for_room
        self._unsaved: Model | None = None
        self._due = time.monotonic() + checkpoint_every

    @property
    def checkpoint_is_due(self) -> bool:
        return time.monotonic() >= self._due

    def write_initial(self, checkpoint: Checkpoint, history: History, best: Model | None) -> None:
        """Write all there is at the start, so that the run can be resumed from its first second.

        Of a run that goes on the best model is written again only if its file has been lost or damaged.
        Raises RunError if it cannot be written.
        """
        self._unsaved = None if best is None or self._holds(best) else best
        self._write(checkpoint, history)

    def write_evaluation(self, history: History, best: Model | None) -> None:
        """Write the history, the samples and, if there is a new one, the best model; trouble is only told."""
        self._unsaved = best or self._unsaved
        try:
            self._write_evaluations(history)
        except RunError as problem:
            self._tell(problem)

    def write_checkpoint(self, checkpoint: Checkpoint, history: History) -> bool:
        """Write all there is; returns whether that went well. Trouble is only told."""
        try:
            self._write(checkpoint, history)
        except RunError as problem:
            self._tell(problem)
            return False
        return True

    def write_final(self, checkpoint: Checkpoint, history: History, interruption: Interruption) -> None:
        """Write all there is, and wait for room if there is none.

        Raises RunError if it could not be written for a minute, or, if someone is there to make room, until a signal.
        """
        first_signal, end = interruption.signal_number, time.monotonic() + WAIT_AT_THE_END
        while not self.write_checkpoint(checkpoint, history):
            given_up = interruption.signal_number != first_signal
            if given_up or (time.monotonic() > end and not self._waits_for_room):
                self._write(checkpoint, history)
            time.sleep(TRY_AGAIN_AFTER)

    def _holds(self, best: Model) -> bool:
        """Whether the model file is whole, and no older than the best model of the checkpoint."""
        try:
            return bool(load_model(self.run.model).training["step"] >= best.training["step"])
        except (ModelFileError, KeyError, TypeError):
            return False

    def _write(self, checkpoint: Checkpoint, history: History) -> None:
        self.run.create()
        self._write_evaluations(history)
        save_checkpoint(self.run, checkpoint)
        self._due = time.monotonic() + self.checkpoint_every

    def _write_evaluations(self, history: History) -> None:
        if self._unsaved:
            save_model(self.run.model, self._unsaved)
            self._unsaved = None
        samples = [f"--- step {e.step}, epoch {e.epoch:.2f} ---\n{e.sample}\n" for e in history.evaluations]
        write_atomically(self.run.samples, "\n".join(samples).encode("utf-8", "surrogatepass"))
        lines = [json.dumps(evaluation.to_line()) + "\n" for evaluation in history.evaluations]
        write_atomically(self.run.history, "".join(lines).encode())

    def _tell(self, problem: RunError) -> None:
        self._due = time.monotonic() + min(TRY_AGAIN_AFTER, self.checkpoint_every)
        self.on_warning(
            f"{problem}; nothing is lost: it is kept in memory, and tried again in {TRY_AGAIN_AFTER:.0f} seconds"
        )
