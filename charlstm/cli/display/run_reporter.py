"""What `train` and `resume` show of a run, from the reading of its text to its result."""

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING

from rich.text import Text

from charlstm.analysis.learning_curve import OVERFITTING
from charlstm.cli.display.library_startup import starting_tensorflow
from charlstm.cli.display.messages import (
    can_redraw,
    changes_line,
    clock,
    command_line,
    console,
    is_terminal,
    loss,
    say,
    show_command,
    warn,
)
from charlstm.cli.display.run_record import RunRecord
from charlstm.cli.display.training_screen import NARROW, sample_panel, training_display
from charlstm.figures import counted
from charlstm.storage.run_folder import RunFolder

if TYPE_CHECKING:
    from charlstm.training.reporting import TrainingReporter, TrainingResult

MAX_CURVE_WIDTH, MIN_CURVE_HEIGHT, MAX_CURVE_HEIGHT = 80, 9, 14  # columns and rows
MAX_SAMPLE_HEIGHT = 10  # rows, with the frame
ROWS_OF_FIGURES = 10  # below the curve and the sample, with the next prompt
MIN_EVALUATIONS = 3  # for a curve
EXAMPLE_LINES = "20"  # that the next command writes with a model of a list
AGAINST_OVERFITTING = "more text, fewer `units`, more `dropout` or a shorter run may help against overfitting"


class TerminalReporter:
    """Shows a run on stderr; only warnings if quiet."""

    def __init__(self, folder: RunFolder, *, quiet: bool) -> None:
        self._folder, self._quiet = folder, quiet
        self._record = RunRecord(folder)

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
        return training_display(self._record, quiet=self._quiet)

    def show_result(self, result: "TrainingResult") -> None:
        """Show how a run ended, and the commands that come next; on a terminal also its curve and its last sample."""
        is_interrupted = result.signal_number is not None
        if not self._quiet:
            if is_terminal():
                with suppress(OSError):  # the terminal is gone
                    self._show_curve_and_sample()
            finding = self._record.finding()
            for line in result_lines(result, finding):
                say(line)
            if finding.startswith(OVERFITTING) and console.width >= NARROW:
                say(AGAINST_OVERFITTING)
        if is_interrupted:
            warn(f"stopped after {min(result.fraction_done, 0.99):.0%}; nothing is lost")
            show_command("continue", command_line("resume", self._folder.path))
        if result.best and not self._quiet:
            options = ("-n", EXAMPLE_LINES) if is_of_list(result) else ()
            show_command("generate text", command_line("generate", *options, self._folder.path))
            show_command("see the curve", command_line("plot", self._folder.path))
            show_command("see the text improve", command_line("samples", self._folder.path))

    def _show_curve_and_sample(self) -> None:
        rows = console.height - ROWS_OF_FIGURES
        sample = self._record.newest_sample()
        if len(self._record.evaluations) >= MIN_EVALUATIONS and rows >= MIN_CURVE_HEIGHT:
            curve_height = min(MAX_CURVE_HEIGHT, max(MIN_CURVE_HEIGHT, rows // 2))
            console.print(_curve(self._record, self._folder.path.name, curve_height), soft_wrap=True)
            rows -= curve_height
        if sample:
            num_lines = sample.count("\n") + 3
            console.print(
                sample_panel(sample, title="last sample", height=min(MAX_SAMPLE_HEIGHT, max(4, rows), num_lines))
            )


def result_lines(result: "TrainingResult", finding: str) -> list[str]:
    """Say how long a run was trained, how good it became, what its curve shows, and where its model is."""
    best = result.best
    if best is None:
        return []
    nats, accuracy = best.validation.nats_per_character, best.validation.accuracy
    lines = [f"stopped early: no improvement since epoch {best.epoch:.2f}"] if result.stopped_early else []
    kept = f"the best model, after {counted(best.epoch, 'epoch', digits=3)}, is kept"
    lines += [f"trained for {clock(result.seconds)}; {kept}"]
    lines += [f"validation: {loss(nats)} per character, accuracy {accuracy:.1%}"]
    lines += [finding] if finding else []
    return [*lines, f"model: {result.folder.model}"]


def is_of_list(result: "TrainingResult") -> bool:
    """Return whether the text of a run is a list of short lines, of which `generate` writes new ones."""
    from charlstm.text.line_starts import begins_on_new_line

    openings = result.model.training.get("openings", []) if result.model else []
    return any(map(begins_on_new_line, openings))


def _curve(record: RunRecord, name: str, height: int) -> Text:
    from charlstm.cli.display.learning_curves import Curve, learning_panel
    from charlstm.cli.display.plots import terminal_plot

    panel = learning_panel([Curve(name, record.evaluations)], x="epochs", bits=False)
    colours = can_redraw() and not console.no_color
    plot = terminal_plot(panel, width=min(MAX_CURVE_WIDTH, console.width), height=height, colours=colours)
    return Text.from_ansi(plot)
