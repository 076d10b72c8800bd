"""How long a run has trained, which is not how much time has passed."""

import threading
import time
from collections.abc import Callable
from typing import Self

TICK = 0.1  # seconds
LONGEST_GAP = 1.0  # seconds between two ticks; after more, the whole process had been stopped


class TrainingClock:
    """Counts the seconds inside its `with` block, except those for which the process was stopped.

    That happens with SIGSTOP, Ctrl-Z, or a suspended machine, and no process can see it coming. So a thread ticks all
    the time, whatever training does meanwhile: if two ticks are far apart, the thread was stopped too.
    """

    def __init__(self, seconds: float = 0.0, *, now: Callable[[], float] = time.perf_counter) -> None:
        self._seconds, self._now = seconds, now
        self._last_tick: float | None = None  # None outside of the block
        self._lock, self._ended = threading.Lock(), threading.Event()

    def __enter__(self) -> Self:
        self._last_tick = self._now()
        self._ended.clear()
        threading.Thread(target=self._keep_ticking, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.tick()
        self._ended.set()
        with self._lock:
            self._last_tick = None

    @property
    def seconds(self) -> float:
        self.tick()
        return self._seconds

    def tick(self) -> None:
        """Count the time since the last tick; of a long gap, only one tick."""
        with self._lock:
            if self._last_tick is None:
                return
            now = self._now()
            gap, self._last_tick = now - self._last_tick, now
            self._seconds += gap if gap <= LONGEST_GAP else TICK

    def _keep_ticking(self) -> None:
        while not self._ended.wait(TICK):
            self.tick()
