"""The files of a run folder as a run writes them, without a network."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charlstm.analysis.evaluation import Scores
from charlstm.errors import RunError, TrainingError
from charlstm.storage.checkpoint import Checkpoint, load_checkpoint
from charlstm.storage.model_file import load_model
from charlstm.storage.run_folder import RunFolder
from charlstm.training.evaluation_files import EvaluationFile, history_line, sample_part
from charlstm.training.history import Evaluation, History
from charlstm.training.interruption import Interruption
from charlstm.training.run_writer import RunWriter
from tests.conftest import random_model

METADATA: dict[str, Any] = dict.fromkeys(("text", "vocabulary", "model", "training", "environment"))


def evaluation(step):
    return Evaluation(step, 0.1, 1 / 3, 2.5, Scores(1.0, 1.0, 1), 1e3, 1e-3, f"sample é\ud800 {step}\n", is_best=True)


def history_of(num_evaluations):
    history = History()
    for step in range(num_evaluations):
        history.add(evaluation(step))
    return history


def checkpoint_of(history):
    return Checkpoint({"weights": np.zeros(9)}, METADATA | {"history": history.to_json()})


@pytest.fixture
def folder(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.create()
    return folder


def make_writer(folder):
    return RunWriter(folder, checkpoint_every=99, on_warning=lambda message: None)


def write_run(folder, num_evaluations, *, start=0):
    """Write what a run leaves that begins with some evaluations in its checkpoint."""
    writer = make_writer(folder)
    writer.write_initial(checkpoint_of(history_of(start)), history_of(start), random_model() if start else None)
    for count in range(start + 1, num_evaluations + 1):
        writer.write_evaluation(history_of(count), random_model())
    writer.write_checkpoint(checkpoint_of(history_of(num_evaluations)), history_of(num_evaluations))


def evaluation_files(folder):
    return folder.history.read_bytes(), folder.samples.read_bytes()


def test_every_file_is_flushed_and_then_its_folder(folder, monkeypatch):
    flushed, names = set(), {}
    fsync, replace = os.fsync, os.replace

    def record_replace(source, target):
        names[Path(target).name] = os.stat(source).st_ino in flushed
        replace(source, target)
        flushed.discard(folder.path.stat().st_ino)

    def record_fsync(descriptor):
        fsync(descriptor)
        flushed.add(os.fstat(descriptor).st_ino)

    monkeypatch.setattr(os, "replace", record_replace)
    monkeypatch.setattr(os, "fsync", record_fsync)
    write_run(folder, 3)
    assert names == dict.fromkeys((file.name for file in folder.path.iterdir()), True)
    assert all(path.stat().st_ino in flushed for path in (folder.path, *folder.path.iterdir()))


def test_evaluations_are_appended_and_not_written_again(folder, monkeypatch):
    replaced: list[str] = []
    replace = os.replace

    def record_replace(source, target):
        replaced.append(Path(target).name)
        replace(source, target)

    monkeypatch.setattr(os, "replace", record_replace)
    write_run(folder, 5)
    assert replaced.count("history.jsonl") == replaced.count("samples.txt") == 1
    history = history_of(5).evaluations
    assert evaluation_files(folder) == (
        b"".join(history_line(index, one) for index, one in enumerate(history)),
        b"".join(sample_part(index, one) for index, one in enumerate(history)),
    )
    assert folder.samples.read_bytes().startswith(b"--- step 0, epoch 0.10 ---\nsample ")
    assert b"\n\n\n--- step 1" in folder.samples.read_bytes()


@pytest.mark.parametrize("tail", [b"", b'{"step": 3', b"\x00" * 500])
def test_a_resumed_run_cuts_back_what_its_checkpoint_does_not_know(folder, tmp_path, tail):
    write_run(folder, 5)
    for path in (folder.history, folder.samples):
        path.write_bytes(path.read_bytes() + tail)
    whole = RunFolder(tmp_path / "whole")
    whole.create()
    write_run(folder, 7, start=3)
    write_run(whole, 7)
    assert evaluation_files(folder) == evaluation_files(whole)


def test_a_file_is_written_whole_after_a_failure_and_after_a_change(tmp_path, monkeypatch):
    path, history = tmp_path / "history", history_of(4).evaluations
    file = EvaluationFile(path, history_line)
    file.write(history[:1])

    def fail(descriptor):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(RunError, match="Input/output"):
            file.write(history[:2])
    file.write(history[:2])
    expected = [history_line(index, one) for index, one in enumerate(history)]
    assert path.read_bytes() == b"".join(expected[:2])
    path.write_bytes(b"changed")
    file.write(history[:3])
    assert path.read_bytes() == b"".join(expected[:3])
    path.unlink()
    file.write(history)
    assert path.read_bytes() == b"".join(expected)


LINKED = ("model", "checkpoint", "previous_checkpoint", "history", "samples")


@pytest.mark.parametrize("name", LINKED)
def test_nothing_is_written_through_a_link_in_the_folder(folder, tmp_path, name):
    write_run(folder, 2)
    (tmp_path / "precious").write_bytes(b"precious")
    file = getattr(folder, name)
    file.unlink()
    file.symlink_to(tmp_path / "precious")
    write_run(folder, 4, start=2)
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert not file.is_symlink()
    assert load_checkpoint(folder)[0].metadata["history"] == history_of(4).to_json()
    load_model(folder.model)


@pytest.mark.parametrize("name", LINKED)
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_pipe_or_a_folder_in_the_place_of_a_file_is_one_error(folder, name, make):
    write_run(folder, 2)
    file = getattr(folder, name)
    file.unlink()
    make(file)
    with pytest.raises(RunError, match=rf"{file.name} cannot be written"):
        write_run(folder, 4, start=2)
    assert folder.has_checkpoint


def test_another_folder_under_the_same_name_is_left_alone(folder, tmp_path):
    writer = make_writer(folder)
    writer.write_initial(checkpoint_of(history_of(0)), history_of(0), None)
    folder.path.rename(tmp_path / "moved")
    folder.create()
    history = history_of(1)
    writer.write_evaluation(history, random_model())
    assert writer.checkpoint_is_due
    with pytest.raises(TrainingError, match="removed or replaced") as caught:
        writer.write_final(checkpoint_of(history), history, Interruption())
    assert list(folder.path.iterdir()) == []
    rescued = RunFolder(tmp_path / "run-rescued")
    assert str(rescued.path) in caught.value.hint
    assert load_checkpoint(rescued)[0].metadata["history"] == history.to_json()
    load_model(rescued.model)
    with pytest.raises(TrainingError, match="cannot be saved"):
        writer.write_checkpoint(checkpoint_of(history), history)
