"""Memory for large arrays, used again and again: the system's own gives every page anew, and filled with zeros."""

import math
import weakref
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

ALIGNMENT = 64  # bytes
ROOMY = 1.5  # memory may be so many times larger than what it is used for


class Arena:
    """Arrays whose memory goes back, when the last reference to them goes, to be given out again."""

    def __init__(self) -> None:
        self._free: list[npt.NDArray[np.uint8]] = []
        self._lock = Lock()

    def empty(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """An array that begins where a register can be read at once; its numbers are whatever stood there."""
        kind = np.dtype(dtype)
        size = math.prod(shape) * kind.itemsize
        if not size:
            return np.empty(shape, kind)
        memory = self._take(size)
        start = -memory.ctypes.data % ALIGNMENT
        # Views keep `lent` alive, which is their base; of an array that looks into another array they would skip it.
        lent = np.frombuffer(memory.data, kind, math.prod(shape), start)
        weakref.finalize(lent, self._free.append, memory).atexit = False
        return lent.reshape(shape)

    def _take(self, size: int) -> npt.NDArray[np.uint8]:
        with self._lock:
            fits = [
                place
                for place in reversed(range(len(self._free)))  # what came back last may still be in the cache
                if size <= self._free[place].size - ALIGNMENT <= ROOMY * size
            ]
            if fits:  # the smallest, or what another size needs would have to be made anew
                return self._free.pop(min(fits, key=lambda place: self._free[place].size))
        return np.empty(size + ALIGNMENT, np.uint8)
