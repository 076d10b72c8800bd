"""A sweep while it goes on and at its end: a table of its best trials, and the progress of the current one."""

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from charlstm.cli.display.live_table import ExperimentDisplay
from charlstm.cli.display.messages import clock
from charlstm.cli.options import FIELD_OPTIONS
from charlstm.figures import counted, plain

if TYPE_CHECKING:
    from charlstm.experiments.search_space import Value
    from charlstm.experiments.sweep_outcomes import Trial
    from charlstm.experiments.sweep_plan import SweepPlan

NUM_SHOWN = 10  # of the best trials
GAP = "  "


def setting_name(field: str) -> str:
    """Return the option of a field without its dashes: `layers`, `learning-rate`."""
    return FIELD_OPTIONS.get(field, field).removeprefix("--").replace("_", "-")


def setting_value(value: "Value") -> str:
    return value if isinstance(value, str) else plain(value)


def trial_lines(
    trials: "Sequence[Trial]", fields: Sequence[str], *, width: int | None, num_shown: int = NUM_SHOWN
) -> list[str]:
    """Return a table of the best trials that are done; the last settings are left out of a narrow terminal.

    Without a width lines may have any length.
    """
    done = [trial for trial in trials if trial.is_done]
    ranked = sorted(done, key=lambda trial: (trial.state != "complete", trial.bits or math.inf))
    columns = [
        ["trial", *(str(trial.number) for trial in ranked[:num_shown])],
        ["bits", *("" if trial.bits is None else f"{trial.bits:.4f}" for trial in ranked[:num_shown])],
        ["time", *("" if trial.seconds is None else clock(trial.seconds) for trial in ranked[:num_shown])],
        ["", *(_remark(trial) for trial in ranked[:num_shown])],
    ]
    columns += [
        [setting_name(field), *(setting_value(trial.values.get(field, "")) for trial in ranked[:num_shown])]
        for field in fields
    ]
    columns = [column for column in columns if any(column)]
    widths = [max(map(len, column)) for column in columns]
    while width and len(columns) > 2 and sum(widths) + len(GAP) * (len(widths) - 1) > width:
        columns.pop(), widths.pop()
    rows = zip(*columns, strict=True)
    lines = [GAP.join(cell.rjust(size) for cell, size in zip(row, widths, strict=True)).rstrip() for row in rows]
    num_given_up = sum(trial.state == "pruned" for trial in done)
    return [*lines, counted(len(done), "trial") + (f", {num_given_up} of them given up early" if num_given_up else "")]


def _remark(trial: "Trial") -> str:
    """Say of a trial that its settings were chosen as for `train`, or that it was given up."""
    remarks = ("automatic" if trial.is_automatic else "", "" if trial.state == "complete" else trial.state)
    return ", ".join(filter(None, remarks))


def importance_line(importances: dict[str, float]) -> str:
    """Say which settings matter, in shares of 100."""
    return "importance: " + ", ".join(f"{setting_name(field)} {share:.0%}" for field, share in importances.items())


@contextmanager
def sweep_display(*, num_trials: int) -> "Iterator[SweepDisplay]":
    """Yield a reporter that shows a sweep: a table of the best trials on a terminal, lines elsewhere."""
    with ExitStack() as stack:
        yield SweepDisplay(num_trials, stack)


class SweepDisplay(ExperimentDisplay):
    """Shows the best trials so far and the progress of the current one."""

    def __init__(self, num_trials: int, stack: ExitStack) -> None:
        self._num_trials, self._trials, self._fields = num_trials, list["Trial"](), list[str]()
        super().__init__(lambda width: trial_lines(self._trials, self._fields, width=width), stack)

    def on_plan(self, plan: "SweepPlan") -> None:
        self._fields = [dimension.field for dimension in plan.dimensions]

    def on_trials(self, trials: "list[Trial]") -> None:
        self._trials = trials

    def on_trial_start(self, number: int, values: "dict[str, Value]", num_done: int) -> None:
        settings = ", ".join(f"{setting_name(field)} {setting_value(value)}" for field, value in values.items())
        from charlstm.experiments.sweep_outcomes import AUTOMATIC

        name = f"trial {number} (automatic)" if number == AUTOMATIC else f"trial {number}"
        self._table.start_run(f"{name}, {num_done} of {self._num_trials} done", details=f": {settings}")

    def on_trial_end(self, number: int, bits: float | None, *, is_pruned: bool) -> None:
        figures = "no evaluation" if bits is None else f"{bits:.4f} bits per character"
        self._table.end_run(f"trial {number}: {figures}{', given up' if is_pruned else ''}")

    def on_waiting(self, num_running: int) -> None:
        self._table.start_run("waiting for other processes", progress=counted(num_running, "trial"))
