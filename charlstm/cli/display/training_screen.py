"""The progress of a run: a live screen on a terminal, lines elsewhere, nothing if quiet."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from rich.text import Text

from charlstm.cli.display.messages import clock, console, loss, say, visible, warn

if TYPE_CHECKING:
    from rich.console import RenderableType

    from charlstm.training.history import Evaluation, Listener, Progress


@contextmanager
def training_display(*, quiet: bool) -> "Iterator[Listener]":
    """Whoever shows how a training goes: a screen on a terminal, lines elsewhere, nothing if quiet."""
    if quiet:
        yield TrainingSilence()
    elif console.is_terminal:
        with TrainingScreen() as screen:
            yield screen
    else:
        yield TrainingLines()


class TrainingLines:
    """A plain line for each evaluation: for files and pipes."""

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


class TrainingSilence:
    """Nothing but trouble."""

    def on_step(self, progress: "Progress") -> None:
        pass

    def on_evaluation(self, evaluation: "Evaluation") -> None:
        pass

    def on_warning(self, message: str) -> None:
        warn(message)


class TrainingScreen:
    """A progress bar, the losses, the speed and what the network writes now, kept up to date in place."""

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

    def __exit__(self, *problem: object) -> None:
        with suppress(OSError):  # a terminal that has gone away
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
        from rich.table import Table

        progress, evaluation, best = self._progress, self._evaluation, self._best
        if progress is None:
            return Text("building the network")
        self._bar.update(completed=progress.done)
        left = progress.seconds * (1 / progress.done - 1) if progress.done else 0.0
        head = Table.grid(padding=(0, 2))
        head.add_column(ratio=1)
        head.add_row(self._bar, f"{progress.done:.0%}", f"{clock(progress.seconds)} elapsed", f"{clock(left)} left")
        figures = Table.grid(padding=(0, 2))
        figures.add_row("training", loss(progress.train_nats), f"epoch {progress.epoch:.2f}, step {progress.step:,}")
        speed = f"{progress.characters_per_second:,.0f} characters/s"
        if evaluation and best:
            best_loss = f", best {best.validation.nats_per_character:.4f} at epoch {best.epoch:.2f}"
            figures.add_row("validation", loss(evaluation.validation.nats_per_character) + best_loss, speed)
        else:
            figures.add_row("validation", "not yet", speed)
        rows: list[RenderableType] = [head, figures]
        if evaluation:
            sample = Text(visible(evaluation.sample, keep="\n"))
            rows.append(Panel(sample, title="what it writes now", title_align="left", height=10))
        return Group(*rows)
