"""The outcomes of a comparison: a table that grows while networks are trained, and a plot."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from charlstm.cli.display.library_startup import starting_tensorflow
from charlstm.cli.display.messages import console, loss, say, visible, warn
from charlstm.cli.display.plots import Line, Panel, save_plot

if TYPE_CHECKING:
    from rich.console import RenderableType

    from charlstm.experiments.outcomes import Outcome
    from charlstm.training.history import Evaluation, Progress


def comparison_lines(outcomes: "list[Outcome]", budget: str) -> list[str]:
    """Return a table of the cells, the best first, as it is printed at the end.

    The budget is what all of them had the same amount of; how much of the text they read in it differs.
    """
    from charlstm.experiments.outcomes import summarize

    header = f"{'cell':<14}{'units':>6}{'parameters':>12}{'characters/s':>14}{'text read':>11}{'bits':>8}{'+-':>8}"
    lines = [budget, f"{header}  best line"]
    for summary in summarize(outcomes):
        half_range = f"{summary.half_range:.4f}" if summary.num_repeats > 1 else ""
        lines.append(
            f"{summary.cell:<14}{summary.units:>6}{summary.num_parameters:>12,}"
            f"{summary.characters_per_second:>14,.0f}{_share(summary.epochs):>11}{summary.bits:>8.4f}{half_range:>8}  "
            f"{visible(summary.line)}"
        )
    return lines


def _share(epochs: float) -> str:
    """Return how much of the text was read: a share of it, or how many times."""
    return f"{epochs:.0%}" if epochs < 0.995 else f"{epochs:.1f} times"


def save_comparison_plot(path: Path, outcomes: "list[Outcome]") -> None:
    """Draw the learning curves of all runs, over time and over characters."""
    curves = [(outcome.cell, outcome.curve) for outcome in outcomes]
    over_time = [Line(cell, [p.seconds for p in curve], [p.bits for p in curve]) for cell, curve in curves]
    over_text = [Line(cell, [p.characters for p in curve], [p.bits for p in curve]) for cell, curve in curves]
    panels = [
        Panel(over_time, "validation loss over time", "seconds", "bits per character"),
        Panel(over_text, "validation loss over characters", "characters trained on", "bits per character"),
    ]
    save_plot(path, panels)


@contextmanager
def comparison_display(*, num_runs: int, plot: Path) -> "Iterator[ComparisonDisplay]":
    """Yield a reporter that shows a comparison: a table that grows on a terminal, lines elsewhere."""
    with ExitStack() as stack:
        yield ComparisonDisplay(num_runs, plot, stack)


class ComparisonDisplay:
    """Shows the outcomes so far and the progress of the current run, and keeps the plot up to date."""

    def __init__(self, num_runs: int, plot: Path, stack: ExitStack) -> None:
        self._num_runs, self._plot, self._stack = num_runs, plot, stack
        self._outcomes = list["Outcome"]()
        self._run, self._progress, self._budget = "", "", ""
        self._is_live = False

    def on_message(self, message: str) -> None:
        say(message)

    def on_warning(self, message: str) -> None:
        warn(message)

    def starting_tensorflow(self) -> AbstractContextManager[Callable[[str], None]]:
        return starting_tensorflow(quiet=bool(self._run))  # then the table shows the progress

    def on_budget(self, budget: str) -> None:
        self._budget = budget

    def on_run_start(self, cell: str, repeat: int, number: int) -> None:
        self._run, self._progress = f"{cell}, run {number} of {self._num_runs}", ""
        if not console.is_terminal:
            say(f"{self._run} (repeat {repeat + 1})")
        elif not self._is_live:
            self._start_live_table()

    def on_outcomes(self, outcomes: "list[Outcome]") -> None:
        self._outcomes = outcomes
        if not console.is_terminal:
            newest = outcomes[-1]
            speed, read = newest.characters_per_second, _share(newest.evaluations[-1].epoch)
            say(f"{newest.cell}: {newest.bits:.4f} bits per character, {speed:,.0f} characters/s, text read: {read}")
        save_comparison_plot(self._plot, outcomes)

    def on_step(self, progress: "Progress") -> None:
        self._progress = f"{progress.fraction_done:.0%}, training {loss(progress.train_nats)}"

    def on_evaluation(self, evaluation: "Evaluation") -> None:
        pass

    def _start_live_table(self) -> None:
        from rich.live import Live

        self._is_live = True
        self._stack.enter_context(
            Live(console=console, get_renderable=self._render, refresh_per_second=4, transient=True)
        )

    def _render(self) -> "RenderableType":
        from rich.console import Group

        table = [
            Text(line, no_wrap=True, overflow="ellipsis") for line in comparison_lines(self._outcomes, self._budget)
        ]
        return Group(*table, Text(f"{self._run}: {self._progress or 'building the network'}", style="bold"))
