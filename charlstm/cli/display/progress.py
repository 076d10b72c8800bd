"""Progress of work that takes a while: bars and notices on a terminal, nothing elsewhere."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Timer
from typing import TYPE_CHECKING, TypeVar

from charlstm.cli.display.messages import can_redraw, console, say

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

NOTICE_AFTER = 1.0  # seconds
COMPILING = "compiling the network for this machine; this takes some seconds the first time"

Item = TypeVar("Item")


def progress_over(items: Iterable[Item], label: str, *, total: int) -> Iterator[Item]:
    """Yield the items behind a progress bar that disappears at the end."""
    from rich.progress import track

    return iter(track(items, label, total=total, console=console, transient=True, disable=not can_redraw()))


@contextmanager
def progress_bar(label: str, *, total: int) -> Iterator[Callable[[int], None]]:
    """Yield a function that shows how much is done, on a bar that disappears at the end."""
    from rich.progress import Progress

    with Progress(console=console, transient=True, disable=not can_redraw()) as progress:
        task = progress.add_task(label, total=total)
        yield lambda done: progress.update(task, completed=done)


@contextmanager
def notice_if_slow(line: str) -> Iterator[None]:
    """Show a line on a terminal if the work in this context takes longer than a moment."""
    timer = Timer(NOTICE_AFTER, say, [line])
    if console.is_terminal:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


class DownloadBar:
    """The progress of a download."""

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


@contextmanager
def download_bar(label: str) -> Iterator[DownloadBar]:
    """Show a progress bar for a download."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True, disable=not can_redraw()) as progress:
        yield DownloadBar(progress, label)
