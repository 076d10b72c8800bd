"""A reporter of experiments that shows nothing."""

from contextlib import nullcontext
from typing import Any


class SilentReporter:
    """Takes everything that an experiment reports, and keeps the warnings."""

    def __init__(self):
        self.warnings = list[str]()

    def starting_tensorflow(self):
        return nullcontext(lambda _: None)

    def on_warning(self, message: str) -> None:
        self.warnings.append(message)

    def __getattr__(self, name: str) -> Any:
        """Return a method that ignores an event."""
        if not name.startswith("on_"):
            raise AttributeError(name)
        return lambda *_, **__: None
