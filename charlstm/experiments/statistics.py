"""Means of few runs: how far they scatter, and how well the mean is known."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

CONFIDENCE = 0.95
BISECTIONS = 200  # halve an interval of angles until it is empty


@dataclass(frozen=True)
class Estimate:
    """The mean of a figure over runs that differ in nothing but the random seed.

    The interval is Student's, mean +- t s / sqrt(n), with t of n - 1 degrees of freedom: if the figures are normally
    distributed, intervals made like this contain the true mean 95 times in 100.
    """

    num_runs: int
    mean: float
    standard_deviation: float | None  # s, of a sample: the squares are divided by n - 1; None for a single run
    half_width: float | None  # of the 95% interval

    @classmethod
    def of(cls, figures: Sequence[float]) -> "Estimate":
        """Return the estimate from one figure per run, at least one."""
        count, mean = len(figures), fmean(figures)
        if count == 1:
            return cls(count, mean, None, None)
        deviation = stdev(figures)
        return cls(count, mean, deviation, student_t(count - 1) * deviation / math.sqrt(count))

    def to_json(self) -> dict[str, Any]:
        width = self.half_width
        return {
            "runs": self.num_runs,
            "mean": self.mean,
            "standard_deviation": self.standard_deviation,
            "interval_95": None if width is None else [self.mean - width, self.mean + width],
        }


def student_t(degrees: int) -> float:
    """Return the t that Student's distribution of so many degrees of freedom stays within 95 times in 100.

    >>> round(student_t(4), 3)
    2.776
    """
    low, high = 0.0, math.pi / 2
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if _probability_within(middle, degrees) < CONFIDENCE else (low, middle)
    return math.sqrt(degrees) * math.tan(low)


def _probability_within(angle: float, degrees: int) -> float:
    """Return the probability that |t| stays below sqrt(degrees) tan(angle).

    For a whole number of degrees it is a finite sum: Abramowitz and Stegun 1964, 26.7.3 and 26.7.4.
    """
    is_odd = degrees % 2 == 1
    term = math.cos(angle) if is_odd else 1.0
    terms = [] if degrees == 1 else [term]
    for number in range(2 if is_odd else 1, degrees - 2, 2):
        term *= math.cos(angle) ** 2 * number / (number + 1)
        terms.append(term)
    series = math.sin(angle) * sum(terms)
    return 2 / math.pi * (angle + series) if is_odd else series
