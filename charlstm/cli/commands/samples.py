"""`charlstm samples`."""

import json
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Annotated

import typer

from charlstm.cli.completion import complete_runs
from charlstm.cli.display.messages import say
from charlstm.cli.display.sample_list import RecordedSample, num_columns, sample_columns, sample_list
from charlstm.cli.options import Json, option
from charlstm.errors import RunError
from charlstm.storage.evaluations import find_recorded_run, read_evaluations, read_samples
from charlstm.storage.run_folder import RunFolder

MAX_SHOWN = 24  # samples, unless the user says how many: as many as a run usually has


def samples(
    run: Annotated[
        str | None,
        typer.Argument(
            autocompletion=complete_runs,
            metavar="RUN",
            help="A run folder, or its name under runs/. Default: the newest run.",
            show_default=False,
        ),
    ] = None,
    last: Annotated[int | None, option("--last", metavar="N", min=1, help="Show only the last N evaluations.")] = None,
    every: Annotated[
        int | None,
        option(
            "--every",
            metavar="N",
            min=1,
            help=f"Show every Nth evaluation and the last. Default: all, or of many {MAX_SHOWN}, evenly spread; with "
            "--columns as many as fit.",
        ),
    ] = None,
    columns: Annotated[bool, typer.Option("--columns", help="Show the samples side by side.")] = False,
    as_json: Json = False,
) -> None:
    """Show how the text of a run improved.

    This is what the network wrote at each evaluation, with the losses there.

    \b
    charlstm samples
    charlstm samples macbeth --last 1
    charlstm samples macbeth --columns
    """
    folder = find_recorded_run(run)
    if run is None:
        say(f"the newest run: {folder.path}")
    limit = num_columns() if columns and not as_json else MAX_SHOWN
    chosen = _chosen_samples(folder, last=last, every=every, limit=limit)
    if as_json:
        print(json.dumps([sample.to_json() for sample in chosen], indent=2))
    elif columns:
        for start in range(0, len(chosen), limit):
            for line in [*([""] if start else []), *sample_columns(chosen[start : start + limit])]:
                print(line)
    else:
        print(sample_list(chosen), end="")


def _chosen_samples(folder: RunFolder, *, last: int | None, every: int | None, limit: int) -> list[RecordedSample]:
    """Return the samples to show, the oldest first. Raises RunError if there are none."""
    steps = [step for step, _ in read_samples(folder)]
    if not steps:
        raise RunError(f"{folder.path} has no samples yet", hint="wait for the first evaluation")
    candidates = list(deque(steps, maxlen=last))
    shown = set(_spread(candidates, every=every, limit=len(candidates) if last else limit))
    if every is None and len(shown) < len(candidates):
        say(f"{len(shown)} of {len(candidates):,} evaluations; --every 1 shows all, --last N the last")
    figures = {figures.step: figures for figures in read_evaluations(folder)}
    best = min(figures.values(), key=lambda one: one.validation_nats).step
    has_several = any(one.network > 1 for one in figures.values())
    return [
        RecordedSample(step, text, figures.get(step), step == best, has_several)
        for step, text in islice(read_samples(folder), len(steps))
        if step in shown
    ]


def _spread(steps: Sequence[int], *, every: int | None, limit: int) -> list[int]:
    """Return every Nth step and the last one, or, without a number, at most `limit` steps with the first and last."""
    if every is not None:
        return [*reversed(steps[::-1][::every])]
    if len(steps) <= limit:
        return list(steps)
    if limit == 1:
        return [steps[-1]]
    return [steps[round(index * (len(steps) - 1) / (limit - 1))] for index in range(limit)]
