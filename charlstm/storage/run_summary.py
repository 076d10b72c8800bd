"""What a run is and how far it has come, read from its small files: config.json, the end of history.jsonl, headers.

A folder may hold anything. What cannot be read is reported as a problem of that run, and never raised.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from charlstm.atomic_files import open_regular
from charlstm.errors import RunError
from charlstm.json_objects import parse_json
from charlstm.storage.ensemble import read_ensemble
from charlstm.storage.lock import LOCK_FILE, is_locked
from charlstm.storage.run_folder import RunFolder
from charlstm.storage.run_origin import RunOrigin
from charlstm.storage.tensor_header import check_is_whole, read_metadata

MAX_CONFIG_BYTES = 4 << 20
HISTORY_END_BYTES = 1 << 13  # some evaluations: a line has about 200 bytes
MAX_DEPTH = 3  # folders below the one that is listed, as in runs/compare-macbeth/lstm-0
CLOCK_TOLERANCE = 0.97  # a run planned by time keeps some of it for its last evaluation

COMPARISON_PLAN = "plan.json"  # of experiments.plan: a comparison is locked as a whole, and its runs are below it
TRAINING, INTERRUPTED, COMPLETE, DAMAGED = "training", "interrupted", "complete", "damaged"


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """One run in a list of runs; None stands for what its files do not say."""

    name: str  # the path below the folder that is listed
    path: Path
    state: str = INTERRUPTED
    problem: str = ""  # why it is damaged
    text: str | None = None
    text_sha256: str | None = None
    validation: float | None = None  # share of the text
    lowercase: bool = False
    cell: str | None = None
    num_layers: int | None = None
    units: int | None = None
    random_seed: int | None = None
    validation_nats: float | None = None  # per character, the lowest
    step: int | None = None  # of the last evaluation, as are epoch and seconds
    epoch: float | None = None
    seconds: float | None = None
    started: datetime | None = None
    start_from: str | None = None
    num_bytes: int = 0
    num_members: int = 1  # networks that are one model; then steps and epochs are those of the first


def find_runs(folder: Path) -> Iterator[RunFolder]:
    """Yield the runs below a folder by name; there are none in a hidden folder, or behind a link.

    The members of a run are no runs here.
    """
    return _runs_below(folder, MAX_DEPTH)


def is_run(run: RunFolder) -> bool:
    """Return whether a folder holds a run, even a damaged one, or one that was stopped before its first step.

    config.json and samples.txt are no signs of one: their names are too common.
    """
    files = (run.model, run.checkpoint, run.previous_checkpoint, run.damaged_checkpoint, run.history)
    is_locked_run = os.path.lexists(run.path / LOCK_FILE) and not os.path.lexists(run.path / COMPARISON_PLAN)
    return is_locked_run or any(map(os.path.lexists, files)) or bool(run.members)


def summarize_run(run: RunFolder, *, name: str) -> RunSummary:
    """Return what the small files of a run say."""
    if run.members:
        return _summarize_members(run, name=name)
    summary = RunSummary(name=name, path=run.path, num_bytes=_num_bytes(run.path))
    problems = [] if run.has_run else ["it holds neither a model nor a checkpoint"]
    steps: list[tuple[Path, Callable[[RunSummary, RunFolder], RunSummary]]] = [
        (run.model, _with_model),
        (run.config, _with_settings),
        (run.history, _with_progress),
        (run.checkpoint, _with_whole_checkpoint),
    ]
    for file, read in steps:
        try:
            summary = read(summary, run) if os.path.lexists(file) else summary
        except (OSError, ValueError, OverflowError) as error:
            problems.append(f"{file.name} cannot be read: {getattr(error, 'strerror', None) or error}")
    if run.has_checkpoint and not os.path.lexists(run.config):
        problems.append(f"{run.config.name} is missing")
    if is_locked(run.path):
        return replace(summary, state=TRAINING)
    return replace(summary, state=DAMAGED if problems else summary.state, problem="; ".join(problems))


def _summarize_members(run: RunFolder, *, name: str) -> RunSummary:
    """Return what is known of the members of a run together, and the rest of the first."""
    members = [summarize_run(member, name=member.path.name) for member in run.members]
    problems = [f"{member.name}: {member.problem}" for member in members if member.problem]
    num_members, nats = len(members), None
    try:
        record = read_ensemble(run)
        num_members, nats = record.num_members, record.average_nats
    except RunError as error:
        problems.append(str(error))
    is_complete = len(members) == num_members and all(member.state == COMPLETE for member in members)
    state = DAMAGED if problems else COMPLETE if is_complete else INTERRUPTED
    return replace(
        members[0],
        name=name,
        path=run.path,
        state=TRAINING if is_locked(run.path) or any(member.state == TRAINING for member in members) else state,
        problem="; ".join(problems),
        validation_nats=nats,
        seconds=sum(member.seconds or 0 for member in members),
        num_bytes=_num_bytes(run.path) + sum(member.num_bytes for member in members),
        num_members=num_members,
    )


def read_settings(run: RunFolder) -> dict[str, Any]:
    """Return the object in config.json. Raises OSError or ValueError if it is not a file with a JSON object."""
    with open_regular(run.config) as file:
        content = file.read(MAX_CONFIG_BYTES + 1)
    if len(content) > MAX_CONFIG_BYTES:
        raise ValueError(f"it has more than {MAX_CONFIG_BYTES:,} bytes")
    settings = parse_json(content.decode())
    if not isinstance(settings, dict):
        raise ValueError("it is not a JSON object")
    return settings


def settings_of_model(path: Path, training: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the run that a model file is from; empty if its folder has none, or those of another text.

    `training` is the metadata of the model.
    """
    run = RunFolder(path.parent)
    if path.name != run.model.name:
        return {}
    try:
        settings = read_settings(run)
    except (OSError, ValueError):
        return {}
    return settings if _object(settings, "text").get("sha256") == training.get("text_sha256") else {}


def _runs_below(folder: Path, depth: int) -> Iterator[RunFolder]:
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    except OSError:
        return
    for name in names:
        run = RunFolder(folder / name)
        if is_run(run):
            yield run
        elif depth > 1 and not run.path.is_symlink():
            yield from _runs_below(run.path, depth - 1)


def _with_model(summary: RunSummary, run: RunFolder) -> RunSummary:
    """Add what the header of the model says. A folder that holds only a model is complete: somebody shared it."""
    metadata = read_metadata(run.model)
    training = _object(metadata, "training")
    return replace(
        _with_network(summary, _object(metadata, "architecture"), _object(training, "settings")),
        state=INTERRUPTED if run.has_checkpoint else COMPLETE,
        text=_value(training, "text", str),
        text_sha256=_value(training, "text_sha256", str),
        lowercase=_value(_object(metadata, "vocabulary"), "lowercase", bool) or False,
        validation_nats=_number(_object(training, "validation"), "nats_per_character"),
        step=_value(training, "step", int),
        epoch=_number(training, "epoch"),
    )


def _with_settings(summary: RunSummary, run: RunFolder) -> RunSummary:
    settings = read_settings(run)
    text, origin = _object(settings, "text"), RunOrigin.from_json(settings.get("origin"))
    return replace(
        _with_network(summary, _object(settings, "model"), _object(settings, "training")),
        state=COMPLETE if settings.get("finished") is True else summary.state,
        text=_value(text, "name", str) or summary.text,
        text_sha256=_value(text, "sha256", str) or summary.text_sha256,
        started=_date(origin.started) if origin else _first_locked(run),
        start_from=origin.start_from if origin else None,
    )


def _with_network(summary: RunSummary, model: Mapping[str, Any], training: Mapping[str, Any]) -> RunSummary:
    return replace(
        summary,
        cell=_value(model, "cell", str),
        num_layers=_value(model, "num_layers", int),
        units=_value(model, "units", int),
        validation=_number(training, "validation"),
        random_seed=_value(training, "random_seed", int),
    )


def _with_progress(summary: RunSummary, run: RunFolder) -> RunSummary:
    """Add the figures of the last evaluation."""
    with open_regular(run.history) as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - HISTORY_END_BYTES))
        lines = file.read(HISTORY_END_BYTES).splitlines()
    if not lines:  # before the first evaluation
        return summary
    last = parse_json(lines[-1].decode(), finite=False)
    if not isinstance(last, dict):
        raise ValueError("its last line is not a JSON object")
    progress = replace(
        summary, step=_value(last, "step", int), epoch=_number(last, "epoch"), seconds=_number(last, "seconds")
    )
    is_complete = summary.state == COMPLETE or _seems_complete(progress, run, best_step=summary.step, lines=lines)
    return replace(progress, state=COMPLETE if is_complete else summary.state)


def _seems_complete(progress: RunSummary, run: RunFolder, *, best_step: int | None, lines: list[bytes]) -> bool:
    """Return whether a run of an earlier version, which did not say whether it was complete, reached its end.

    It did by its epochs, by its time, or when its patience was exhausted; `lines` are the last evaluations.
    """
    try:
        settings = read_settings(run)
    except (OSError, ValueError):
        return False
    if "finished" in settings:
        return False
    training = _object(settings, "training")
    epochs, max_time = _number(training, "epochs"), _number(training, "max_time")
    patience = _value(training, "patience", int) or 0
    if best_step is not None and 0 < patience < len(lines):
        first_in_vain = parse_json(lines[-patience].decode(), finite=False)
        if isinstance(first_in_vain, dict) and (_value(first_in_vain, "step", int) or 0) > best_step:
            return True
    if epochs and progress.epoch and progress.step:
        return progress.step >= round(epochs * progress.step / progress.epoch)
    return bool(max_time and progress.seconds and progress.seconds >= CLOCK_TOLERANCE * max_time)


def _with_whole_checkpoint(summary: RunSummary, run: RunFolder) -> RunSummary:
    """Return the same summary. Raises ValueError if the newest checkpoint is not a whole file."""
    check_is_whole(run.checkpoint)
    return summary


def _num_bytes(folder: Path) -> int:
    """Return the size of the files in a folder; links count as links."""
    try:
        with os.scandir(folder) as entries:
            return sum(entry.stat(follow_symlinks=False).st_size for entry in entries if not entry.is_dir())
    except OSError:
        return 0


def _object(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = values.get(key)
    return value if isinstance(value, dict) else {}


def _value(values: Mapping[str, Any], key: str, kind: type[Any]) -> Any:
    value = values.get(key)
    return value if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)) else None


def _number(values: Mapping[str, Any], key: str) -> float | None:
    """Return a finite, non-negative number that fits a float."""
    value = values.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 2**63:  # NaN neither
        return None
    return float(value)


def _first_locked(run: RunFolder) -> datetime | None:
    """Return when the lock file was made: runs of earlier versions did not record when they were started."""
    try:
        return datetime.fromtimestamp((run.path / LOCK_FILE).lstat().st_mtime).astimezone()
    except (OSError, OverflowError, ValueError):
        return None


def _date(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError, OSError):
        return None
