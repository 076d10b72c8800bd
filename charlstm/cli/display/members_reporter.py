"""What `train` and `resume` show of a run with members: each member like a run, then how well they predict together."""

from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from charlstm.cli.display.library_startup import starting_tensorflow
from charlstm.cli.display.messages import changes_line, command_line, loss, say, show_command, warn
from charlstm.cli.display.run_record import RunRecord
from charlstm.cli.display.run_reporter import result_lines
from charlstm.cli.display.training_screen import training_display

if TYPE_CHECKING:
    from collections.abc import Iterator

    from charlstm.experiments.members import MembersResult
    from charlstm.storage.run_folder import RunFolder
    from charlstm.training.reporting import TrainingReporter, TrainingResult


class MembersReporter:
    """Shows the members of a run on stderr; only warnings if quiet. What all say before they train is shown once."""

    def __init__(self, folder: "RunFolder", *, quiet: bool) -> None:
        self._record, self._quiet = RunRecord(folder), quiet
        self._member, self._is_first = "", True
        self._warnings = set[str]()

    def on_member(self, member: "RunFolder", number: int, num_members: int) -> None:
        self._record, self._member = RunRecord(member), f"{number} of {num_members}"
        self._say(f"member {self._member}: {member.path}")

    def on_message(self, message: str) -> None:
        if self._is_first:
            self._say(message)

    def on_warning(self, message: str) -> None:
        if message not in self._warnings:
            self._warnings.add(message)
            warn(message)

    def on_changed_characters(self, changes: dict[str, str]) -> None:
        self.on_message(changes_line(changes))

    def starting_tensorflow(self) -> AbstractContextManager[Callable[[str], None]]:
        return starting_tensorflow(quiet=self._quiet or not self._is_first)

    @contextmanager
    def training(self) -> "Iterator[TrainingReporter]":
        self._is_first = False
        with training_display(self._record, quiet=self._quiet, member=self._member) as reporter:
            yield reporter

    def on_result(self, result: "TrainingResult") -> None:
        for line in result_lines(result, self._record.finding())[:-1]:  # the last says where it is, as on_member does
            self._say(line)

    def _say(self, line: str) -> None:
        if not self._quiet:
            say(line)

    def show_result(self, result: "MembersResult") -> None:
        """Show how well the members predict together, or how to continue, and the commands that come next."""
        path = result.folder.path
        if result.signal_number is not None:
            warn("stopped; nothing is lost")
            show_command("continue", command_line("resume", path))
        elif not self._quiet:
            if line := members_line(result):
                say(line)
            show_command("generate text", command_line("generate", path))
            show_command("score a text", command_line("evaluate", path, "TEXT"))


def members_line(result: "MembersResult") -> str:
    """Return one line with the validation losses of members, their mean, and the loss of their average, if known."""
    from charlstm.analysis.averaging import mean_nats

    if result.average is None:
        return ""
    alone = ", ".join(f"{member.scores.nats_per_character:.4f}" for member in result.members)
    averaged = loss(result.average.nats_per_character)
    return f"validation: members {alone}, mean {mean_nats(result.members):.4f}; averaged {averaged} per character"
