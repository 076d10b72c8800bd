"""Where a run keeps its files, and how they are written: never half."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from charlstm.errors import RunError

RUNS = Path("runs")


@dataclass(frozen=True)
class RunFolder:
    """The files of one training run."""

    path: Path

    @property
    def model(self) -> Path:
        """The model that was best on validation."""
        return self.path / "model.safetensors"

    @property
    def checkpoint(self) -> Path:
        """Everything needed to go on with the training."""
        return self.path / "checkpoint.safetensors"

    @property
    def previous_checkpoint(self) -> Path:
        return self.path / "checkpoint.previous.safetensors"

    @property
    def history(self) -> Path:
        """One JSON object a line, one line an evaluation."""
        return self.path / "history.jsonl"

    @property
    def samples(self) -> Path:
        """What the network wrote at each evaluation."""
        return self.path / "samples.txt"

    @property
    def config(self) -> Path:
        """All settings that were used."""
        return self.path / "config.json"

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.model, self.checkpoint, self.previous_checkpoint, self.history, self.samples, self.config)

    def create(self, *, overwrite: bool = False) -> None:
        """Make the folder; with `overwrite`, clear an earlier run's files out of it.

        Raises RunError if a run is already there, or if the folder cannot be written.
        """
        if self.path.exists() and not self.path.is_dir():
            raise RunError(f"{self.path} is a file, not a folder", hint="give another folder with --out")
        if not overwrite and any(file.exists() for file in self.files):
            raise RunError(
                f"{self.path} already holds a run",
                hint="give another folder with --out, or replace it with --overwrite",
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for file in self.files:
                file.unlink(missing_ok=True)
        except OSError as problem:
            raise _cannot_write(self.path, problem) from problem


def find_model(run: str | Path | None) -> Path:
    """The model file of a run folder, of a run's name under `runs/`, or of the newest run if none is given.

    A path to a file stands for itself. Raises RunError if there is none.
    """
    if run is None:
        return _newest_model()
    path = Path(run)
    if not path.exists() and (RUNS / path).is_dir():
        path = RUNS / path
    if not path.exists():
        raise RunError(f"there is no run or model file {str(run)!r}", hint=_what_there_is())
    if path.is_dir():
        path = RunFolder(path).model
        if not path.exists():
            raise RunError(
                f"{path.parent} holds no {path.name}",
                hint="train a model first: charlstm train TEXT, or give another run",
            )
    return path


def _models() -> list[Path]:
    return [path for path in RUNS.glob(f"*/{RunFolder(RUNS).model.name}") if not path.parent.name.startswith(".")]


def _newest_model() -> Path:
    models = _models()
    if not models:
        raise RunError(
            f"there is no run in {RUNS.resolve()}", hint="train one first: charlstm train macbeth.txt, or give its path"
        )
    return max(models, key=lambda path: path.stat().st_mtime)


def _what_there_is() -> str:
    runs = sorted(str(path.parent) for path in _models())
    return f"there are: {', '.join(runs)}" if runs else "train one first: charlstm train macbeth.txt"


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file beside its place, flush it to disk and rename it: at every moment it is whole, old or new.

    Raises RunError, and leaves what was there, if it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as problem:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise _cannot_write(path, problem) from problem


def _cannot_write(path: Path, problem: OSError) -> RunError:
    return RunError(
        f"{path} cannot be written: {problem.strerror}", hint="check permissions and free space, or give another --out"
    )
