"""Runs that differ in their random seeds: a table, and its last lines with the mean."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from charlstm.cli.display.live_table import ExperimentDisplay
from charlstm.cli.display.messages import clock

if TYPE_CHECKING:
    from charlstm.experiments.repeats import RepeatedRun

HEADING = f"{'seed':>8}{'bits':>9}{'epoch':>8}{'time':>9}"


def repeat_lines(runs: "list[RepeatedRun]") -> list[str]:
    """Return a line for each run, and below them the mean, the deviation and the interval of their losses."""
    lines = [HEADING]
    for run in runs:
        time = clock(run.evaluations[-1].seconds)
        lines.append(f"{run.random_seed:>8}{run.bits:>9.4f}{run.best.epoch:>8.2f}{time:>9}")
    return [*lines, *_estimate_lines(runs)] if runs else lines


def _estimate_lines(runs: "list[RepeatedRun]") -> list[str]:
    from charlstm.experiments.statistics import Estimate

    estimate = Estimate.of([run.bits for run in runs])
    if estimate.standard_deviation is None or estimate.half_width is None:
        return []
    low, high = estimate.mean - estimate.half_width, estimate.mean + estimate.half_width
    return [
        f"mean of {estimate.num_runs} runs: {estimate.mean:.4f} bits per character",
        f"standard deviation: {estimate.standard_deviation:.4f}",
        f"95% interval of the mean: {low:.4f} to {high:.4f} (+-{estimate.half_width:.4f})",
    ]


@contextmanager
def repeat_display(*, num_runs: int) -> "Iterator[RepeatDisplay]":
    """Yield a reporter that shows repeated runs: a table that grows on a terminal, lines elsewhere."""
    with ExitStack() as stack:
        yield RepeatDisplay(num_runs, stack)


class RepeatDisplay(ExperimentDisplay):
    """Shows the complete runs and the progress of the current one."""

    def __init__(self, num_runs: int, stack: ExitStack) -> None:
        self._num_runs, self._runs = num_runs, list["RepeatedRun"]()
        super().__init__(lambda _: repeat_lines(self._runs), stack)

    def on_run_start(self, random_seed: int, number: int) -> None:
        self._table.start_run(f"random seed {random_seed}, run {number} of {self._num_runs}")

    def on_run_end(self, runs: "list[RepeatedRun]") -> None:
        self._runs = runs
        self._table.end_run(f"random seed {runs[-1].random_seed}: {runs[-1].bits:.4f} bits per character")
