"""How an evaluation reports to its user without printing: a protocol that a display implements."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, TypeVar

Item = TypeVar("Item")


class EvaluationReporter(Protocol):
    """Receives messages and the progress of an evaluation."""

    def on_message(self, message: str) -> None: ...

    def on_warning(self, message: str) -> None: ...

    def progress(self, items: Iterable[Item], label: str, *, total: int) -> Iterator[Item]:
        """Yield the items, and show how many of them are done."""
        ...

    def compiling(self) -> AbstractContextManager[object]:
        """Return a context in which the network is compiled, which may take some seconds."""
        ...

    def starting_tensorflow(self) -> AbstractContextManager[object]:
        """Return a context to import TensorFlow in."""
        ...


class Silent:
    """An EvaluationReporter that reports nothing."""

    def on_message(self, message: str) -> None:
        pass

    def on_warning(self, message: str) -> None:
        pass

    def progress(self, items: Iterable[Item], label: str, *, total: int) -> Iterator[Item]:  # noqa: ARG002 (not shown)
        return iter(items)

    def compiling(self) -> AbstractContextManager[object]:
        return nullcontext()

    def starting_tensorflow(self) -> AbstractContextManager[object]:
        return nullcontext()


SILENT = Silent()
