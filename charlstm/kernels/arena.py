"""Memory for large arrays that is reused.

The operating system hands out each page filled with zeros, at the first touch: for arrays that live for one step of
training that costs more than the arithmetic on them.
"""

import math
import weakref
from collections import deque
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Buffer = npt.NDArray[np.uint8]

ALIGNMENT = 64  # bytes: a cache line, and the widest register
MAX_SLACK = 1.5  # a buffer may be this many times larger than the array in it
MAX_IDLE = 4  # a free buffer is released after this many times the peak memory was handed out without it


class FreeBuffer(NamedTuple):
    memory: Buffer
    freed_at: int  # bytes that had been handed out by then


class Arena:
    """A pool of arrays: the memory of an array returns to it with the last reference, and is handed out again.

    Buffers of sizes that are not asked for any more are released: a loop reuses each of its buffers within one
    iteration, in which it is handed a small multiple of the memory that it holds at most.
    """

    def __init__(self) -> None:
        self._free: list[FreeBuffer] = []  # by age
        self._returned: deque[Buffer] = deque()  # not in `_free` yet: the garbage collector cannot wait for the lock
        self._lock = Lock()
        self._in_use = self._peak = self._handed_out = 0  # bytes

    def empty(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """Return an array that is aligned to cache lines; its values are arbitrary."""
        dtype = np.dtype(dtype)
        size = math.prod(shape) * dtype.itemsize
        if not size:
            return np.empty(shape, dtype)
        memory = self._take(size)
        start = -memory.ctypes.data % ALIGNMENT
        # Views refer to the array that owns its memory, and would skip an array that is a view itself. `frombuffer`
        # makes an owner: it lives as long as any view of it.
        owner = np.frombuffer(memory.data, dtype, math.prod(shape), start)
        weakref.finalize(owner, self._returned.append, memory).atexit = False
        return owner.reshape(shape)

    def _take(self, size: int) -> Buffer:
        with self._lock:
            self._collect()
            memory = self._best_fit(size)
            if memory is None:
                memory = np.empty(size + ALIGNMENT, np.uint8)
            self._in_use += memory.size
            self._peak = max(self._peak, self._in_use)
            self._handed_out += memory.size
            self._release_idle()
        return memory

    def _collect(self) -> None:
        while self._returned:
            memory = self._returned.popleft()
            self._in_use -= memory.size
            self._free.append(FreeBuffer(memory, self._handed_out))

    def _best_fit(self, size: int) -> Buffer | None:
        """Take the smallest free buffer that is large enough, and of these the last freed: it may still be cached."""
        fitting = [
            index
            for index in reversed(range(len(self._free)))
            if size <= self._free[index].memory.size - ALIGNMENT <= MAX_SLACK * size
        ]
        if not fitting:
            return None
        return self._free.pop(min(fitting, key=lambda index: self._free[index].memory.size)).memory

    def _release_idle(self) -> None:
        while self._free and self._handed_out - self._free[0].freed_at > MAX_IDLE * self._peak:
            del self._free[0]


aligned_empty = Arena().empty
empty_workspace = Arena().empty  # for what lives during a call only: always the same memory, warm in the caches
