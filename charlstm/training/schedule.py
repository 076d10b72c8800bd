"""The plan of a training run: how much of it is done, when to evaluate, and the learning rate at each point."""

import math
from dataclasses import dataclass, replace
from itertools import pairwise

from charlstm.config import TrainingConfig
from charlstm.durations import format_duration
from charlstm.figures import plain

WARMUP_FRACTION = 0.02  # of the plan; the learning rate rises during it
NUM_EVALUATIONS = 24  # per run, unless `evaluate_every` is set
NUM_EVALUATIONS_OF_EACH = 12  # about, of each network of a run with teachers
MAX_EVALUATION_TIME = 0.05  # fraction of a run planned in seconds
STUDENT_TIME = 0.25  # share of the plan in which a student learns from its teachers; they divide the rest
STUDENT_RATE = 0.5  # of the learning rate
CHECKPOINT_EVERY = 30.0  # seconds of work that a crash may cost
MAX_STEPS_PER_CALL, MAX_SECONDS_PER_CALL = 16, 0.05  # before the loop looks at the clock and at signals again


@dataclass(frozen=True)
class TrainingPlan:
    """The length of a run in steps, in seconds, or in both: then it ends with whichever comes first."""

    num_steps: int | None
    max_time: float | None  # seconds
    evaluate_every: int | None = None  # steps; None: evaluations are spread evenly over the plan
    num_evaluations: int = NUM_EVALUATIONS  # of the whole plan

    @classmethod
    def from_config(cls, config: TrainingConfig, steps_per_epoch: float) -> "TrainingPlan":
        """Convert epochs to steps."""
        num_steps = None if config.epochs is None else max(1, round(config.epochs * steps_per_epoch))
        ends = network_ends(config.teachers)
        shortest = min(end - start for start, end in pairwise([0.0, *ends]))
        num_evaluations = max(NUM_EVALUATIONS, round(NUM_EVALUATIONS_OF_EACH / shortest))
        return cls(num_steps, config.max_time, config.evaluate_every, num_evaluations)

    def until(self, fraction: float) -> "TrainingPlan":
        """Return the plan of the run up to this fraction of it."""
        return replace(
            self,
            num_steps=None if self.num_steps is None else max(1, round(fraction * self.num_steps)),
            max_time=None if self.max_time is None else fraction * self.max_time,
        )

    def fraction_done(self, step: int, seconds: float) -> float:
        """Return the fraction of the plan that is done, from 0 to 1."""
        by_steps = 0.0 if self.num_steps is None else step / self.num_steps
        by_time = 0.0 if self.max_time is None else seconds / self.max_time
        return min(1.0, max(by_steps, by_time))

    def evaluation_is_due(self, step: int, *, steps_since: int, seconds_since: float, cost: float) -> bool:
        """Return whether to evaluate after `step` steps.

        `steps_since` and `seconds_since` count from the last evaluation, which itself took `cost` seconds.
        """
        if self.evaluate_every is not None:
            return step % self.evaluate_every == 0
        if self.num_steps is not None and steps_since >= self._steps_between_evaluations:
            return True
        if self.max_time is None:
            return False
        return seconds_since >= max(self.max_time / self.num_evaluations, cost / MAX_EVALUATION_TIME)

    def steps_per_call(self, step: int, *, steps_since: int, steps_per_second: float) -> int:
        """Return how many steps to take in one call: at least 1, and none past the next evaluation or the end."""
        limits = [MAX_STEPS_PER_CALL, int(MAX_SECONDS_PER_CALL * steps_per_second)]
        if self.num_steps is not None:
            limits.append(self.num_steps - step)
        if self.evaluate_every is not None:
            limits.append(self.evaluate_every - step % self.evaluate_every)
        elif self.num_steps is not None:
            limits.append(self._steps_between_evaluations - steps_since)
        return max(1, min(limits))

    def describe_pace(
        self, *, seconds_per_step: float, steps_per_epoch: float, step: int = 0, seconds: float = 0.0
    ) -> str:
        """Return in words how long an epoch takes, and how far the plan gets after these steps and seconds of it."""
        line = f"an epoch takes about {format_duration(seconds_per_step * steps_per_epoch)}"
        steps_left = math.inf if self.num_steps is None else self.num_steps - step
        if self.max_time is not None and (self.max_time - seconds) / seconds_per_step < steps_left:
            reached = (step + (self.max_time - seconds) / seconds_per_step) / steps_per_epoch
            shown = f"{reached:.0f}" if reached >= 10 else f"{reached:.2g}"
            return f"{line}; the run ends after {format_duration(self.max_time)}, at about epoch {shown}"
        num_epochs = plain((self.num_steps or 0) / steps_per_epoch, digits=3)
        words = "the rest of the run takes" if step else f"{num_epochs} of them take"
        return f"{line}, {words} about {format_duration(seconds_per_step * steps_left)}"

    @property
    def _steps_between_evaluations(self) -> int:
        return math.ceil((self.num_steps or 0) / self.num_evaluations)


def network_ends(num_teachers: int) -> list[float]:
    """Return at what fraction of the plan the training of each network ends: the teachers, then their student."""
    share = (1 - STUDENT_TIME) / num_teachers if num_teachers else 0.0
    return [share * (index + 1) for index in range(num_teachers)] + [1.0]


def learning_rate_at(fraction_done: float, *, peak: float, schedule: str = "linear") -> float:
    """Return the learning rate at a fraction of the plan: a linear warmup to `peak`, then a decay to zero.

    It decays linearly, or as half a period of a cosine (Loshchilov and Hutter 2017, equation 5, without restarts). The
    schedule "constant" has neither warmup nor decay.
    """
    if schedule == "constant":
        return peak
    if fraction_done < WARMUP_FRACTION:
        return peak * (0.01 + 0.99 * fraction_done / WARMUP_FRACTION)
    decayed = (fraction_done - WARMUP_FRACTION) / (1 - WARMUP_FRACTION)
    return peak * (1 - decayed if schedule == "linear" else 0.5 * (1 + math.cos(math.pi * decayed)))
