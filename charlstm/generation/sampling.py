"""Logits to ids: small functions of a batch of logits, put together in one order by `make_sampler`."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from charlstm.arrays import Ids, Logits
from charlstm.config import SamplingConfig

Sampler = Callable[[Logits, Ids, npt.NDArray[np.float64]], npt.NDArray[np.intp]]


def make_sampler(config: SamplingConfig) -> Sampler:
    """A function of logits (batch, vocabulary), what was written lately (batch, window), and uniform numbers in [0, 1)
    (batch,) to ids (batch,).

    The order is repetition penalty, temperature, top-k, top-p, min-p, typical, then the draw. A temperature of 0 is
    greedy and needs neither luck nor what comes after it.
    """
    steps: list[Callable[[Logits], Logits]] = []
    if config.temperature not in (0, 1):
        steps.append(lambda logits: logits / config.temperature)
    if config.top_k is not None:
        steps.append(lambda logits: apply_top_k(logits, config.top_k or 0))
    if config.top_p is not None:
        steps.append(lambda logits: apply_top_p(logits, config.top_p or 0))
    if config.min_p is not None:
        steps.append(lambda logits: apply_min_p(logits, config.min_p or 0))
    if config.typical is not None:
        steps.append(lambda logits: apply_typical(logits, config.typical or 0))

    def sample(logits: Logits, recent: Ids, uniforms: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
        logits = logits.astype(np.float64)
        if config.repetition_penalty != 1:
            logits = penalize_repetition(logits, recent, config.repetition_penalty)
        if config.temperature == 0:
            return np.asarray(logits.argmax(axis=-1))
        for step in steps:
            logits = step(logits)
        return draw(logits, uniforms)

    return sample


def penalize_repetition(logits: Logits, recent: Ids, penalty: float) -> Logits:
    """Logits of the ids in `recent` (batch, window) divided by the penalty if above 0, else multiplied (Keskar et al.
    2019, section 4.1).

    >>> penalize_repetition(np.array([[2.0, -1.0, 3.0]]), np.array([[0, 1, 0]]), 2.0).tolist()
    [[1.0, -2.0, 3.0]]
    """
    lately = np.take_along_axis(logits, recent, axis=-1)
    penalized = logits.copy()
    np.put_along_axis(penalized, recent, np.where(lately > 0, lately / penalty, lately * penalty), axis=-1)
    return penalized


def apply_top_k(logits: Logits, top_k: int) -> Logits:
    """Everything but the k highest logits of each row becomes -inf; of equal ones the first stay (Fan et al. 2018).

    >>> apply_top_k(np.array([[1.0, 3.0, 3.0, 3.0]]), 2).tolist()
    [[-inf, 3.0, 3.0, -inf]]
    """
    kept = np.argsort(-logits, axis=-1, kind="stable")[..., :top_k]
    masked = np.full_like(logits, -np.inf)
    np.put_along_axis(masked, kept, np.take_along_axis(logits, kept, axis=-1), axis=-1)
    return masked


def apply_top_p(logits: Logits, top_p: float) -> Logits:
    """Only the most probable characters stay, as few as make up a share `top_p` (nucleus sampling, Holtzman et al.
    2020, equation 2).

    >>> np.isfinite(apply_top_p(np.log(np.array([[0.5, 0.3, 0.2]])), 0.7)).tolist()
    [[True, True, False]]
    """
    return _keep_first(logits, np.argsort(-logits, axis=-1, kind="stable"), top_p)


def apply_min_p(logits: Logits, min_p: float) -> Logits:
    """Only what has at least a share `min_p` of the most probable character's probability stays (Nguyen et al. 2024).

    >>> np.isfinite(apply_min_p(np.log(np.array([[0.5, 0.3, 0.2]])), 0.5)).tolist()
    [[True, True, False]]
    """
    highest = logits.max(axis=-1, keepdims=True)
    return np.where(logits >= highest + np.log(min_p), logits, -np.inf)


def apply_typical(logits: Logits, share: float) -> Logits:
    """Only the characters stay whose surprise is nearest to the mean surprise, as few as make up a share (locally
    typical sampling, Meister et al. 2023, equation 10).

    >>> np.isfinite(apply_typical(np.log(np.array([[0.5, 0.3, 0.2]])), 0.25)).tolist()
    [[False, True, False]]
    """
    probabilities = softmax(logits)
    with np.errstate(divide="ignore", invalid="ignore"):
        surprise = -np.log(probabilities)
        mean = np.nansum(probabilities * surprise, axis=-1, keepdims=True)
    return _keep_first(logits, np.argsort(np.abs(surprise - mean), axis=-1, kind="stable"), share)


def _keep_first(logits: Logits, order: npt.NDArray[np.intp], share: float) -> Logits:
    """The first characters in an order (batch, vocabulary) that make up a share stay, and always one."""
    probabilities = np.take_along_axis(softmax(logits), order, axis=-1)
    before = np.cumsum(probabilities, axis=-1) - probabilities
    kept = np.where(before < share, np.take_along_axis(logits, order, axis=-1), -np.inf)
    masked = np.empty_like(logits)
    np.put_along_axis(masked, order, kept, axis=-1)
    return masked


def softmax(logits: Logits) -> npt.NDArray[np.float64]:
    """Probabilities along the last axis, in float64."""
    exponentials = _exponentials(logits)
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))


def _exponentials(logits: Logits) -> npt.NDArray[np.float64]:
    """What is proportional to the probabilities, the highest 1."""
    logits = logits.astype(np.float64)
    logits -= np.maximum.reduce(logits, axis=-1, keepdims=True)
    return np.asarray(np.exp(logits, out=logits))


def draw(logits: Logits, uniforms: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """Ids drawn from the softmax of the logits, by inverting the cumulative distribution at the uniform numbers."""
    cumulative = np.add.accumulate(_exponentials(logits), axis=-1)
    thresholds = uniforms[:, None] * cumulative[:, -1:]
    return np.asarray(np.add.reduce(cumulative <= thresholds, axis=-1))
