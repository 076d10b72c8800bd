"""Losses are reported to a pruner at the same parts of each trial's time."""

import signal
from typing import Any

import pytest

from charlstm.experiments.pruning import PruningWatch
from charlstm.training.interruption import Interruption
from tests.experiments.fake_sweep import evaluation_of

LN_2 = 0.6931471805599453


class FakeTrial:
    def __init__(self, prunes_at=None):
        self.reports, self._prunes_at = {}, prunes_at

    def report(self, bits, step):
        self.reports[step] = bits

    def should_prune(self):
        return self._prunes_at is not None and max(self.reports) >= self._prunes_at


def watch_of(trial: Any, interruption=None, **length):
    return PruningWatch(trial, interruption or Interruption(), **{"epochs": None, "max_time": 100.0} | length)


def test_losses_are_interpolated_between_evaluations():
    trial = FakeTrial()
    watch = watch_of(trial)
    watch(evaluation_of(4 * LN_2, 8))
    watch(evaluation_of(2 * LN_2, 18))
    assert trial.reports == {1: pytest.approx(4), 2: pytest.approx(3.6), 3: pytest.approx(2.6)}


def test_epochs_count_as_time_does():
    trial = FakeTrial()
    watch_of(trial, epochs=10.0, max_time=None)(evaluation_of(LN_2, 2))
    assert list(trial.reports) == [1, 2, 3, 4]


def test_points_that_are_known_from_an_earlier_try_are_not_reported_again():
    trial = FakeTrial()
    watch_of(trial, last_step=3)(evaluation_of(LN_2, 25))
    assert list(trial.reports) == [4, 5]


def test_a_bad_trial_is_stopped_but_not_at_its_end_or_after_a_signal():
    interruption = Interruption()
    watch = watch_of(FakeTrial(prunes_at=3), interruption)
    watch(evaluation_of(LN_2, 30))
    assert (watch.is_pruned, interruption.signal_number) == (True, signal.SIGINT)
    watch = watch_of(FakeTrial(prunes_at=20))
    watch(evaluation_of(LN_2, 100))
    assert not watch.is_pruned
    interruption = Interruption()
    interruption.signal_number = signal.SIGTERM
    watch = watch_of(FakeTrial(prunes_at=3), interruption)
    watch(evaluation_of(LN_2, 30))
    assert not watch.is_pruned
