"""Pass the messages of an evaluation to the logger."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

from charlstm.api.messages import logger
from charlstm.api.tensorflow_startup import starting_tensorflow

Item = TypeVar("Item")


class LoggedEvaluation:
    """Logs what an EvaluationReporter receives; progress is not reported."""

    def on_message(self, message: str) -> None:
        logger.info("%s", message)

    def on_warning(self, message: str) -> None:
        logger.warning("%s", message)

    def progress(self, items: Iterable[Item], label: str, *, total: int) -> Iterator[Item]:  # noqa: ARG002 (not shown)
        return iter(items)

    def compiling(self) -> AbstractContextManager[object]:
        return nullcontext()

    def starting_tensorflow(self) -> AbstractContextManager[object]:
        return starting_tensorflow()
