"""Find a run, or the model file of one, by its folder, its name or its age."""

import os
import re
from pathlib import Path

from charlstm.errors import RunError, did_you_mean
from charlstm.storage.run_folder import MEMBER, RUNS, RunFolder, check_is_one_network
from charlstm.storage.shipped_models import ENGLISH, find_shipped_model, shipped_models

RELATIVE_PATH = re.compile(r"\.\.?(?:[/\\]|$)")
MAX_NAMED_RUNS = 12  # in a hint


def find_run(run: str | Path | None) -> RunFolder:
    """Return the run of a folder or of a name under `runs/`; for None the run with the newest checkpoint.

    Raises RunError if there is none, or it has no checkpoint.
    """
    if run is None:
        checkpoints = [*visible_files("checkpoint*.safetensors"), *visible_files(f"{MEMBER}*/checkpoint*.safetensors")]
        if not checkpoints:
            raise RunError(
                f"there is no run in {RUNS.absolute()}", hint="give its path, or start one: charlstm train TEXT"
            )
        return RunFolder(newest_file(checkpoints).parent).whole
    path = under_runs(run)
    if not path.is_dir():
        raise RunError(f"there is no run folder {str(run)!r}", hint=known_runs_hint(run))
    if not (RunFolder(path).has_checkpoint or RunFolder(path).members):
        raise RunError(f"{path} has no checkpoint to resume from", hint="start a run: charlstm train TEXT")
    return RunFolder(path)


def find_model(run: str | Path | None) -> Path:
    """Return the model file of a run folder, of a name under `runs/`, or of the newest run for None.

    The path of a file stands for itself. A name of no run may be that of a model that ships; for None, where there is
    no run, it is the English one. Raises RunError if there is no such file, or the run has members: see `find_models`.
    """
    if run is None:
        newest = newest_model() or find_shipped_model(ENGLISH)
        if newest is None:
            raise RunError(
                f"there is no run in {RUNS.absolute()}", hint="give its path, or train one: charlstm train macbeth.txt"
            )
        check_is_one_network(RunFolder(newest.parent).whole)
        return newest
    path = under_runs(run)
    if not (path.is_file() or RunFolder(path).has_run) and (shipped := find_shipped_model(run)):
        return shipped
    if not path.exists():
        raise RunError(f"there is no run or model file {str(run)!r}", hint=known_runs_hint(run))
    if not path.is_dir():
        return path
    check_is_one_network(RunFolder(path))
    model = RunFolder(path).model
    if not model.exists():
        raise RunError(
            f"{path} has no {model.name}", hint="give another run, or train a model first: charlstm train TEXT"
        )
    return model


def model_name(path: Path) -> str:
    """Return the name of the run of a model file, or of a model file that stands alone; of a member `run/member-0`."""
    run = RunFolder(path.absolute().parent)
    if path.name != run.model.name:
        return path.stem
    return str(run.path.relative_to(run.whole.path.parent))


def under_runs(run: str | Path) -> Path:
    """Return the path itself, or the folder of this name under `runs/` if the path is no file and no run.

    A folder of texts and the run that was trained on it have the same name. What begins with `./` or `../` is no name.
    """
    path = Path(run)
    if RELATIVE_PATH.match(os.fspath(run)):
        return path
    return path if path.is_file() or RunFolder(path).has_run or not (RUNS / path).is_dir() else RUNS / path


def visible_files(pattern: str) -> list[Path]:
    """Return the files of this name in the runs under `runs/`, without those of hidden folders, pipes and folders."""
    files = RUNS.glob(f"*/{pattern}")
    return [path for path in files if not path.relative_to(RUNS).parts[0].startswith(".") and os.path.isfile(path)]


def newest_file(files: list[Path]) -> Path:
    """Return the file that was written last."""
    return max(files, key=lambda path: path.stat().st_mtime)


def newest_model() -> Path | None:
    """Return the model file that was written last among those of the runs under `runs/`, their members included."""
    models = _models()
    return newest_file(models) if models else None


def _models() -> list[Path]:
    name = RunFolder(RUNS).model.name
    members = [path for path in visible_files(f"{MEMBER}*/{name}") if RunFolder(path.parent).whole.members]
    return [*visible_files(name), *members]


def known_runs_hint(given: str | Path) -> str:
    """Return a hint for the name of a run that there is not: the one that may be meant, and how to see or make some."""
    runs = sorted({RunFolder(path.parent).whole.path.name for path in _models()})
    if not runs:
        return "train one first: charlstm train macbeth.txt"
    listed = "charlstm runs lists them"
    if len(runs) <= MAX_NAMED_RUNS:
        listed = f"there are: {', '.join(str(RUNS / name) for name in runs)}"
    return did_you_mean(Path(given).name, [*runs, *shipped_models()], otherwise=listed)
