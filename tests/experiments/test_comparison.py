"""The runs of a comparison."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from charlstm.errors import TrainingError
from charlstm.experiments.comparison import run_comparison
from charlstm.storage.run_folder import RunFolder
from tests.experiments.reporters import SilentReporter
from tests.experiments.test_plan import make_request


class RemovingReporter(SilentReporter):
    """Removes the folder when the first run starts."""

    def on_run_start(self, *_: object) -> None:
        shutil.rmtree("compare")


@pytest.mark.tensorflow
def test_a_folder_that_is_gone_is_not_made_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("cats.txt").write_text("the cat sat on the mat\n" * 100)
    request = make_request(cells=["lstm"], max_time=1.0, units=8, num_layers=1)
    with pytest.raises(TrainingError, match="compare was removed or replaced"):
        run_comparison(replace(request, folder=Path("compare")), RemovingReporter())
    assert not Path("compare").exists()


@pytest.mark.tensorflow
def test_the_time_of_a_run_begins_when_its_graph_is_built(tmp_path, monkeypatch):
    from charlstm.training.clock import TrainingClock
    from charlstm.training.train_step import Trainer

    monkeypatch.chdir(tmp_path)
    Path("cats.txt").write_text("the cat sat on the mat\n" * 100)
    events = list[str]()
    train_steps, enter = Trainer.train_steps, TrainingClock.__enter__

    def train_steps_noted(*arguments, **options):
        events.append("step")
        return train_steps(*arguments, **options)

    def enter_noted(clock):
        events.append("clock")
        return enter(clock)

    monkeypatch.setattr(Trainer, "train_steps", train_steps_noted)
    monkeypatch.setattr(TrainingClock, "__enter__", enter_noted)
    request = make_request(cells=["gru"], max_time=None, epochs=1, units=8, num_layers=1)
    request = replace(request, folder=Path("compare"), budget="epochs", amount=1)
    assert run_comparison(request, SilentReporter()).outcomes
    assert events.index("step") < events.index("clock")


@pytest.mark.tensorflow
def test_every_run_writes_the_logs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("cats.txt").write_text("the cat sat on the mat\n" * 100)
    request = make_request(cells=["gru", "rnn"], max_time=None, epochs=1, units=8, num_layers=1)
    request = replace(request, folder=Path("compare"), budget="epochs", amount=1, logs=("csv", "tensorboard"))
    assert len(run_comparison(request, SilentReporter()).outcomes) == 2
    for name in ("gru-1", "rnn-1"):
        folder = RunFolder(Path("compare") / name)
        assert len(folder.csv_log.read_text().splitlines()) == 1 + len(folder.history.read_text().splitlines())
        assert folder.event_file.exists()
