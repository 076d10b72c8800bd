"""The members of a run are trained one after the other, resumed where they were stopped, and scored together."""

import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charlstm.analysis.report import evaluate_averaged
from charlstm.analysis.trained_text import learned_ids, part_of_run
from charlstm.errors import ChangedTextError, RunError, SettingError
from charlstm.experiments.members import first_member, resume_members, train_members
from charlstm.generation.load import load_models
from charlstm.storage.ensemble import read_ensemble
from charlstm.storage.lock import exclusive_lock
from charlstm.storage.run_folder import RunFolder
from charlstm.storage.run_summary import read_settings
from charlstm.text.decoding_options import DecodingOptions
from charlstm.training.overrides import Overrides
from charlstm.training.resume import ResumeRequest
from charlstm.training.run_request import NewRunRequest
from tests.experiments.reporters import SilentReporter

SETTINGS: dict[str, Any] = {
    **{"units": 8, "num_layers": 1, "batch_size": 4, "sequence_length": 10, "epochs": 2.0, "num_shards": 1},
    **{"validation_split": "blocks", "random_seed": 4, "precision": "float32"},
}
TEXT = "the cat sat on the mat\nand the dog sat on the log\n" * 60


@pytest.fixture(autouse=True)
def _text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("cats.txt").write_text(TEXT)


def make_request(folder, **settings):
    return NewRunRequest(
        folder=RunFolder(Path(folder)),
        texts=["cats.txt"],
        overrides=Overrides(SETTINGS | settings),
        decoding=DecodingOptions(),
        checkpoint_every=30.0,
    )


def make_resume(folder, **settings):
    return ResumeRequest(folder=RunFolder(Path(folder)), overrides=Overrides(settings), checkpoint_every=30.0)


class NotingReporter(SilentReporter):
    """Notes which members are trained, and interrupts one of them at a step."""

    def __init__(self, *, interrupts=0, at_step=3):
        super().__init__()
        self.trained, self._interrupts, self._at_step = list[int](), interrupts, at_step

    def on_member(self, _, number, __):
        self.trained.append(number)

    def training(self):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def on_step(self, progress):
        if self.trained[-1] == self._interrupts and progress.step >= self._at_step:
            self._interrupts = 0
            signal.raise_signal(signal.SIGINT)


def model_bytes(folder):
    return [path.read_bytes() for path in sorted(Path(folder).glob("member-*/model.safetensors"))]


@pytest.mark.tensorflow
def test_interrupted_members_end_as_if_they_had_not_been(tmp_path):
    whole = train_members(make_request("whole"), 3, NotingReporter())
    reporter = NotingReporter(interrupts=2)
    stopped = train_members(make_request("parts"), 3, reporter)
    assert (stopped.signal_number, stopped.average, reporter.trained) == (signal.SIGINT, None, [1, 2])
    assert read_ensemble(stopped.folder).average_nats is None
    reporter = NotingReporter()
    resumed = resume_members(make_resume("parts"), reporter)
    assert resumed
    assert reporter.trained == [2, 3]
    assert model_bytes("parts") == model_bytes("whole")
    assert len(set(model_bytes("whole"))) == 3
    assert resumed.average == whole.average
    assert resume_members(make_resume("parts"), SilentReporter()) is None

    models = load_models("whole")
    parts = [part_of_run(one.path, one.model, "validation").encoded.ids for one in models]
    learned = [learned_ids(RunFolder(one.path.parent), one.model) for one in models]
    for others in (parts, learned):
        assert all(np.array_equal(others[0], other) for other in others[1:])
    seeds = [read_settings(RunFolder(one.path.parent))["training"]["random_seed"] for one in models]
    assert seeds == [4, 5, 6]
    report, members = evaluate_averaged(models, parts[0])
    assert report.scores == whole.average
    record = read_ensemble(whole.folder)
    assert record.average_nats == report.scores.nats_per_character
    assert record.member_nats is not None
    assert list(record.member_nats) == [one.scores.nats_per_character for one in members]
    assert record.average_nats < np.mean(record.member_nats)
    assert {one.logit_scale for one in models} == {record.logit_scale} != {1.0}
    assert load_models("whole/member-1")[0].logit_scale == 1.0


@pytest.mark.tensorflow
def test_members_that_are_extended_are_all_extended(tmp_path):
    train_members(make_request("run"), 2, NotingReporter())
    stopped = resume_members(make_resume("run", epochs=3.0), NotingReporter(interrupts=1, at_step=0))
    assert stopped
    assert stopped.signal_number == signal.SIGINT
    reporter = NotingReporter()
    resume_members(make_resume("run"), reporter)
    assert reporter.trained == [1, 2]
    lengths = [read_settings(RunFolder(Path(f"run/member-{index}")))["training"]["epochs"] for index in range(2)]
    assert lengths == [3.0, 3.0]


@pytest.mark.tensorflow
def test_a_later_member_is_not_trained_on_another_text(tmp_path):
    train_members(make_request("run"), 2, NotingReporter(interrupts=1))
    Path("run/member-0/config.json").write_text(
        Path("run/member-0/config.json").read_text().replace('"finished": false', '"finished": true')
    )
    Path("cats.txt").write_text(TEXT + "more\n")
    with pytest.raises(ChangedTextError, match="the text is not the one that the first member was trained on"):
        resume_members(make_resume("run"), NotingReporter())
    assert not Path("run/member-1").exists()


@pytest.mark.tensorflow
def test_an_earlier_run_is_replaced_once_nothing_can_fail(tmp_path):
    request = make_request("run")
    train_members(request, 3, NotingReporter())
    before = model_bytes("run")
    with pytest.raises(RunError, match="already holds a run"):
        train_members(request, 2, NotingReporter())
    Path("cats.txt").rename("dogs.txt")
    with pytest.raises(Exception, match=r"cats\.txt"):
        train_members(replace(request, overwrite=True), 2, NotingReporter())
    assert model_bytes("run") == before
    with exclusive_lock(Path("run")), pytest.raises(RunError, match="in use"):
        train_members(replace(request, texts=["dogs.txt"], overwrite=True), 2, NotingReporter())
    train_members(replace(request, texts=["dogs.txt"], overwrite=True), 2, NotingReporter())
    assert sorted(path.name for path in Path("run").glob("*")) == [".lock", "ensemble.json", "member-0", "member-1"]


def test_nothing_is_left_of_members_that_cannot_begin():
    with pytest.raises(Exception, match=r"no\.txt"):
        train_members(replace(make_request("run"), texts=["no.txt"]), 2, NotingReporter())
    assert not Path("run").exists()


def test_the_time_is_for_all_members():
    timed = make_request("run", epochs=None, max_time=90.0)
    assert first_member(timed, 3).overrides.settings["max_time"] == 30.0
    assert first_member(make_request("run"), 3).num_members == 3


@pytest.mark.parametrize("num_members", [1, 33])
def test_numbers_of_members_that_no_run_has(num_members):
    with pytest.raises(SettingError, match="`members` is"):
        first_member(make_request("run"), num_members)
