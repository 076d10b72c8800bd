"""Progress bars on a terminal; nothing elsewhere."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from charlstm.cli.display.messages import console

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

Item = TypeVar("Item")


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
