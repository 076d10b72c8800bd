"""Memory for large arrays, used again and again: the system's own gives every page anew, and filled with zeros."""

import math
import sys
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

ALIGNMENT = 64  # bytes
NOT_IN_USE = 3  # references to an owner that no array looks into: the list's, the loop's, and that of the count itself
ROOMY = 1.5  # an owner may be so many times larger than what it is used for


class Buffers:
    """Arrays whose memory goes back, when the last reference to them goes, to be given out again."""

    def __init__(self) -> None:
        self._owners: list[npt.NDArray[np.uint8]] = []
        self._lock = Lock()

    def empty(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """An array that begins where a register can be read at once; its numbers are whatever stood there."""
        kind = np.dtype(dtype)
        size = math.prod(shape) * kind.itemsize
        with self._lock:
            for owner in self._owners:
                if size <= owner.size - ALIGNMENT <= ROOMY * size and sys.getrefcount(owner) == NOT_IN_USE:
                    return _aligned(owner, size).view(kind).reshape(shape)
            self._owners.append(np.empty(size + ALIGNMENT, np.uint8))
            return _aligned(self._owners[-1], size).view(kind).reshape(shape)


def _aligned(owner: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    start = -owner.ctypes.data % ALIGNMENT
    return owner[start : start + size]
