"""Attention over earlier outputs with its gradient, for figures of what moves a prediction."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from charlstm.arrays import FloatArray
from charlstm.cells.shapes import ATTENTION_DIM


class ProbedAttention:
    """The attention after each of the last `num_places` outputs of a text, as `generation.numpy_attention` runs it.

    `hidden` are the outputs of the recurrent layers (characters, units). Those before the first one are zeros.
    """

    def __init__(self, weights: Mapping[str, FloatArray], window: int, hidden: FloatArray, num_places: int) -> None:
        self._query, self._key, self._output = (weights[f"attention.{part}"] for part in ("query", "key", "output"))
        padded = np.concatenate([np.zeros((window, hidden.shape[1]), hidden.dtype), hidden])
        seen = padded[-num_places - window : -1]
        self._values = _windows(seen, window)  # (places, window, units), the oldest first
        self._keys = _windows(seen @ self._key, window)
        own = hidden[-num_places:]
        self._queries = own @ self._query
        scores = np.einsum("pwd,pd->pw", self._keys, self._queries) / np.float32(np.sqrt(ATTENTION_DIM))
        self._weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        self._weights /= self._weights.sum(axis=1, keepdims=True)
        self.attended = own + np.einsum("pw,pwu->pu", self._weights, self._values) @ self._output  # (places, units)

    def backward(self, d_attended: FloatArray, length: int) -> tuple[FloatArray, FloatArray]:
        """Return the gradients of the outputs at the places, and of those before them, from that of `attended`.

        The former is (places, units), the latter (places, characters back, units): of 1, 2, ... characters back, at
        most `length` and no more than the window.
        """
        d_mixed = d_attended @ self._output.T
        d_weights = np.einsum("pu,pwu->pw", d_mixed, self._values)
        d_weights -= (self._weights * d_weights).sum(axis=1, keepdims=True)
        d_scores = self._weights * d_weights / np.float32(np.sqrt(ATTENTION_DIM))
        d_own = d_attended + np.einsum("pw,pwd->pd", d_scores, self._keys) @ self._query.T
        weights, scores = self._weights[:, -length:, None], d_scores[:, -length:, None]
        d_earlier: FloatArray = weights * d_mixed[:, None] + (scores * self._queries[:, None]) @ self._key.T
        return d_own, d_earlier[:, ::-1]


def _windows(values: FloatArray, window: int) -> npt.NDArray[np.float32]:
    """Return the rows of each window, (windows, window, width)."""
    return np.lib.stride_tricks.sliding_window_view(values, window, axis=0).transpose(0, 2, 1)
