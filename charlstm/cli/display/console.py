"""Everything that is shown on the screen: the only place that knows Rich. It writes to stderr; stdout is the result."""

import math
import os
import sys
import tempfile
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.progress import Progress as RichProgress

    from charlstm.experiments.outcomes import Outcome
    from charlstm.training.history import Evaluation, Listener, Progress

Item = TypeVar("Item")

console = Console(stderr=True, highlight=False)


def terminal_width() -> int:
    """Columns that can be written in."""
    return console.width


def say(line: str, style: str = "") -> None:
    """One line of status, never wrapped. A terminal that has gone away stops nobody's work."""
    with suppress(OSError):
        console.print(Text(visible(line), style=style), soft_wrap=True)


def warn(line: str) -> None:
    """One line about what did not go as it should."""
    with suppress(OSError):
        console.print(Text.assemble(("warning: ", "bold yellow"), visible(line)), soft_wrap=True)


def show_error(message: str, hint: str) -> None:
    """What is wrong, on one line, and on the next what to do about it."""
    console.print(Text.assemble(("error: ", "bold red"), visible(message)), soft_wrap=True)
    if hint:
        console.print(Text.assemble(("hint: ", "bold"), visible(hint)), soft_wrap=True)


def visible(text: str, *, keep: str = "") -> str:
    """The text with every control character written out, so that it cannot drive the terminal."""
    return "".join(
        character
        if character in keep or unicodedata.category(character) not in ("Cc", "Cf", "Cs")
        else character.encode("unicode_escape").decode()
        for character in text
    )


def changes_line(changes: dict[str, str]) -> str:
    """What was done about unknown characters, in a line."""
    replaced = [f"{_name(old)} to {_name(new)}" for old, new in changes.items() if new]
    left_out = [_name(old) for old, new in changes.items() if not new]
    parts = []
    if replaced:
        parts.append("changed " + _some(replaced))
    if left_out:
        parts.append("left out " + _some(left_out))
    return f"characters that the model does not know: {'; '.join(parts)}"


def _some(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _name(character: str) -> str:
    code_point = f"U+{ord(character):04X}"
    return f"{character} ({code_point})" if character.isprintable() and character.strip() else code_point


def progress_over(items: Iterable[Item], label: str, *, total: int) -> Iterator[Item]:
    """Pass the items on, with a progress bar on a terminal that goes away at the end."""
    from rich.progress import track

    return iter(track(items, label, total=total, console=console, transient=True, disable=not console.is_terminal))


class DownloadBar:
    """How far a download is; what pooch asks of a bar."""

    def __init__(self, progress: "RichProgress", label: str) -> None:
        self._progress, self._task, self._total = progress, progress.add_task(label, total=None), 0

    @property
    def total(self) -> int:
        return self._total

    @total.setter
    def total(self, total: int) -> None:
        self._total = total
        self._progress.update(self._task, total=total or None)

    def update(self, size: int) -> None:
        self._progress.advance(self._task, size)

    def reset(self) -> None:
        self._progress.reset(self._task)

    def close(self) -> None:
        pass


@contextmanager
def download_bar(label: str) -> Iterator[DownloadBar]:
    """A bar for a download, on a terminal; nothing elsewhere."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield DownloadBar(progress, label)


@contextmanager
def starting_tensorflow(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """A status line while TensorFlow is imported, and silence for what it says meanwhile.

    Yields a function that changes the line.
    """
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["KERAS_BACKEND"] = "tensorflow"
    with _own_stderr(), nullcontext() if quiet else console.status("starting TensorFlow") as status:
        yield status.update if status else lambda _: None


@contextmanager
def _own_stderr() -> Iterator[None]:
    """Send what libraries write to file descriptor 2 to a file, and only show it if an exception passes."""
    sys.stderr.flush()
    with os.fdopen(os.dup(2), "w", encoding="utf-8") as screen, tempfile.TemporaryFile() as chatter:
        goes_to_screen = console.file is sys.__stderr__
        if goes_to_screen:
            console.file = screen
        os.dup2(chatter.fileno(), 2)
        try:
            yield
        except Exception:
            chatter.seek(0)
            screen.write(chatter.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(screen.fileno(), 2)
            if goes_to_screen:
                console.file = sys.stderr


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


def loss(nats: float) -> str:
    return f"{nats:.4f} nats ({nats / math.log(2):.4f} bits)"


def clock(seconds: float) -> str:
    """1:02:03 or 2:03."""
    hours, rest = divmod(round(seconds), 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
