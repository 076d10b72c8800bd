"""A table that grows while one run after the other is trained: live on a terminal, elsewhere a line for each run."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING

from rich.text import Text

from charlstm.cli.display.library_startup import starting_tensorflow
from charlstm.cli.display.live_display import LiveDisplay
from charlstm.cli.display.messages import can_redraw, changes_line, loss, say, warn

if TYPE_CHECKING:
    from rich.console import RenderableType

    from charlstm.training.history import Evaluation, Progress


class LiveTable:
    """Draws the lines of a table, and below them the progress of the current run."""

    def __init__(self, lines: Callable[[int], Sequence[str]], stack: ExitStack) -> None:
        """`lines` returns the table for a width in columns; the drawing ends with the stack."""
        self._lines, self._stack = lines, stack
        self._run, self._progress = "", ""
        self._is_live = False

    def start_run(self, run: str, *, details: str = "", progress: str = "building the network") -> None:
        """Say which run starts; a terminal that is drawn again has no place for details, but shows the progress."""
        self._run, self._progress = run, progress
        if not can_redraw():
            say(f"{run}{details}")
        elif not self._is_live:
            self._is_live = True
            self._stack.enter_context(LiveDisplay(self._render))

    def end_run(self, outcome: str) -> None:
        """Say how a run ended, where the table does not show it."""
        if not can_redraw():
            say(outcome)

    def show_progress(self, progress: "Progress") -> None:
        self._progress = f"{progress.fraction_done:.0%}, training {loss(progress.train_nats)}"

    def starting_tensorflow(self) -> AbstractContextManager[Callable[[str], None]]:
        return starting_tensorflow(quiet=bool(self._run))  # then the table shows the progress

    def _render(self, width: int, _: int) -> "RenderableType":
        from rich.console import Group

        table = [Text(line, no_wrap=True, overflow="ellipsis") for line in self._lines(width)]
        return Group(*table, Text(f"{self._run}: {self._progress}", style="bold"))


class ExperimentDisplay:
    """What the displays of all experiments do alike: they show messages, and the progress of the current run."""

    def __init__(self, lines: Callable[[int], Sequence[str]], stack: ExitStack) -> None:
        self._table = LiveTable(lines, stack)

    def on_message(self, message: str) -> None:
        say(message)

    def on_warning(self, message: str) -> None:
        warn(message)

    def on_changed_characters(self, changes: dict[str, str]) -> None:
        say(changes_line(changes))

    def starting_tensorflow(self) -> AbstractContextManager[Callable[[str], None]]:
        return self._table.starting_tensorflow()

    def on_step(self, progress: "Progress") -> None:
        self._table.show_progress(progress)

    def on_evaluation_start(self) -> None:
        pass

    def on_evaluation(self, evaluation: "Evaluation") -> None:
        pass
