import pytest

from charlstm.config import SCHEDULES, TrainingConfig
from charlstm.training.schedule import WARM_UP, TrainingPlan, learning_rate


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_the_learning_rate_rises_then_falls_to_zero(schedule):
    rates = [learning_rate(done / 1000, highest=0.01, schedule=schedule) for done in range(1001)]
    top = round(WARM_UP * 1000)
    assert rates[0] > 0
    assert rates[top] == pytest.approx(0.01)
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[-1] == pytest.approx(0, abs=1e-12)


def test_schedules_differ_in_how_the_learning_rate_falls():
    late = {schedule: learning_rate(0.902, highest=1.0, schedule=schedule) for schedule in SCHEDULES}
    assert late == pytest.approx({"linear": 0.1, "cosine": 0.0245, "constant": 1.0}, rel=0.01)


def test_a_plan_in_epochs_counts_steps_and_one_in_seconds_the_clock():
    epochs = TrainingPlan.of(TrainingConfig(epochs=2), steps_per_epoch=50.0)
    assert [epochs.done(step, 1e9) for step in (0, 50, 100, 101)] == [0, 0.5, 1, 1]
    seconds = TrainingPlan.of(TrainingConfig(epochs=None, max_time=60), steps_per_epoch=50.0)
    assert [seconds.done(10**9, time) for time in (0, 30, 60, 61)] == [0, 0.5, 1, 1]


def test_with_both_the_one_that_ends_first_counts():
    both = TrainingPlan.of(TrainingConfig(epochs=2, max_time=60), steps_per_epoch=50.0)
    assert both.done(10, 30) == 0.5
    assert both.done(90, 30) == 0.9


def test_evaluations_are_spread_over_the_plan_and_cost_little():
    seconds = TrainingPlan(num_steps=None, max_time=240)
    assert not seconds.evaluation_is_due(1000, since=1000, seconds=9.9, cost=0.0)
    assert seconds.evaluation_is_due(1, since=1, seconds=10.0, cost=0.0)
    assert not seconds.evaluation_is_due(1, since=1, seconds=20.0, cost=2.0)
    steps = TrainingPlan(num_steps=240, max_time=None)
    assert not steps.evaluation_is_due(19, since=9, seconds=1e9, cost=0.0)
    assert steps.evaluation_is_due(20, since=10, seconds=0.0, cost=1e9)


def test_a_user_says_after_how_many_steps_it_is_evaluated():
    plan = TrainingPlan(num_steps=240, max_time=None, evaluate_every=7)
    assert [step for step in range(1, 22) if plan.evaluation_is_due(step, since=99, seconds=1e9, cost=0.0)] == [
        7,
        14,
        21,
    ]


@pytest.mark.parametrize(
    ("step", "every", "settings", "expected"),
    [
        (0, None, {}, 16),
        (0, None, {"per_second": 100.0}, 5),
        (0, None, {"per_second": 0.0}, 1),
        (0, None, {"since": 90}, 10),
        (2397, None, {}, 3),
        (33, 7, {}, 2),
        (35, 7, {}, 7),
        (500, 1000, {"since": 500}, 16),
    ],
)
def test_steps_at_once_end_with_an_evaluation_and_with_the_plan(step, every, settings, expected):
    plan = TrainingPlan(num_steps=2400, max_time=None, evaluate_every=every)
    assert plan.steps_per_call(step, **{"since": 0, "per_second": 1e6} | settings) == expected


def test_a_plan_in_seconds_takes_steps_at_once_as_well():
    plan = TrainingPlan(num_steps=None, max_time=60)
    assert plan.steps_per_call(9, since=5, per_second=1e6) == 16
