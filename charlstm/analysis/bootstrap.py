"""How far a mean loss may be off, as the text is only a sample: a bootstrap of blocks of neighbouring characters.

The losses of neighbouring characters depend on each other, so single characters must not be drawn. Blocks that may
begin anywhere are (the moving-block bootstrap: Künsch 1989).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

CONFIDENCE = 0.95
NUM_RESAMPLES = 2000
RANDOM_SEED = 0  # the same losses always give the same interval


@dataclass(frozen=True)
class Interval:
    """A 95% interval of a mean, by a bootstrap of moving blocks."""

    low: float
    high: float
    block_length: int  # characters
    num_resamples: int = NUM_RESAMPLES

    def to_json(self) -> dict[str, Any]:
        return {
            "low": self.low,
            "high": self.high,
            "confidence": CONFIDENCE,
            "block_length": self.block_length,
            "resamples": self.num_resamples,
        }


def mean_interval(values: npt.NDArray[np.float64], *, num_resamples: int = NUM_RESAMPLES) -> Interval:
    """Return the interval of the mean of values (characters,) of which there is at least one.

    A block has the square root of their number, so that both the blocks and their number grow with a text. Each
    resample is as many blocks as the values have room for. Values at the ends are in fewer blocks: the means of the
    resamples are therefore taken about their own expectation.
    """
    length = math.isqrt(len(values))
    sums = np.concatenate([[0.0], np.cumsum(values)])
    block_means = (sums[length:] - sums[:-length]) / length
    rng = np.random.default_rng(RANDOM_SEED)
    num_blocks = len(values) // length
    means = [block_means[rng.integers(len(block_means), size=num_blocks)].mean() for _ in range(num_resamples)]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(np.array(means) - block_means.mean(), [tail, 1 - tail])
    mean = values.mean()
    return Interval(float(mean + low), float(mean + high), length, num_resamples)
