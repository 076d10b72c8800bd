"""The files of a run.

A run may have members: several networks that are one model, see `storage/ensemble.py`. Its folder has a run folder for
each of them and no model of its own.
"""

import os
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from itertools import count, takewhile
from pathlib import Path

from charlstm.atomic_files import cannot_write, flush_folder, remove_leftovers
from charlstm.errors import RunError
from charlstm.figures import counted
from charlstm.storage.lock import LOCK_FILE, is_locked

RUNS = Path("runs")
MEMBER = "member-"  # begins the names of their folders


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run."""

    path: Path

    @property
    def model(self) -> Path:
        """The model with the best validation loss."""
        return self.path / "model.safetensors"

    @property
    def checkpoint(self) -> Path:
        """Everything that is needed to resume."""
        return self.path / "checkpoint.safetensors"

    @property
    def previous_checkpoint(self) -> Path:
        """The checkpoint before the newest."""
        return self.path / "checkpoint.previous.safetensors"

    @property
    def damaged_checkpoint(self) -> Path:
        """A checkpoint that could not be read and was set aside."""
        return self.path / "damaged.safetensors"

    @property
    def history(self) -> Path:
        """One line for each evaluation, a JSON object."""
        return self.path / "history.jsonl"

    @property
    def samples(self) -> Path:
        """The text generated at each evaluation."""
        return self.path / "samples.txt"

    @property
    def csv_log(self) -> Path:
        """One row for each evaluation, if a log in CSV was asked for."""
        return self.path / "log.csv"

    @property
    def event_file(self) -> Path:
        """The file that TensorBoard reads, if one was asked for: it finds it by the beginning of its name."""
        return self.path / "events.out.tfevents.charlstm"

    @property
    def logs(self) -> Path:
        """The folder for the files of other trackers, if one was asked for."""
        return self.path / "logs"

    @property
    def config(self) -> Path:
        """All settings of the run."""
        return self.path / "config.json"

    @property
    def text(self) -> Path:
        """The training text, if it came from standard input: it is kept for a resume."""
        return self.path / ".stdin.txt"

    @property
    def index(self) -> Path:
        """The suffix array of the training text, which finds what a generated text has copied."""
        return self.path / "text_index.safetensors"

    @property
    def ensemble(self) -> Path:
        """How many members the run has, if it has any, and how well they predict."""
        return self.path / "ensemble.json"

    def member(self, index: int) -> "RunFolder":
        """The run of one member, from 0."""
        return RunFolder(self.path / f"{MEMBER}{index}")

    @property
    def members(self) -> "list[RunFolder]":
        """The runs of the members that have been started; none unless the run has members. Links are no members."""
        if not (self.ensemble.is_file() and self.member(0).has_run):
            return []
        started = takewhile(lambda one: one.path.is_dir() and not one.path.is_symlink(), map(self.member, count()))
        return list(started)

    @property
    def whole(self) -> "RunFolder":
        """The run that this one is a member of; else this one."""
        around = RunFolder(self.path.parent)
        return around if self.path.name.startswith(MEMBER) and self in around.members else self

    @property
    def files(self) -> tuple[Path, ...]:
        checkpoints = (self.checkpoint, self.previous_checkpoint, self.damaged_checkpoint)
        records = (self.history, self.samples, *self.log_files)
        return (self.model, *checkpoints, *records, self.config, self.text, self.index, self.ensemble)

    @property
    def log_files(self) -> tuple[Path, ...]:
        """The logs that are one file of the run each."""
        return (self.csv_log, self.event_file)

    @property
    def has_checkpoint(self) -> bool:
        return self.checkpoint.exists() or self.previous_checkpoint.exists()

    @property
    def has_run(self) -> bool:
        """Whether the folder holds a model or a checkpoint, or members that do."""
        return self.has_checkpoint or self.model.exists() or bool(self.members)

    @property
    def has_text(self) -> bool:
        """Whether the training text is kept in the folder. Raises RunError if it is a link, a pipe or a folder."""
        if not os.path.lexists(self.text):
            return False
        if self.text.is_symlink() or not self.text.is_file():
            raise RunError(f"{self.text} is not a file that charlstm wrote", hint="remove it")
        return True

    @property
    def identity(self) -> tuple[int, int] | None:
        """What tells this folder from a later one of the same path; None if there is none.

        Raises RunError if the system does not say.
        """
        try:
            status = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise cannot_write(self.path, error) from error
        return status.st_dev, status.st_ino

    def create(self) -> None:
        """Make the folder if it does not exist. Raises RunError if it cannot be made."""
        if self.path.exists() and not self.path.is_dir():
            raise RunError(f"{self.path} is a file, not a folder", hint="choose another folder with `output`")
        try:
            missing = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
            self.path.mkdir(parents=True, exist_ok=True)
            for folder in missing:  # their names survive a power cut as well
                flush_folder(folder.parent)
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def check_is_free(self) -> None:
        """Raise RunError if the folder already holds a run."""
        if self.has_run:
            raise RunError(
                f"{self.path} already holds a run",
                hint=("continue it with `resume`, " if self.has_checkpoint or self.members else "")
                + "replace it with `overwrite`, or choose another folder with `output`",
            )

    def clear(self, *, keeps_logs: bool = False) -> None:
        """Remove the files of an earlier run and its members, and no others. Raises RunError if that cannot be done."""
        self._remove_members()
        for file in self.files:
            if keeps_logs and file in self.log_files:
                continue
            try:
                file.unlink(missing_ok=True)
            except OSError as error:
                raise cannot_write(file, error) from error
        if not keeps_logs:
            self.remove_logs()
        self.remove_leftovers()

    def _remove_members(self) -> None:
        members = self.members
        for member in members:
            if is_locked(member.path):
                raise RunError(f"{member.path} is training", hint="wait until it ends, or stop it where it runs")
        for member in members:
            member.clear()
            with suppress(OSError):  # there are other files in it
                (member.path / LOCK_FILE).unlink(missing_ok=True)
                member.path.rmdir()

    def remove_logs(self) -> None:
        """Remove the folder of trackers; a link in its place is left alone. Raises RunError if it cannot be removed."""
        try:
            if self.logs.is_dir() and not self.logs.is_symlink():
                shutil.rmtree(self.logs)
        except OSError as error:
            raise cannot_write(self.logs, error) from error

    def remove_leftovers(self) -> None:
        """Remove temporary files that a killed process left behind, of this version or an earlier one."""
        names = "|".join(re.escape(file.name) for file in self.files)
        remove_leftovers(self.path, also=re.compile(rf"\.({names})\.[1-9]\d{{0,8}}\.tmp"))


def check_is_one_network(run: RunFolder) -> None:
    """Raise RunError if a run has members, where only one network can be used."""
    if members := run.members:
        raise RunError(
            f"{run.path} has {counted(len(members), 'member')}, but one network is needed here",
            hint=f"name a member: {members[0].path}",
        )
