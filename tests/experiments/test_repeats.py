"""Repeated runs are continued where they were stopped, and end as if they had not been."""

import signal
from pathlib import Path

import pytest

from charlstm.experiments.repeats import RepeatRequest, run_repeats
from charlstm.storage.run_folder import RunFolder
from charlstm.text.decoding_options import DecodingOptions
from charlstm.training.overrides import Overrides
from charlstm.training.run_request import NewRunRequest
from tests.experiments.reporters import SilentReporter

pytestmark = pytest.mark.tensorflow

SETTINGS = {"units": 8, "num_layers": 1, "batch_size": 4, "sequence_length": 10, "epochs": 2.0, "num_shards": 1}


def make_request(folder, num_runs):
    run = NewRunRequest(
        folder=RunFolder(Path(folder)),
        texts=["cats.txt"],
        overrides=Overrides(SETTINGS),
        decoding=DecodingOptions(),
        checkpoint_every=30.0,
    )
    return RepeatRequest(run=run, num_runs=num_runs)


class InterruptingReporter(SilentReporter):
    """Interrupts the second run at its first step."""

    def __init__(self):
        super().__init__()
        self.started = list[int]()

    def on_run_start(self, random_seed, _):
        self.started.append(random_seed)

    def on_step(self, _):
        if len(self.started) == 2:
            signal.raise_signal(signal.SIGINT)
            self.started.append(-1)


class NotingReporter(InterruptingReporter):
    def on_step(self, _):
        pass


def test_an_interrupted_run_is_resumed_and_complete_ones_are_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("cats.txt").write_text("the cat sat on the mat\n" * 100)
    result = run_repeats(make_request("parts", 2), InterruptingReporter())
    assert result.signal_number == signal.SIGINT
    assert [run.random_seed for run in result.runs] == [0]
    reporter = NotingReporter()
    result = run_repeats(make_request("parts", 2), reporter)
    assert reporter.started == [1]
    whole = run_repeats(make_request("whole", 2), SilentReporter())
    assert [run.bits for run in result.runs] == [run.bits for run in whole.runs]
    assert len({run.bits for run in whole.runs}) == 2
    assert result.bits.num_runs == 2
