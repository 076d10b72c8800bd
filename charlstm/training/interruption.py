"""Signals that ask a training to stop: the first is a wish, the second an order."""

import signal
from types import FrameType
from typing import Any, Self

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interruption:
    """While it is entered, Ctrl-C, SIGTERM and SIGHUP only leave their number here; a second one leaves at once.

    A SIGHUP that was ignored before (nohup) stays ignored; the others are heard even where a shell that started the
    process in the background had them ignored. Can only be entered in the main thread.
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self.can_wait = True  # False while there is nothing yet that could be lost: then the first leaves at once too
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in SIGNALS:
            before = signal.getsignal(number)
            if number != getattr(signal, "SIGHUP", None) or before is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._take_note)
        return self

    def __exit__(self, *problem: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def exit_code(self) -> int:
        """What a shell expects of a process that a signal has ended."""
        return 128 + (self.signal_number or 0)

    def _take_note(self, number: int, _: FrameType | None) -> None:
        leaves = self.signal_number is not None or not self.can_wait
        self.signal_number = number  # also if it leaves: a library may swallow the exception
        if leaves:
            raise SystemExit(128 + number)
