"""What the losses of a run tell: whether it overfits, or has stopped improving."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

OVERFITTING, PLATEAU = "overfitting", "plateau"
TOLERANCE = 0.005  # a change of the validation loss by less than this share is none
MIN_RISING = 3  # evaluations after the best one, before their rise is called overfitting
MIN_FLAT, MIN_FLAT_SHARE = 6, 0.25  # evaluations without improvement, and share of all, that make a plateau


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong with a run, and since which evaluation."""

    kind: str  # overfitting or plateau
    since: int  # index of the evaluation


def diagnose(train: Sequence[float], validation: Sequence[float]) -> Diagnosis | None:
    """Return what the losses at the evaluations of a run show, the oldest first; None if it still improves.

    Overfitting: since the best evaluation the validation loss rises while the training loss falls. Plateau: the
    validation loss has been within half a percent of its best for a quarter of the run.

    >>> diagnose([2.0, 1.5, 1.3, 1.1, 0.9], [2.1, 1.8, 1.9, 2.0, 2.1])
    Diagnosis(kind='overfitting', since=1)
    """
    if not validation:
        return None
    best = min(range(len(validation)), key=validation.__getitem__)
    rises = fmean(validation[-MIN_RISING:]) > (1 + TOLERANCE) * validation[best]
    if len(validation) - 1 - best >= MIN_RISING and rises and fmean(train[-MIN_RISING:]) < train[best]:
        return Diagnosis(OVERFITTING, best)
    reached = next(index for index, nats in enumerate(validation) if nats <= (1 + TOLERANCE) * validation[best])
    if len(validation) - 1 - reached >= max(MIN_FLAT, MIN_FLAT_SHARE * len(validation)):
        return Diagnosis(PLATEAU, reached)
    return None
