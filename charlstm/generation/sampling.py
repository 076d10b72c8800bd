"""From logits to ids: small functions on a batch of logits, and `make_sampler`, which chains them."""

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from charlstm.arrays import Ids, Logits
from charlstm.config import SamplingConfig

# (logits (batch, vocabulary), recent ids (batch, window), uniform numbers in [0, 1) (batch,)) -> ids (batch,)
Sampler = Callable[[Logits, Ids, npt.NDArray[np.float64]], npt.NDArray[np.intp]]

MIN_TEMPERATURE = 1e-30


def make_sampler(config: SamplingConfig) -> Sampler:
    """Return a sampler that applies repetition penalty, temperature, top-k, top-p, min-p and typical in this order.

    A temperature of 0, or too near it to divide by, is greedy: it uses no random numbers and ignores the filters after
    it.
    """
    filters: list[Callable[[Logits], Logits]] = []
    if config.temperature not in (0, 1):
        filters.append(lambda logits: logits / config.temperature)
    if config.top_k is not None:
        filters.append(partial(apply_top_k, top_k=config.top_k))
    if config.top_p is not None:
        filters.append(partial(apply_top_p, top_p=config.top_p))
    if config.min_p is not None:
        filters.append(partial(apply_min_p, min_p=config.min_p))
    if config.typical is not None:
        filters.append(partial(apply_typical, share=config.typical))

    def sample(logits: Logits, recent: Ids, uniforms: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
        logits = logits.astype(np.float64)
        if config.repetition_penalty != 1:
            logits = penalize_repetition(logits, recent, config.repetition_penalty)
        if config.temperature < MIN_TEMPERATURE:
            return np.asarray(logits.argmax(axis=-1))
        for apply_filter in filters:
            logits = apply_filter(logits)
        return sample_ids(logits, uniforms)

    return sample


def penalize_repetition(logits: Logits, recent: Ids, penalty: float) -> Logits:
    """Divide the logits of the ids in `recent` (batch, window) by the penalty if positive, else multiply them.

    Keskar et al. 2019, section 4.1.

    >>> penalize_repetition(np.array([[2.0, -1.0, 3.0]]), np.array([[0, 1, 0]]), 2.0).tolist()
    [[1.0, -2.0, 3.0]]
    """
    recent_logits = np.take_along_axis(logits, recent, axis=-1)
    penalized_logits = np.where(recent_logits > 0, recent_logits / penalty, recent_logits * penalty)
    penalized = logits.copy()
    np.put_along_axis(penalized, recent, penalized_logits, axis=-1)
    return penalized


def apply_top_k(logits: Logits, top_k: int) -> Logits:
    """Keep the k highest logits of each row, the first of equal ones, and set the rest to -inf (Fan et al. 2018).

    >>> apply_top_k(np.array([[1.0, 3.0, 3.0, 3.0]]), 2).tolist()
    [[-inf, 3.0, 3.0, -inf]]
    """
    kept = np.argsort(-logits, axis=-1, kind="stable")[..., :top_k]
    masked = np.full_like(logits, -np.inf)
    np.put_along_axis(masked, kept, np.take_along_axis(logits, kept, axis=-1), axis=-1)
    return masked


def apply_top_p(logits: Logits, top_p: float) -> Logits:
    """Keep the fewest most probable characters whose probabilities sum to `top_p` or more.

    Nucleus sampling: Holtzman et al. 2020, equation 2.

    >>> np.isfinite(apply_top_p(np.log(np.array([[0.5, 0.3, 0.2]])), 0.7)).tolist()
    [[True, True, False]]
    """
    return _keep_first(logits, np.argsort(-logits, axis=-1, kind="stable"), top_p)


def apply_min_p(logits: Logits, min_p: float) -> Logits:
    """Keep characters with at least `min_p` times the highest probability (Nguyen et al. 2024).

    >>> np.isfinite(apply_min_p(np.log(np.array([[0.5, 0.3, 0.2]])), 0.5)).tolist()
    [[True, True, False]]
    """
    highest = logits.max(axis=-1, keepdims=True)
    return np.where(logits >= highest + np.log(min_p), logits, -np.inf)


def apply_typical(logits: Logits, share: float) -> Logits:
    """Keep the fewest characters whose probabilities sum to `share` or more, the most typical ones first.

    The surprise -ln p of a typical character is near the mean surprise. Locally typical sampling: Meister et al. 2023,
    equation 10.

    >>> np.isfinite(apply_typical(np.log(np.array([[0.5, 0.3, 0.2]])), 0.25)).tolist()
    [[False, True, False]]
    """
    probabilities = softmax(logits)
    with np.errstate(divide="ignore", invalid="ignore"):
        surprise = -np.log(probabilities)
        mean = np.nansum(probabilities * surprise, axis=-1, keepdims=True)
    return _keep_first(logits, np.argsort(np.abs(surprise - mean), axis=-1, kind="stable"), share)


def _keep_first(logits: Logits, order: npt.NDArray[np.intp], share: float) -> Logits:
    """Keep the first characters in an order (batch, vocabulary) up to a probability of `share`, but at least one."""
    probabilities = np.take_along_axis(softmax(logits), order, axis=-1)
    preceding = np.cumsum(probabilities, axis=-1) - probabilities
    kept = np.where(preceding < share, np.take_along_axis(logits, order, axis=-1), -np.inf)
    masked = np.empty_like(logits)
    np.put_along_axis(masked, order, kept, axis=-1)
    return masked


def softmax(logits: Logits) -> npt.NDArray[np.float64]:
    """Return probabilities along the last axis, in float64."""
    exponentials = _exponentials(logits)
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))


def _exponentials(logits: Logits) -> npt.NDArray[np.float64]:
    """Return numbers proportional to the probabilities, the highest of them 1."""
    logits = logits.astype(np.float64)
    logits -= np.maximum.reduce(logits, axis=-1, keepdims=True)
    return np.asarray(np.exp(logits, out=logits))


def sample_ids(logits: Logits, uniforms: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """Sample ids (batch,) from the softmax of logits (batch, vocabulary).

    Inverts the cumulative distribution at uniform numbers in [0, 1), (batch,).
    """
    cumulative = np.add.accumulate(_exponentials(logits), axis=-1)
    thresholds = uniforms[:, None] * cumulative[:, -1:]
    return np.asarray(np.add.reduce(cumulative <= thresholds, axis=-1))
