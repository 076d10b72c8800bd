"""How far a run has come in its plan, and what follows from that for its next steps."""

from charlstm.config import TrainingConfig
from charlstm.training.clock import TrainingClock
from charlstm.training.history import History
from charlstm.training.schedule import STUDENT_RATE, TrainingPlan, learning_rate_at, network_ends


class Pace:
    """The plan of a run, beside its history and its clock.

    In a run with teachers each network has a part of the plan. Its learning rate rises and falls anew.
    """

    def __init__(self, plan: TrainingPlan, config: TrainingConfig, history: History, clock: TrainingClock) -> None:
        self._plan, self._config, self._history, self._clock = plan, config, history, clock

    @property
    def fraction_done(self) -> float:
        """The fraction of the whole plan that is done."""
        return self._fraction_done(self._history.step, self._plan)

    @property
    def network_is_done(self) -> bool:
        """Whether the network that is trained has had its part of the plan; it takes a step, however short that is."""
        history = self._history
        return history.step > history.network_step and self._fraction_done(history.step, self._network_plan) >= 1

    @property
    def is_last_network(self) -> bool:
        return self._history.network > self._config.teachers

    @property
    def evaluation_is_due(self) -> bool:
        history, interval = self._history, self._history.interval
        return self._plan.evaluation_is_due(
            history.step, steps_since=interval.steps, seconds_since=interval.seconds, cost=history.evaluation_cost
        )

    @property
    def steps_per_call(self) -> int:
        """How many steps to take before time and signals are looked at again."""
        step, interval, end = self._history.step, self._history.interval, self._network_plan.num_steps
        count = self._plan.steps_per_call(step, steps_since=interval.steps, steps_per_second=interval.steps_per_second)
        return count if end is None else max(1, min(count, end - step))

    def learning_rate(self, step: int) -> float:
        """Return the learning rate of a step that comes next, or was the last."""
        history, plan = self._history, self._network_plan
        begun, fraction_done = 0.0, 0.0
        if history.network > 1:
            begun = plan.fraction_done(history.network_step, history.network_seconds + history.evaluation_cost)
        if step > history.network_step and begun < 1:
            fraction_done = max(0.0, (self._fraction_done(step, plan) - begun) / (1 - begun))
        return learning_rate_at(fraction_done, peak=self.peak_learning_rate, schedule=self._config.schedule)

    @property
    def peak_learning_rate(self) -> float:
        """The learning rate that the schedule rises to and falls from."""
        factor = STUDENT_RATE if self._config.teachers and self.is_last_network else 1.0
        return self._config.learning_rate * factor * self._history.learning_rate_scale

    @property
    def _network_plan(self) -> TrainingPlan:
        """The plan up to the end of the network that is trained."""
        return self._plan.until(network_ends(self._config.teachers)[self._history.network - 1])

    def _fraction_done(self, step: int, plan: TrainingPlan) -> float:
        return plan.fraction_done(step, self._clock.seconds + self._history.evaluation_cost)
