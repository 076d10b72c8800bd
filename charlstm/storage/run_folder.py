"""Where a run keeps its files, and how a run is found."""

from dataclasses import dataclass
from pathlib import Path

from charlstm.atomic_files import cannot_write, remove_leftovers
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
    def damaged_checkpoint(self) -> Path:
        """Put aside when it could not be read."""
        return self.path / "damaged.safetensors"

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
    def text(self) -> Path:
        """A text that came from standard input, kept for a resume."""
        return self.path / ".stdin.txt"

    @property
    def index(self) -> Path:
        """The training text with its suffixes in order, to find what was copied from it."""
        return self.path / "text_index.safetensors"

    @property
    def files(self) -> tuple[Path, ...]:
        checkpoints = (self.checkpoint, self.previous_checkpoint, self.damaged_checkpoint)
        return (self.model, *checkpoints, self.history, self.samples, self.config, self.text, self.index)

    @property
    def has_checkpoint(self) -> bool:
        return self.checkpoint.exists() or self.previous_checkpoint.exists()

    def create(self) -> None:
        """Make the folder if it is not there. Raises RunError if it cannot be made."""
        if self.path.exists() and not self.path.is_dir():
            raise RunError(f"{self.path} is a file, not a folder", hint="choose another folder with `output`")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise cannot_write(self.path, problem) from problem

    @property
    def has_run(self) -> bool:
        """Whether there is something of an earlier run that is worth keeping."""
        return self.has_checkpoint or self.model.exists()

    def check_is_free(self) -> None:
        """Raises RunError if a run is already there."""
        if self.has_run:
            raise RunError(
                f"{self.path} already holds a run",
                hint=("continue it with `resume`, " if self.has_checkpoint else "")
                + "replace it with `overwrite`, or choose another folder with `output`",
            )

    def clear(self) -> None:
        """Remove an earlier run's files, and no others. Raises RunError if the folder cannot be written."""
        try:
            for file in self.files:
                file.unlink(missing_ok=True)
            self.remove_leftovers()
        except OSError as problem:
            raise cannot_write(self.path, problem) from problem

    def remove_leftovers(self) -> None:
        """Remove what a killed training was writing."""
        remove_leftovers(self.path, tuple(file.name for file in self.files))


def find_run(run: str | Path | None) -> RunFolder:
    """The run folder of a path, of a name under `runs/`, or, if none is given, the one trained in last.

    Raises RunError if there is none.
    """
    if run is None:
        checkpoints = [path for path in RUNS.glob("*/checkpoint*.safetensors") if _is_visible(path)]
        if not checkpoints:
            raise RunError(
                f"there is no run in {RUNS.resolve()}", hint="start one first: charlstm train TEXT, or give its path"
            )
        return RunFolder(max(checkpoints, key=lambda path: path.stat().st_mtime).parent)
    path = Path(run)
    if not path.exists() and (RUNS / path).is_dir():
        path = RUNS / path
    if not path.is_dir():
        raise RunError(f"there is no run folder {str(run)!r}", hint=_what_there_is())
    if not RunFolder(path).has_checkpoint:
        raise RunError(
            f"{path} holds no checkpoint: no training was begun there", hint="begin one: charlstm train TEXT"
        )
    return RunFolder(path)


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
    return [path for path in RUNS.glob(f"*/{RunFolder(RUNS).model.name}") if _is_visible(path)]


def _is_visible(file: Path) -> bool:
    return not file.parent.name.startswith(".")


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
