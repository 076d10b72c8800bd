from itertools import pairwise

import pytest

from charlstm.config import SCHEDULES, TrainingConfig
from charlstm.training.schedule import WARMUP_FRACTION, TrainingPlan, learning_rate_at, network_ends


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_the_learning_rate_rises_then_falls_to_zero(schedule):
    rates = [learning_rate_at(step / 1000, peak=0.01, schedule=schedule) for step in range(1001)]
    top = round(WARMUP_FRACTION * 1000)
    assert rates[0] > 0
    assert rates[top] == pytest.approx(0.01)
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[-1] == pytest.approx(0, abs=1e-12)


def test_schedules_differ_in_how_the_learning_rate_decays():
    late = {schedule: learning_rate_at(0.902, peak=1.0, schedule=schedule) for schedule in SCHEDULES}
    assert late == pytest.approx({"linear": 0.1, "cosine": 0.0245, "constant": 1.0}, rel=0.01)


def test_a_plan_in_epochs_counts_steps_and_one_in_seconds_the_clock():
    epochs = TrainingPlan.from_config(TrainingConfig(epochs=2), steps_per_epoch=50.0)
    assert [epochs.fraction_done(step, 1e9) for step in (0, 50, 100, 101)] == [0, 0.5, 1, 1]
    seconds = TrainingPlan.from_config(TrainingConfig(epochs=None, max_time=60), steps_per_epoch=50.0)
    assert [seconds.fraction_done(10**9, time) for time in (0, 30, 60, 61)] == [0, 0.5, 1, 1]


def test_a_plan_with_both_ends_with_whichever_comes_first():
    both = TrainingPlan.from_config(TrainingConfig(epochs=2, max_time=60), steps_per_epoch=50.0)
    assert both.fraction_done(10, 30) == 0.5
    assert both.fraction_done(90, 30) == 0.9


def test_evaluations_are_spread_over_the_plan_and_cost_little():
    seconds = TrainingPlan(num_steps=None, max_time=240)
    assert not seconds.evaluation_is_due(1000, steps_since=1000, seconds_since=9.9, cost=0.0)
    assert seconds.evaluation_is_due(1, steps_since=1, seconds_since=10.0, cost=0.0)
    assert not seconds.evaluation_is_due(1, steps_since=1, seconds_since=20.0, cost=2.0)
    steps = TrainingPlan(num_steps=240, max_time=None)
    assert not steps.evaluation_is_due(19, steps_since=9, seconds_since=1e9, cost=0.0)
    assert steps.evaluation_is_due(20, steps_since=10, seconds_since=0.0, cost=1e9)


@pytest.mark.parametrize(("teachers", "expected"), [(0, 24), (2, 48), (5, 80)])
def test_each_of_several_networks_is_evaluated_twelve_times(teachers, expected):
    plan = TrainingPlan.from_config(TrainingConfig(epochs=10, teachers=teachers), steps_per_epoch=480.0)
    interval = 4800 // expected
    due = [
        plan.evaluation_is_due(0, steps_since=steps, seconds_since=0.0, cost=0.0) for steps in (interval - 1, interval)
    ]
    assert due == [False, True]
    ends = [0.0, *network_ends(teachers)]
    assert all(expected * (end - start) > 11.99 for start, end in pairwise(ends))


def test_evaluate_every_sets_the_steps_of_evaluations():
    plan = TrainingPlan(num_steps=240, max_time=None, evaluate_every=7)
    due = [step for step in range(1, 22) if plan.evaluation_is_due(step, steps_since=99, seconds_since=1e9, cost=0.0)]
    assert due == [7, 14, 21]


@pytest.mark.parametrize(
    ("step", "every", "settings", "expected"),
    [
        (0, None, {}, 16),
        (0, None, {"steps_per_second": 100.0}, 5),
        (0, None, {"steps_per_second": 0.0}, 1),
        (0, None, {"steps_since": 90}, 10),
        (2397, None, {}, 3),
        (33, 7, {}, 2),
        (35, 7, {}, 7),
        (500, 1000, {"steps_since": 500}, 16),
    ],
)
def test_steps_per_call_end_at_an_evaluation_and_at_the_end(step, every, settings, expected):
    plan = TrainingPlan(num_steps=2400, max_time=None, evaluate_every=every)
    defaults = {"steps_since": 0, "steps_per_second": 1e6}
    assert plan.steps_per_call(step, **defaults | settings) == expected


def test_a_plan_in_seconds_takes_several_steps_per_call_as_well():
    plan = TrainingPlan(num_steps=None, max_time=60)
    assert plan.steps_per_call(9, steps_since=5, steps_per_second=1e6) == 16


@pytest.mark.parametrize(
    ("settings", "done", "words"),
    [
        ({"epochs": None, "max_time": 60}, {}, "an epoch takes about 14m; the run ends after 1m, at about epoch 0.071"),
        ({"epochs": 20}, {}, "an epoch takes about 14m, 20 of them take about 4h40m"),
        ({"epochs": 3000}, {}, "an epoch takes about 14m, 3,000 of them take about 700h"),
        ({"epochs": 20, "max_time": 8400}, {}, "an epoch takes about 14m; the run ends after 2h20m, at about epoch 10"),
        ({"epochs": 0.1, "max_time": 600}, {}, "an epoch takes about 14m, 0.1 of them take about 1m24s"),
        ({"epochs": 2}, {"step": 12_600}, "an epoch takes about 14m, the rest of the run takes about 7m"),
        (
            {"epochs": None, "max_time": 900},
            {"step": 8400, "seconds": 480.0},
            "an epoch takes about 14m; the run ends after 15m, at about epoch 1.5",
        ),
    ],
)
def test_how_long_an_epoch_takes_in_words(settings, done, words):
    plan = TrainingPlan.from_config(TrainingConfig(**settings), steps_per_epoch=8400)
    assert plan.describe_pace(seconds_per_step=0.1, steps_per_epoch=8400, **done) == words
