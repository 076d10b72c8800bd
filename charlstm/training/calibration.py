"""Temperature scaling: the factor of the logits with which a network predicts the validation text best.

A network that has read a small text many times is overconfident on other text. One factor for all logits corrects
that, and changes neither the order of its guesses nor its accuracy (Guo et al. 2017, section 4.2; for language models
Melis et al. 2018). The factor moves with every evaluation, and is multiplied into the output layer of the model that
is saved.
"""

import math
from dataclasses import dataclass

import numpy as np

from charlstm.storage.model_file import NamedWeights

MIN_LOGIT_SCALE, MAX_LOGIT_SCALE = 0.5, 2.0
PRIOR_CHARACTERS = 200  # how many characters at factor 1 the validation text is weighed against, so that a short one
# with a few surprises does not move it far
PRIOR_CURVATURE = 1.5  # second derivative per character of the loss of a usual network


@dataclass(frozen=True)
class ScaleDerivatives:
    """The first two derivatives of the loss by the factor of the logits, divided by the factor they are taken at.

    Both are sums over characters, in nats: cross-entropy minus entropy, and the variance of the logits, under the
    network's own predictions. An overconfident network has more cross-entropy than entropy.
    """

    first: float
    second: float


def next_logit_scale(scale: float, derivatives: ScaleDerivatives) -> float:
    """Return the factor after one step of Newton's method from `scale`, where the derivatives were taken.

    The loss is convex in the factor. Close to the minimum, where each evaluation starts from the factor before it, one
    step is exact to the second order. Derivatives that are no numbers, of logits beyond all bounds, change nothing.
    """
    if not math.isfinite(derivatives.first + derivatives.second):
        return scale
    prior = PRIOR_CHARACTERS * PRIOR_CURVATURE
    slope = derivatives.first / scale + prior * (scale - 1)
    step = slope / (derivatives.second / scale**2 + prior)
    limited = min(scale / 2, max(-scale, step))  # a step from far away
    return min(MAX_LOGIT_SCALE, max(MIN_LOGIT_SCALE, scale - limited))


def scale_logits(weights: NamedWeights, scale: float) -> NamedWeights:
    """Return the weights of a network whose logits are those of another, times `scale`."""
    return weights | {name: weights[name] * np.float32(scale) for name in ("output.kernel", "output.bias")}
