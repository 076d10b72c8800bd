"""The outcomes of a comparison as a table that grows while networks are trained."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.text import Text

from charlstm.cli.display.messages import console, loss, say, visible, warn

if TYPE_CHECKING:
    from rich.console import RenderableType

    from charlstm.experiments.outcomes import Outcome
    from charlstm.training.history import Evaluation, Progress


def comparison_lines(outcomes: "list[Outcome]") -> list[str]:
    """A table of the cells, the best first: what stands on stdout at the end."""
    from charlstm.experiments.outcomes import summaries

    lines = [f"{'cell':<14}{'units':>6}{'parameters':>12}{'characters/s':>14}{'bits':>8}{'+-':>8}  best line"]
    for summary in summaries(outcomes):
        spread = f"{summary.spread:.4f}" if summary.repeats > 1 else ""
        lines.append(
            f"{summary.cell:<14}{summary.units:>6}{summary.parameters:>12,}{summary.characters_per_second:>14,.0f}"
            f"{summary.bits:>8.4f}{spread:>8}  {visible(summary.line)}"
        )
    return lines


@contextmanager
def comparison_display(*, total: int) -> "Iterator[ComparisonDisplay]":
    """Whoever shows how a comparison goes: a table that grows on a terminal, lines elsewhere."""
    display = ComparisonDisplay(total)
    if not console.is_terminal:
        yield display
        return
    from rich.live import Live

    with Live(console=console, get_renderable=display.render, refresh_per_second=4, transient=True):
        yield display


class ComparisonDisplay:
    """What has come out so far, and how the training of now goes."""

    def __init__(self, total: int) -> None:
        self._total, self._outcomes = total, list["Outcome"]()
        self._now, self._progress = "", ""

    def begin(self, cell: str, repeat: int) -> None:
        self._now, self._progress = f"{cell}, training {len(self._outcomes) + 1} of {self._total}", ""
        if not console.is_terminal:
            say(f"{self._now} (repeat {repeat + 1})")

    def show(self, outcomes: "list[Outcome]") -> None:
        self._outcomes = list(outcomes)
        if not console.is_terminal:
            newest = outcomes[-1]
            say(f"{newest.cell}: {newest.bits:.4f} bits per character, {newest.speed:,.0f} characters/s")

    def on_step(self, progress: "Progress") -> None:
        self._progress = f"{progress.done:.0%}, training {loss(progress.train_nats)}"

    def on_evaluation(self, evaluation: "Evaluation") -> None:
        pass

    def on_warning(self, message: str) -> None:
        warn(message)

    def render(self) -> "RenderableType":
        from rich.console import Group

        table = [Text(line, no_wrap=True, overflow="ellipsis") for line in comparison_lines(self._outcomes)]
        return Group(*table, Text(f"{self._now}: {self._progress or 'building the network'}", style="bold"))
