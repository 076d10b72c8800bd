"""Messages and progress of an evaluation, on stderr."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeVar

from charlstm.cli.display.library_startup import starting_tensorflow
from charlstm.cli.display.messages import say, warn
from charlstm.cli.display.progress import COMPILING, notice_if_slow, progress_over

Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class ShownEvaluation:
    """Shows what an EvaluationReporter receives; if quiet, not that TensorFlow starts."""

    quiet: bool = False

    def on_message(self, message: str) -> None:
        say(message)

    def on_warning(self, message: str) -> None:
        warn(message)

    def progress(self, items: Iterable[Item], label: str, *, total: int) -> Iterator[Item]:
        return progress_over(items, label, total=total)

    def compiling(self) -> AbstractContextManager[object]:
        return notice_if_slow(COMPILING)

    def starting_tensorflow(self) -> AbstractContextManager[object]:
        return starting_tensorflow(quiet=self.quiet)
