"""Signals that stop training: the first stops gracefully, the second at once."""

import signal
import threading
from types import FrameType
from typing import Any, Self

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interruption:
    """Catch Ctrl-C, SIGTERM and SIGHUP inside a `with` block, so that training can end with everything saved.

    The first signal only sets `signal_number`; the training loop looks at it between steps. A second signal raises
    SystemExit at once. SIGHUP stays ignored if it was ignored before (nohup); the other two are caught even if the
    shell that started the process in the background ignored them. In a thread other than the main one no signals can be
    caught; there only `stop` ends training gracefully.
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self.stops_gracefully = True  # False while there is nothing to save: then the first signal exits as well
        self._previous_handlers: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is not threading.main_thread():
            return self
        for number in SIGNALS:
            previous = signal.getsignal(number)
            if number != getattr(signal, "SIGHUP", None) or previous is not signal.SIG_IGN:
                self._previous_handlers[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._previous_handlers.items():
            signal.signal(number, handler)

    def stop(self) -> None:
        """End training gracefully, as Ctrl-C does."""
        self.signal_number = self.signal_number or signal.SIGINT

    def _handle(self, number: int, _: FrameType | None) -> None:
        exits_now = self.signal_number is not None or not self.stops_gracefully
        self.signal_number = number  # set in both cases: a library may swallow the SystemExit
        if exits_now:
            raise SystemExit(exit_code(number))


def exit_code(signal_number: int) -> int:
    """Return the exit code that shells use for a process ended by a signal."""
    return 128 + signal_number
