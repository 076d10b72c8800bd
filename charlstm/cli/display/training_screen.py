"""The progress of a run: a live screen on a terminal, lines elsewhere, only warnings if quiet."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from rich.text import Text

from charlstm.cli.display.messages import clock, console, loss, say, visible, warn

if TYPE_CHECKING:
    from rich.console import RenderableType

    from charlstm.training.history import Evaluation, Progress
    from charlstm.training.reporting import TrainingReporter


@contextmanager
def training_display(*, quiet: bool) -> "Iterator[TrainingReporter]":
    """Yield a reporter that shows training: a screen on a terminal, lines elsewhere, only warnings if quiet."""
    if quiet:
        yield QuietReporter()
    elif console.is_terminal:
        with TrainingScreen() as screen:
            yield screen
    else:
        yield LineReporter()


class LineReporter:
    """Prints a line for each evaluation, for files and pipes."""

    def on_step(self, progress: "Progress") -> None:
        pass

    def on_evaluation(self, evaluation: "Evaluation") -> None:
        say(
            f"step {evaluation.step:,}  epoch {evaluation.epoch:.2f}  {clock(evaluation.seconds)}  "
            f"training {loss(evaluation.train_nats)}  "
            f"validation {loss(evaluation.validation.nats_per_character)}{'  best' if evaluation.is_best else ''}  "
            f"{evaluation.characters_per_second:,.0f} characters/s"
        )

    def on_warning(self, message: str) -> None:
        warn(message)


class QuietReporter:
    """Prints only warnings."""

    def on_step(self, progress: "Progress") -> None:
        pass

    def on_evaluation(self, evaluation: "Evaluation") -> None:
        pass

    def on_warning(self, message: str) -> None:
        warn(message)


class TrainingScreen:
    """A progress bar, the losses, the speed and the latest sample, updated in place."""

    def __init__(self) -> None:
        from rich.live import Live
        from rich.progress_bar import ProgressBar

        self._progress: Progress | None = None
        self._evaluation: Evaluation | None = None
        self._best: Evaluation | None = None
        self._bar = ProgressBar(total=1.0)
        self._live = Live(console=console, get_renderable=self._render, refresh_per_second=4, transient=True)

    def __enter__(self) -> "TrainingScreen":
        self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        with suppress(OSError):  # the terminal is gone
            self._live.stop()

    def on_step(self, progress: "Progress") -> None:
        self._progress = progress

    def on_evaluation(self, evaluation: "Evaluation") -> None:
        self._evaluation = evaluation
        if evaluation.is_best:
            self._best = evaluation

    def on_warning(self, message: str) -> None:
        warn(message)

    def _render(self) -> "RenderableType":
        from rich.console import Group
        from rich.panel import Panel

        if self._progress is None:
            return Text("building the network")
        rows: list[RenderableType] = [self._progress_row(self._progress), self._loss_rows(self._progress)]
        if self._evaluation:
            sample = Text(visible(self._evaluation.sample, keep="\n"))
            rows.append(Panel(sample, title="latest sample", title_align="left", height=10))
        return Group(*rows)

    def _progress_row(self, progress: "Progress") -> "RenderableType":
        from rich.table import Table

        fraction_done = progress.fraction_done
        self._bar.update(completed=fraction_done)
        remaining = progress.seconds * (1 / fraction_done - 1) if fraction_done else 0.0
        row = Table.grid(padding=(0, 2))
        row.add_column(ratio=1)
        row.add_row(self._bar, f"{fraction_done:.0%}", f"{clock(progress.seconds)} elapsed", f"{clock(remaining)} left")
        return row

    def _loss_rows(self, progress: "Progress") -> "RenderableType":
        from rich.table import Table

        validation = "none yet"
        if self._evaluation and self._best:
            best_nats = self._best.validation.nats_per_character
            validation = loss(self._evaluation.validation.nats_per_character)
            validation += f", best {best_nats:.4f} at epoch {self._best.epoch:.2f}"
        rows = Table.grid(padding=(0, 2))
        rows.add_row("training", loss(progress.train_nats), f"epoch {progress.epoch:.2f}, step {progress.step:,}")
        rows.add_row("validation", validation, f"{progress.characters_per_second:,.0f} characters/s")
        return rows
