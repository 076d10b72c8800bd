"""The probabilities that a student learns, a byte each, so that those of a text of megabytes fit into memory.

A byte is the logarithm of a probability, in sixteenths of a bit. The relative error is at most 2.2 %, and what is less
probable than 2^-15.9 counts as impossible.
"""

import numpy as np
import numpy.typing as npt

from charlstm.arrays import FloatArray

STEPS_PER_BIT = 16
IMPOSSIBLE = 255

_PROBABILITIES = np.exp2(-np.arange(IMPOSSIBLE + 1, dtype=np.float32) / STEPS_PER_BIT)
_PROBABILITIES[IMPOSSIBLE] = 0


class SoftTargets:
    """Probabilities (characters, vocabulary), of which each row sums to one."""

    def __init__(self, num_characters: int, vocabulary_size: int) -> None:
        self._codes = np.full((num_characters, vocabulary_size), IMPOSSIBLE, np.uint8)

    def put(self, positions: npt.NDArray[np.intp], probabilities: FloatArray) -> None:
        """Keep the probabilities (positions, vocabulary) of the characters at positions (positions,)."""
        steps = -STEPS_PER_BIT * np.log2(np.maximum(probabilities, np.finfo(np.float32).tiny))
        self._codes[positions] = np.minimum(np.rint(steps), IMPOSSIBLE).astype(np.uint8)

    def at(self, positions: npt.NDArray[np.intp]) -> FloatArray:
        """Return the probabilities (..., vocabulary) of the characters at positions (...,)."""
        probabilities = _PROBABILITIES[self._codes[positions]]
        return np.ascontiguousarray(probabilities / probabilities.sum(axis=-1, keepdims=True))
