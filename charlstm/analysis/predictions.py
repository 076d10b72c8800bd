"""How a network predicts each character of a text that it was traced over."""

from dataclasses import dataclass

import numpy as np

from charlstm.analysis.trace import Trace
from charlstm.arrays import FloatArray


@dataclass(frozen=True)
class Predictions:
    """The predictions that a network made of each character of a text, from those before it.

    Nothing comes before the first character: its row of every array is NaN.
    """

    log_probabilities: FloatArray  # (characters, vocabulary), ln p
    surprise: FloatArray  # (characters,), -log2 p of the character that the text has, in bits
    entropy: FloatArray  # (characters,), in bits: the surprise that the network expected

    @classmethod
    def of(cls, trace: Trace) -> "Predictions":
        """Return the predictions in a trace."""
        log_probabilities = np.full_like(trace.logits, np.nan)
        log_probabilities[1:] = trace.log_probabilities[:-1]
        in_bits = log_probabilities / np.float32(np.log(2))
        entropy = -(np.exp(log_probabilities) * in_bits).sum(axis=1)
        surprise = -np.take_along_axis(in_bits, trace.ids.astype(np.intp)[:, None], axis=1)[:, 0]
        return cls(log_probabilities, surprise, entropy)

    def likeliest(self, place: int, count: int) -> list[tuple[int, float]]:
        """Return the likeliest ids at a place with their probabilities; none at the first place."""
        row = self.log_probabilities[place]
        if np.isnan(row).any():
            return []
        order = np.argsort(-row, kind="stable")[:count]
        return [(int(index), float(np.exp(row[index]))) for index in order]
