"""How fast this machine trains, and how long a step of a run takes."""

import time

import numpy as np
import pytest

from charlstm.machine import load_throughput
from tests.training.small_runs import SHORT, SMALL, make_run

pytestmark = pytest.mark.tensorflow


def test_the_best_speed_is_kept_and_a_busy_machine_changes_nothing(tmp_path, monkeypatch):
    from charlstm.training import throughput

    monkeypatch.setenv("CHARLSTM_CACHE", str(tmp_path))
    speeds = iter([1e11, 0.3e11, 1.05e11, 1.5e11, 1e11])
    monkeypatch.setattr(throughput, "measure_throughput", lambda *, precision: next(speeds))
    monkeypatch.setattr(throughput, "MEASURED_FOR", 0)
    best = [throughput.best_throughput(precision="float32") for _ in range(5)]
    assert best == [1e11, 1e11, 1e11, 1.5e11, 1.5e11]
    assert load_throughput("float32") == 1.5e11


def test_the_speed_is_not_measured_twice_within_an_hour(tmp_path, monkeypatch):
    from charlstm.training import throughput

    monkeypatch.setenv("CHARLSTM_CACHE", str(tmp_path))
    speeds = iter([1e11, 2e11, 3e11])
    monkeypatch.setattr(throughput, "measure_throughput", lambda *, precision: next(speeds))
    assert [throughput.best_throughput(precision="float32") for _ in range(2)] == [1e11, 1e11]
    assert throughput.best_throughput(precision="bfloat16") == 2e11
    now = time.time()
    monkeypatch.setattr("charlstm.machine.time.time", lambda: now + 2 * 60 * 60)
    assert throughput.best_throughput(precision="float32") == 3e11


def test_the_speed_is_that_of_steps(monkeypatch):
    from charlstm.training import throughput

    monkeypatch.setattr(throughput, "NUM_MEASUREMENTS", 1)
    monkeypatch.setattr(throughput, "MEASUREMENT_TIME", 0.0)
    assert throughput.measure_throughput(precision="float32") > 1e7  # a thousandth of what one core does


@pytest.mark.parametrize("window", [0, 7])
def test_a_measured_run_is_as_it_was(tmp_path, window):
    from dataclasses import replace

    from charlstm.training.throughput import measure_step_time

    run = make_run(tmp_path / "run", SHORT, model_config=replace(SMALL, window=window))
    run.take_steps()
    before = run.trainer.arrays()
    assert measure_step_time(run.trainer, run.streams.batch(0)) > 0
    after = run.trainer.arrays()
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[name], after[name]) for name in before)
