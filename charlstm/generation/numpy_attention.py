"""Attention over the last outputs of the recurrent layers, in NumPy."""

from collections.abc import Mapping

import numpy as np

from charlstm.arrays import FloatArray
from charlstm.cells.equations import CellStates
from charlstm.cells.shapes import ATTENTION_DIM


class NumpyAttention:
    """Attention over the last `window` outputs of the recurrent layers; `network.attention` trains it."""

    def __init__(self, weights: Mapping[str, FloatArray], window: int) -> None:
        self._query, self._key, self._output = (weights[f"attention.{part}"] for part in ("query", "key", "output"))
        self._window = window

    def initial_states(self, batch_size: int) -> CellStates:
        """Return zeros for the last outputs, (batch, window, units), and for their keys."""
        sizes = (len(self._query), ATTENTION_DIM)
        return tuple(np.zeros((batch_size, self._window, size), np.float32) for size in sizes)

    def step(self, hidden: FloatArray, states: CellStates) -> tuple[FloatArray, CellStates]:
        """Return the output (batch, units) with the attended values added, and the new states."""
        values, keys = states
        attended = np.einsum("bw,bwu->bu", self.weights(hidden, states), values) @ self._output
        values = np.concatenate([values[:, 1:], hidden[:, None]], axis=1)
        keys = np.concatenate([keys[:, 1:], (hidden @ self._key)[:, None]], axis=1)
        return hidden + attended, (values, keys)

    def weights(self, hidden: FloatArray, states: CellStates) -> FloatArray:
        """Return how much of each of the last outputs is taken, (batch, window); those of a row add up to 1."""
        _, keys = states
        scores = np.einsum("bwd,bd->bw", keys, hidden @ self._query) / np.float32(np.sqrt(ATTENTION_DIM))
        weights: FloatArray = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        return weights
