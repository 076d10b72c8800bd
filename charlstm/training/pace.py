"""How far a run has come in its plan, and what follows from that for its next steps."""

from charlstm.config import TrainingConfig
from charlstm.training.clock import TrainingClock
from charlstm.training.history import History
from charlstm.training.schedule import TrainingPlan, learning_rate_at


class Pace:
    """The plan of a run, beside its history and its clock."""

    def __init__(self, plan: TrainingPlan, config: TrainingConfig, history: History, clock: TrainingClock) -> None:
        self._plan, self._config, self._history, self._clock = plan, config, history, clock

    @property
    def fraction_done(self) -> float:
        return self._fraction_done_at(self._history.step)

    @property
    def has_steps_to_take(self) -> bool:
        return self.fraction_done < 1 or self._history.step == 0  # however short the plan is

    @property
    def evaluation_is_due(self) -> bool:
        history, interval = self._history, self._history.interval
        return self._plan.evaluation_is_due(
            history.step, steps_since=interval.steps, seconds_since=interval.seconds, cost=history.evaluation_cost
        )

    @property
    def steps_per_call(self) -> int:
        """How many steps to take before time and signals are looked at again."""
        interval = self._history.interval
        return self._plan.steps_per_call(
            self._history.step, steps_since=interval.steps, steps_per_second=interval.steps_per_second
        )

    def learning_rate(self, step: int) -> float:
        """Return the learning rate of a step that comes next, or was the last."""
        fraction_done = self._fraction_done_at(step) if step else 0.0
        scheduled = learning_rate_at(fraction_done, peak=self._config.learning_rate, schedule=self._config.schedule)
        return scheduled * self._history.learning_rate_scale

    def _fraction_done_at(self, step: int) -> float:
        """Return the fraction of the plan after `step` steps; the time of the last evaluation is reserved."""
        return self._plan.fraction_done(step, self._clock.seconds + self._history.evaluation_cost)
