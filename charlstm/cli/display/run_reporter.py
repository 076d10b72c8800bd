"""What `train` and `resume` show of a run, from the reading of its text to its result."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from charlstm.cli.display.library_startup import starting_tensorflow
from charlstm.cli.display.messages import changes_line, clock, command_line, loss, say, warn
from charlstm.cli.display.training_screen import training_display
from charlstm.figures import counted

if TYPE_CHECKING:
    from charlstm.training.loop import TrainingResult
    from charlstm.training.reporting import TrainingReporter


class TerminalReporter:
    """Shows a run on stderr; only warnings if quiet."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet

    def on_message(self, message: str) -> None:
        if not self._quiet:
            say(message)

    def on_warning(self, message: str) -> None:
        warn(message)

    def on_changed_characters(self, changes: dict[str, str]) -> None:
        self.on_message(changes_line(changes))

    def starting_tensorflow(self) -> AbstractContextManager[Callable[[str], None]]:
        return starting_tensorflow(quiet=self._quiet)

    def training(self) -> "AbstractContextManager[TrainingReporter]":
        return training_display(quiet=self._quiet)

    def show_result(self, result: "TrainingResult") -> None:
        """Show how a run ended, and the command that comes next."""
        run, best = result.folder, result.best
        if result.signal_number is not None:
            continuing = command_line("resume", run.path)
            warn(f"stopped after {result.fraction_done:.0%}; nothing is lost, continue with: {continuing}")
        elif best and not self._quiet:
            if result.stopped_early:
                say(f"stopped early: no improvement since epoch {best.epoch:.2f}")
            say(f"trained for {clock(result.seconds)}, best after {counted(best.epoch, 'epoch', digits=3)}")
            nats, accuracy = best.validation.nats_per_character, best.validation.accuracy
            say(f"validation: {loss(nats)} per character, accuracy {accuracy:.1%}")
            say(f"model: {run.model}")
            say(f"generate text: {command_line('generate', run.path)}", style="bold")
