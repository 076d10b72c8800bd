"""Logits to ids."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from charlstm.config import SamplingConfig

Logits = npt.NDArray[np.floating]  # (batch, vocabulary)
Sampler = Callable[[Logits, npt.NDArray[np.float64]], npt.NDArray[np.intp]]


def make_sampler(config: SamplingConfig) -> Sampler:
    """A function of logits (batch, vocabulary) and uniform numbers in [0, 1) (batch,) to ids (batch,).

    The order is temperature, then top-k, then the draw. A temperature of 0 is greedy and needs no luck.
    """
    if config.temperature == 0:
        return lambda logits, _: logits.argmax(axis=-1)

    def sample(logits: Logits, uniforms: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
        logits = logits.astype(np.float64) / config.temperature
        if config.top_k is not None:
            logits = keep_top_k(logits, config.top_k)
        return draw(logits, uniforms)

    return sample


def keep_top_k(logits: Logits, top_k: int) -> Logits:
    """Everything but the k highest logits of each row becomes -inf; of equal ones the first stay (Fan et al. 2018).

    >>> keep_top_k(np.array([[1.0, 3.0, 3.0, 3.0]]), 2).tolist()
    [[-inf, 3.0, 3.0, -inf]]
    """
    kept = np.argsort(-logits, axis=-1, kind="stable")[..., :top_k]
    masked = np.full_like(logits, -np.inf)
    np.put_along_axis(masked, kept, np.take_along_axis(logits, kept, axis=-1), axis=-1)
    return masked


def softmax(logits: Logits) -> npt.NDArray[np.float64]:
    """Probabilities along the last axis, in float64."""
    logits = logits.astype(np.float64)
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))


def draw(logits: Logits, uniforms: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """Ids drawn from the softmax of the logits, by inverting the cumulative distribution at the uniform numbers."""
    cumulative = np.cumsum(softmax(logits), axis=-1)
    thresholds = uniforms[:, None] * cumulative[:, -1:]  # the last is 1 but for rounding
    return np.asarray((cumulative <= thresholds).sum(axis=-1))
