"""The plan of a training: how much of it is done, and the learning rate at that point."""

import math
from dataclasses import dataclass

from charlstm.config import TrainingConfig

WARM_UP = 0.02  # share of the plan in which the learning rate rises
EVALUATIONS = 24  # planned in a run
CHECKPOINT_EVERY = 30.0  # seconds of work that a sudden end may cost
EVALUATION_SHARE = 0.05  # of the time at most, in a run planned in seconds
STEPS_AT_ONCE, SECONDS_AT_ONCE = 16, 0.05  # the most that is done between two looks at the clock and at signals


@dataclass(frozen=True)
class TrainingPlan:
    """A training planned in epochs, in seconds, or in both: then the one that ends first."""

    num_steps: int | None
    max_time: float | None  # seconds
    evaluate_every: int | None = None  # steps; None: as often as the plan wants it

    @classmethod
    def of(cls, config: TrainingConfig, steps_per_epoch: float) -> "TrainingPlan":
        num_steps = None if config.epochs is None else max(1, round(config.epochs * steps_per_epoch))
        return cls(num_steps, config.max_time, config.evaluate_every)

    def done(self, step: int, seconds: float) -> float:
        """The share of the plan that is behind, 0 to 1."""
        by_steps = 0.0 if self.num_steps is None else step / self.num_steps
        by_time = 0.0 if self.max_time is None else seconds / self.max_time
        return min(1.0, max(by_steps, by_time))

    def evaluation_is_due(self, step: int, *, since: int, seconds: float, cost: float) -> bool:
        """Whether to evaluate after `step` steps: so many and so many seconds after one that took `cost` seconds."""
        if self.evaluate_every is not None:
            return step % self.evaluate_every == 0
        if self.num_steps is not None and since >= self._steps_between_evaluations:
            return True
        return self.max_time is not None and seconds >= max(self.max_time / EVALUATIONS, cost / EVALUATION_SHARE)

    def steps_per_call(self, step: int, *, since: int, per_second: float) -> int:
        """How many steps to take in one go: one at least, none beyond the next evaluation or the end of the plan."""
        most = [STEPS_AT_ONCE, int(SECONDS_AT_ONCE * per_second)]
        if self.num_steps is not None:
            most.append(self.num_steps - step)
        if self.evaluate_every is not None:
            most.append(self.evaluate_every - step % self.evaluate_every)
        elif self.num_steps is not None:
            most.append(self._steps_between_evaluations - since)
        return max(1, min(most))

    @property
    def _steps_between_evaluations(self) -> int:
        return math.ceil((self.num_steps or 0) / EVALUATIONS)


def learning_rate(done: float, *, highest: float, schedule: str = "linear") -> float:
    """The learning rate when the share `done` of the plan is behind: a linear warm-up, then a fall to zero.

    It falls in a line, or as half a period of a cosine (Loshchilov and Hutter 2017, equation 5, without restarts). The
    schedule "constant" has neither warm-up nor fall.
    """
    if schedule == "constant":
        return highest
    if done < WARM_UP:
        return highest * (0.01 + 0.99 * done / WARM_UP)
    fallen = (done - WARM_UP) / (1 - WARM_UP)
    return highest * (1 - fallen if schedule == "linear" else 0.5 * (1 + math.cos(math.pi * fallen)))
