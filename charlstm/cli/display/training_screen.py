"""The progress of a run: a live screen on a terminal, lines elsewhere, only warnings if quiet."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.text import Text

from charlstm.cli.display.live_display import LiveDisplay
from charlstm.cli.display.messages import can_redraw, clock, loss, say, warn
from charlstm.cli.display.rows import Value, row
from charlstm.cli.display.run_record import RunRecord
from charlstm.cli.display.sample_list import printable_lines

if TYPE_CHECKING:
    from rich.console import RenderableType

    from charlstm.training.history import Evaluation, Progress
    from charlstm.training.reporting import TrainingReporter

NAME_WIDTH = 12  # columns
NARROW = 60  # columns; below, the screen has the most important figures only
MIN_SAMPLE_HEIGHT, MAX_SAMPLE_HEIGHT = 4, 10  # rows, with the frame
MIN_EVALUATION_SHOWN = 1.0  # seconds that an evaluation takes before it is named
MIN_SILENCE, MAX_SILENT_SHARE = 10.0, 0.05  # seconds between two lines, and share of the time trained


@contextmanager
def training_display(record: RunRecord, *, quiet: bool, member: str = "") -> "Iterator[TrainingReporter]":
    """Yield a reporter that shows training: a screen on a terminal, lines elsewhere, only warnings if quiet.

    `member` says which of several networks is trained: "2 of 3".
    """
    if quiet:
        yield QuietReporter(record)
    elif can_redraw():
        screen = TrainingScreen(record, member=member)
        with screen.display:
            yield screen
    else:
        yield LineReporter(record)


class QuietReporter:
    """Prints only warnings."""

    def __init__(self, record: RunRecord) -> None:
        self._record = record

    def on_step(self, progress: "Progress") -> None:
        pass

    def on_evaluation_start(self) -> None:
        pass

    def on_evaluation(self, evaluation: "Evaluation") -> None:
        self._record.add(evaluation)

    def on_warning(self, message: str) -> None:
        warn(message)


class LineReporter:
    """Prints a line for each evaluation, and fewer and fewer between them: for files, pipes and dumb terminals."""

    def __init__(self, record: RunRecord) -> None:
        self._record = record
        self._shown_at: float | None = None  # seconds of training
        self._network = ""
        self._findings = set[str]()

    def on_step(self, progress: "Progress") -> None:
        seconds = progress.seconds
        if progress.num_networks > 1 and network_name(progress) != self._network:
            self._network = network_name(progress)
            say(f"network {self._network}")
        if self._shown_at is None:
            self._shown_at = seconds
        elif seconds - self._shown_at >= max(MIN_SILENCE, MAX_SILENT_SHARE * seconds):
            self._shown_at = seconds
            say(
                f"step {progress.step:,}  {progress.fraction_done:.0%}  {clock(seconds)} elapsed  "
                f"{clock(seconds_left(progress))} left  training {loss(progress.train_nats)}"
            )

    def on_evaluation_start(self) -> None:
        pass

    def on_evaluation(self, evaluation: "Evaluation") -> None:
        self._record.add(evaluation)
        self._shown_at = evaluation.seconds
        say(
            f"step {evaluation.step:,}  epoch {evaluation.epoch:.2f}  {clock(evaluation.seconds)}  "
            f"training {loss(evaluation.train_nats)}  "
            f"validation {loss(evaluation.validation.nats_per_character)}{'  best' if evaluation.is_best else ''}  "
            f"{evaluation.characters_per_second:,.0f} characters/s"
        )
        finding = self._record.finding()
        kind = finding.partition(" ")[0]
        if finding and kind not in self._findings:
            self._findings.add(kind)
            say(finding)

    def on_warning(self, message: str) -> None:
        warn(message)


class TrainingScreen:
    """A progress bar, the losses, the speed and the latest sample, updated in place."""

    def __init__(self, record: RunRecord, *, member: str = "") -> None:
        from rich.progress_bar import ProgressBar

        self.display = LiveDisplay(self.render)
        self._record, self._member = record, member
        self._progress: Progress | None = None
        self._sample: str | None = None
        self._finding = ""
        self._evaluating_since: float | None = None
        self._bar = ProgressBar(total=1.0)

    def on_step(self, progress: "Progress") -> None:
        if self._progress is None:
            self._finding = self._record.finding()
        self._progress, self._evaluating_since = progress, None

    def on_evaluation_start(self) -> None:
        self._evaluating_since = time.monotonic()

    def on_evaluation(self, evaluation: "Evaluation") -> None:
        self._evaluating_since = None
        self._record.add(evaluation)
        self._finding = self._record.finding()
        self._sample = evaluation.sample

    def on_warning(self, message: str) -> None:
        self.display.refresh()
        warn(message)

    def render(self, width: int, height: int) -> "RenderableType":
        """Return what fits a terminal of this size."""
        from rich.console import Group

        if self._progress is None:
            return Text("building the network")
        figures = "\n".join(row(name.ljust(NAME_WIDTH), parts, width=width) for name, parts in self._rows(width))
        rows: list[RenderableType] = [self._progress_row(self._progress, width), Text(figures)]
        sample_height = min(MAX_SAMPLE_HEIGHT, height - 3 - figures.count("\n"))
        if self._sample is not None and sample_height >= MIN_SAMPLE_HEIGHT:
            rows.append(sample_panel(self._sample, title="latest sample", height=sample_height))
        return Group(*rows)

    def _progress_row(self, progress: "Progress", width: int) -> "RenderableType":
        from rich.table import Table

        self._bar.update(completed=progress.fraction_done)
        times = [f"{clock(progress.seconds)} elapsed"] if width >= NARROW else []
        times += [f"{clock(seconds_left(progress))} left"]
        grid = Table.grid(padding=(0, 2))
        grid.add_column(ratio=1)
        for _ in ("percentage", *times):
            grid.add_column(no_wrap=True)
        grid.add_row(self._bar, f"{progress.fraction_done:.0%}", *times)
        return grid

    def _rows(self, width: int) -> list[tuple[str, Value]]:
        progress = self._progress
        if progress is None:
            return []
        validation, best = ["none yet"], self._record.best
        if best:
            validation = [loss(self._record.evaluations[-1].validation_nats)]
            validation += [f"best {best.validation_nats:.4f} at epoch {best.epoch:.2f}"]
        speed = f"{progress.characters_per_second:,.0f} characters/s"
        if self._evaluating_since and time.monotonic() - self._evaluating_since >= MIN_EVALUATION_SHOWN:
            speed = "evaluating on the validation text"
        rows: list[tuple[str, Value]] = [("member", [self._member])] if self._member else []
        if progress.num_networks > 1:
            rows.append(("network", [network_name(progress)]))
        rows += [
            ("training", [loss(progress.train_nats)]),
            ("validation", validation),
            ("progress", [f"epoch {progress.epoch:.2f}", f"step {progress.step:,}", speed]),
        ]
        finding = self._finding if width >= NARROW else self._finding.partition(":")[0]
        return rows + ([("note", finding)] if finding else [])


def sample_panel(sample: str, *, title: str, height: int | None = None) -> "RenderableType":
    """Return a generated text in a frame."""
    from rich.panel import Panel

    text = Text("\n".join(printable_lines(sample)))
    return Panel(text, title=title, title_align="left", height=height)


def network_name(progress: "Progress") -> str:
    """Say which network of a run with teachers is trained."""
    role = "a teacher" if progress.network < progress.num_networks else "learns from its teachers"
    if progress.teachers_generate:
        role = "its teachers generate text and predict it"
    return f"{progress.network} of {progress.num_networks}: {role}"


def seconds_left(progress: "Progress") -> float:
    """Return how many seconds a run still takes if it goes on as before."""
    return progress.seconds * (1 / progress.fraction_done - 1) if progress.fraction_done else 0.0
