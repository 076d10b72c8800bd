"""The evaluations of a run as its folder records them: the figures of history.jsonl, and the texts of samples.txt."""

import io
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from charlstm.atomic_files import open_regular
from charlstm.errors import RunError
from charlstm.json_objects import parse_json
from charlstm.storage.find_runs import known_runs_hint, newest_file, under_runs, visible_files
from charlstm.storage.run_folder import MEMBER, RUNS, RunFolder, check_is_one_network

MAX_EVALUATIONS = 5000  # that are read of a long history, evenly spread
MAX_LINE_BYTES = 4096
TYPICAL_LINE_BYTES = 200
_HEADING = re.compile(r"--- step (\d{1,18}), epoch \d+\.\d\d ---")


@dataclass(frozen=True, kw_only=True)
class EvaluationFigures:
    """The figures of one evaluation; losses are in nats per character."""

    step: int
    epoch: float
    seconds: float
    train_nats: float  # mean since the evaluation before, with dropout
    validation_nats: float
    network: int = 1  # which of the networks of a run with teachers

    @classmethod
    def from_line(cls, line: bytes) -> Self | None:
        """Return the figures of a line of history.jsonl; None for a line that has something else."""
        try:
            values = {"network": 1} | parse_json(line.decode())  # which earlier versions did not write
            figures = {name: float(values[name]) for name in cls.__dataclass_fields__}
        except (ValueError, KeyError, TypeError, OverflowError):
            return None
        if not all(math.isfinite(value) for value in figures.values()):
            return None
        counts = {name: int(figures[name]) for name in ("step", "network")}
        return cls(**figures | counts)  # type: ignore[arg-type]  # the others are floats


def find_recorded_run(run: str | Path | None) -> RunFolder:
    """Return the run of a folder, of a name under `runs/`, or of a file in its folder; for None the newest one.

    The newest may be a member of a run. Raises RunError if there is none, or it has members or no history.
    """
    if run is None:
        histories = [*visible_files("history.jsonl"), *visible_files(f"{MEMBER}*/history.jsonl")]
        if not histories:
            raise RunError(
                f"there is no run in {RUNS.absolute()}", hint="give its path, or start one: charlstm train TEXT"
            )
        return RunFolder(newest_file(histories).parent)
    path = under_runs(run)
    folder = RunFolder(path.parent if path.is_file() else path)
    if not path.exists():
        raise RunError(f"there is no run {str(run)!r}", hint=known_runs_hint(run))
    check_is_one_network(folder)
    if not folder.history.is_file():
        raise RunError(f"{folder.path} has no {folder.history.name}", hint="give the folder of a run: charlstm runs")
    return folder


def read_evaluations(run: RunFolder) -> list[EvaluationFigures]:
    """Return the evaluations of a run in order; of a very long run some of them, evenly spread, and the last.

    Raises RunError if there is none yet, or none can be read.
    """
    evaluations, last = [], None
    try:
        every = run.history.stat().st_size // (MAX_EVALUATIONS * TYPICAL_LINE_BYTES) + 1
        for number, line in enumerate(_lines(run.history)):
            last = line
            if number % every == 0 and (figures := EvaluationFigures.from_line(line)):
                evaluations.append(figures)
    except OSError as error:
        raise RunError(f"{run.history} cannot be read: {error.strerror}", hint="check its permissions") from error
    newest = EvaluationFigures.from_line(last) if last else None
    if newest and (not evaluations or evaluations[-1].step < newest.step):
        evaluations.append(newest)
    if evaluations:
        return evaluations
    if last is None:
        raise RunError(f"{run.path} has not been evaluated yet", hint="wait for the first evaluation")
    raise RunError(f"{run.history} is damaged: no line of it can be read", hint="give another run: charlstm runs")


def read_samples(run: RunFolder) -> Iterator[tuple[int, str]]:
    """Yield the step of each evaluation and the text that the network generated there.

    A line of a sample that looks like a heading is one only if its step is higher than the one before. Raises RunError
    if the file cannot be read.
    """
    step: int | None = None
    lines: list[str] = []
    try:
        content = open_regular(run.samples)
        with io.TextIOWrapper(content, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            while line := file.readline(MAX_LINE_BYTES):
                heading = _HEADING.fullmatch(line.removesuffix("\n"))
                if heading and (step is None or int(heading[1]) > step):
                    if step is not None:
                        yield step, "".join(lines)[:-2]  # a line break ends it, and an empty line follows
                    step, lines = int(heading[1]), []
                elif len(lines) < MAX_LINE_BYTES:
                    lines.append(line)
    except OSError as error:
        raise RunError(
            f"{run.samples} cannot be read: {error.strerror}", hint="give another run: charlstm runs"
        ) from error
    if step is not None:
        yield step, "".join(lines)[:-1]


def _lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file, at most so many bytes of each."""
    with open_regular(path) as file:
        yield from iter(lambda: file.readline(MAX_LINE_BYTES), b"")
