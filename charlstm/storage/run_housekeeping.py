"""Remove and rename runs, never one that is training, and never anything outside of the folder of runs."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from charlstm.atomic_files import cannot_write, move, write_atomically
from charlstm.errors import RunError, did_you_mean
from charlstm.storage.lock import LOCK_FILE, OWNER_FILE, exclusive_lock, is_locked
from charlstm.storage.run_folder import RunFolder
from charlstm.storage.run_summary import find_runs, is_run, read_settings


def find_run_below(folder: Path, name: str) -> RunFolder:
    """Return the run of a name or a path below a folder.

    Raises RunError if it is no run, or a member of one, is outside of the folder, or is reached through a link.
    """
    path = folder / name
    if not os.path.lexists(path) and os.path.lexists(name):
        path = Path(name)
    _check_is_inside(folder, path)
    if not os.path.lexists(path):
        known = [str(one.path.relative_to(folder)) for one in find_runs(folder)]
        raise RunError(
            f"there is no run {name!r} in {folder}",
            hint=did_you_mean(name, known, otherwise="charlstm runs lists them"),
        )
    run = RunFolder(path)
    if run.whole != run:
        raise RunError(f"{path} is a member of {run.whole.path}", hint="name the whole run")
    if not path.is_dir() or not is_run(run):
        inside = ", ".join(str(one.path.relative_to(folder)) for one in find_runs(path)) if path.is_dir() else ""
        raise RunError(
            f"{path} is not a run", hint=f"it holds runs: {inside}" if inside else "charlstm runs lists the runs"
        )
    return run


def remove_run(run: RunFolder, *, keeps_logs: bool = False) -> list[str]:
    """Remove the files of a run, and its folder if it is empty then; return the names of the files that are left.

    Raises RunError if a process trains in it, or something cannot be removed.
    """
    _check_is_idle(run)
    with exclusive_lock(run.path):
        run.clear(keeps_logs=keeps_logs)
    try:
        (run.path / LOCK_FILE).unlink(missing_ok=True)
        others = sorted(os.listdir(run.path))
        if not others:
            run.path.rmdir()
    except OSError as error:
        raise cannot_write(run.path, error) from error
    return others


def rename_run(folder: Path, run: RunFolder, name: str) -> RunFolder:
    """Give a run below a folder another name, and tell the runs that started from it.

    What a run recorded about its own files needs no change: its saved text is looked up in its folder. Raises RunError
    if a process trains in it, or the new name is taken, hidden, or outside of the folder.
    """
    target = RunFolder(folder / name)
    if not os.path.lexists(target.path.parent) and target.path.is_relative_to(folder):
        raise RunError(f"there is no folder {target.path.parent}", hint="create it first, or choose another name")
    _check_is_inside(folder, target.path)
    if target.path.name.startswith("."):
        raise RunError(f"{name!r} begins with a dot, and hidden runs are never found", hint="choose another name")
    if os.path.lexists(target.path):
        raise RunError(f"{target.path} exists already", hint="choose another name, or remove it: charlstm runs rm")
    _check_is_idle(run)
    models_then = [os.path.abspath(one.model) for one in (run, *run.members)]
    with exclusive_lock(run.path):
        move(run.path, target.path)
        (target.path / OWNER_FILE).unlink(missing_ok=True)  # the lock looks for it under the old name
    models_now = [os.path.abspath(one.model) for one in (target, *target.members)]
    _redirect(folder, dict(zip(models_then, models_now, strict=True)))
    return target


def _redirect(folder: Path, moved: Mapping[str, str]) -> None:
    """Let runs that started from a model name it where it is now; a run that cannot be changed is left as it is."""
    for run in (one for found in find_runs(folder) for one in (found, *found.members)):
        try:
            settings = read_settings(run)
        except (OSError, ValueError):
            continue
        origin = settings.get("origin")
        if isinstance(origin, dict) and (model_now := moved.get(str(origin.get("start_from")))):
            origin["start_from"] = model_now
            write_atomically(run.config, (json.dumps(settings, indent=2) + "\n").encode())


def _check_is_inside(folder: Path, path: Path) -> None:
    """Raise RunError unless a path is below a folder and no link leads to it."""
    relative = os.path.relpath(os.path.abspath(path), os.path.abspath(folder))
    if relative.split(os.sep)[0] in (os.curdir, os.pardir):
        raise RunError(f"{path} is not below {folder}", hint="give the name of a run, or another `folder`")
    if os.path.realpath(path) != os.path.join(os.path.realpath(folder), relative):
        raise RunError(f"{path} is a link, or behind one", hint="give the folder that it leads to, or remove the link")


def _check_is_idle(run: RunFolder) -> None:
    for folder in (run, *run.members):
        if is_locked(folder.path):
            hint = "stop it with Ctrl-C where it runs, or wait until it ends"
            raise RunError(f"{folder.path} is training", hint=hint)
