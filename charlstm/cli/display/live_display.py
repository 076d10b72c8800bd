"""Lines at the end of the terminal that are drawn again and again, also in a window that changes its size."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from rich.text import Text

from charlstm.cli.display.messages import can_redraw, console, draws_ascii, is_terminal, say

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import RenderableType
    from rich.live import Live

MARGIN = 3  # columns on the right that stay free, for the ^C that a terminal writes at the cursor
REFRESH_PER_SECOND = 4

Render = Callable[[int, int], "RenderableType"]  # of columns and rows


class LiveDisplay:
    """Draws what a function returns for the size of the terminal, and leaves nothing behind at the end.

    A terminal that becomes narrower breaks the lines it shows. They take more rows then, and all of these are erased.
    """

    def __init__(self, render: Render) -> None:
        self._render = render
        self._width, self._row_widths = console.width, list[int]()  # at the last drawing
        self._live: Live | None = None

    def __enter__(self) -> "LiveDisplay":
        from rich.live import Live

        self._live = Live(
            console=console, get_renderable=self._draw, refresh_per_second=REFRESH_PER_SECOND, transient=True
        )
        self._live.start()
        return self

    def __exit__(
        self,
        kind: "type[BaseException] | None",
        exception: BaseException | None,
        traceback: "TracebackType | None",
    ) -> None:
        if self._live:
            with suppress(OSError):  # the terminal is gone
                self._live.stop()

    def refresh(self) -> None:
        """Draw now; call it before a message is shown above the lines."""
        if self._live:
            with suppress(OSError):
                self._live.refresh()

    def _draw(self) -> "RenderableType":
        from rich.segment import Segment, SegmentLines

        size = console.size
        if size.width < self._width:
            self._erase(extra_rows(self._row_widths, size.width))
        width = max(1, size.width - MARGIN)
        rows = console.render_lines(
            self._render(width, size.height), console.options.update(width=width, height=None), pad=False
        )[: max(1, size.height - 1)]
        self._width, self._row_widths = size.width, [Segment.get_line_length(row) for row in rows]
        return SegmentLines(rows, new_lines=True)

    def _erase(self, num_rows: int) -> None:
        """Erase rows from the bottom; Rich erases the others, as many as it has drawn."""
        from rich.control import Control
        from rich.segment import ControlType

        row_above = ((ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1))
        console.control(Control(ControlType.CARRIAGE_RETURN, *row_above * num_rows))


@contextmanager
def status_line(status: str) -> Iterator[Callable[[str], None]]:
    """Show what the user is waiting for; yields a function that changes it.

    It moves on a terminal. A terminal that cannot draw a line again gets a line for each change, a file nothing.
    """
    if can_redraw():
        from rich.spinner import Spinner

        spinner = Spinner("line" if draws_ascii() else "dots", Text(status), style="status.spinner")
        with LiveDisplay(lambda *_: spinner):
            yield lambda changed: spinner.update(text=Text(changed))
        return
    show = say if is_terminal() else lambda _: None
    show(status)
    yield show


def extra_rows(row_widths: list[int], width: int) -> int:
    """Return how many more rows a terminal of this width needs for rows of these widths.

    >>> extra_rows([40, 20, 41], 20)
    3
    """
    return sum(max(0, -(-row_width // width) - 1) for row_width in row_widths)
