"""The outcomes of a comparison: a table that grows while networks are trained, and a plot."""

import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

from charlstm.cli.display.live_table import ExperimentDisplay
from charlstm.cli.display.messages import visible
from charlstm.cli.display.pictures import PictureStyle, save_plot
from charlstm.cli.display.plots import Line, Panel

if TYPE_CHECKING:
    from charlstm.experiments.outcomes import Outcome, Summary


@dataclass(frozen=True)
class Column:
    """A column of the table: its title, how wide it is, what it shows, and how early it is left out."""

    title: str
    width: int
    show: "Callable[[Summary], str]"
    importance: int  # columns of low importance are left out first


COLUMNS = (
    Column("units", 6, lambda summary: f"{summary.units}", 2),
    Column("parameters", 12, lambda summary: f"{summary.num_parameters:,}", 1),
    Column("characters/s", 14, lambda summary: f"{summary.characters_per_second:,.0f}", 3),
    Column("text read", 11, lambda summary: _share(summary.epochs), 4),
    Column("bits", 8, lambda summary: f"{summary.bits.mean:.4f}", 7),
    Column("std", 8, lambda summary: _deviation(summary.bits.standard_deviation), 5),
    Column("+-95%", 8, lambda summary: _deviation(summary.bits.half_width), 6),
)
CELL_WIDTH, MIN_LINE_WIDTH = 14, 20  # columns; a line that would have fewer stands below its cell


def comparison_lines(outcomes: "list[Outcome]", budget: str, *, width: int | None) -> list[str]:
    """Return a table of the cells, the best first, as it is printed at the end; None: lines may have any length.

    The budget is what all of them had the same amount of; how much of the text they read in it differs.
    """
    from charlstm.experiments.outcomes import summarize

    summaries = summarize(outcomes)
    columns = [column for column in COLUMNS if any(map(column.show, summaries))]
    while width and CELL_WIDTH + sum(column.width for column in columns) > width and len(columns) > 1:
        columns.remove(min(columns, key=lambda column: column.importance))
    line_width = None if width is None else width - CELL_WIDTH - sum(column.width for column in columns) - 2
    is_beside = line_width is None or line_width >= MIN_LINE_WIDTH
    lines = ["cell".ljust(CELL_WIDTH) + "".join(column.title.rjust(column.width) for column in columns)]
    lines[0] += "  best line" if is_beside else ""
    for summary in summaries:
        figures = "".join(column.show(summary).rjust(column.width) for column in columns)
        lines.append(summary.cell.ljust(CELL_WIDTH) + figures)
        if is_beside:
            lines[-1] += f"  {_cropped(visible(summary.line), line_width)}"
        else:
            lines.append(f"  {_cropped(visible(summary.line), width and width - 2)}")
    return [*(textwrap.wrap(budget, width, break_on_hyphens=False) if width else [budget]), *lines]


def _deviation(bits: float | None) -> str:
    return "" if bits is None else f"{bits:.4f}"


def _share(epochs: float) -> str:
    """Return how much of the text was read: a share of it, or how many times."""
    return f"{epochs:.0%}" if epochs < 0.995 else f"{epochs:.1f} times"


def _cropped(text: str, width: int | None) -> str:
    return text if width is None or cell_len(text) <= width else set_cell_size(text, width - 1) + "\u2026"


def save_comparison_plot(path: Path, outcomes: "list[Outcome]", style: PictureStyle) -> None:
    """Draw the learning curves of all runs, over time and over characters."""
    curves = [(outcome.cell, outcome.curve) for outcome in outcomes]
    over_time = [Line(cell, [p.seconds for p in curve], [p.bits for p in curve]) for cell, curve in curves]
    over_text = [Line(cell, [p.characters for p in curve], [p.bits for p in curve]) for cell, curve in curves]
    panels = [
        Panel(over_time, "validation loss over time", "seconds", "bits per character"),
        Panel(over_text, "validation loss over characters", "characters trained on", "bits per character"),
    ]
    save_plot(path, panels, style)


@contextmanager
def comparison_display(*, num_runs: int, plot: Path, style: PictureStyle) -> "Iterator[ComparisonDisplay]":
    """Yield a reporter that shows a comparison: a table that grows on a terminal, lines elsewhere."""
    with ExitStack() as stack:
        yield ComparisonDisplay(num_runs, plot, style, stack)


class ComparisonDisplay(ExperimentDisplay):
    """Shows the outcomes so far and the progress of the current run, and keeps the plot up to date."""

    def __init__(self, num_runs: int, plot: Path, style: PictureStyle, stack: ExitStack) -> None:
        self._num_runs, self._plot, self._style = num_runs, plot, style
        self._outcomes, self._budget = list["Outcome"](), ""
        super().__init__(lambda width: comparison_lines(self._outcomes, self._budget, width=width), stack)

    def on_budget(self, budget: str) -> None:
        self._budget = budget

    def on_run_start(self, cell: str, repeat: int, number: int) -> None:
        self._table.start_run(f"{cell}, run {number} of {self._num_runs}", details=f" (repeat {repeat + 1})")

    def on_outcomes(self, outcomes: "list[Outcome]") -> None:
        self._outcomes = outcomes
        newest = outcomes[-1]
        speed, read = newest.characters_per_second, _share(newest.evaluations[-1].epoch)
        figures = f"{newest.bits:.4f} bits per character, {speed:,.0f} characters/s, text read: {read}"
        self._table.end_run(f"{newest.cell}: {figures}")
        save_comparison_plot(self._plot, outcomes, self._style)
