import os
from typing import Any

import numpy as np
import pytest

from charlstm.errors import RunError
from charlstm.storage.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from charlstm.storage.model_file import save_model
from charlstm.storage.run_folder import RunFolder
from tests.conftest import random_model

METADATA: dict[str, Any] = dict.fromkeys(("text", "vocabulary", "model", "training", "history", "environment"))


def save_step(run, step):
    save_checkpoint(run, Checkpoint({"weights": np.full(50, step)}, METADATA | {"step": step}))


def load_step(run):
    checkpoint, warning = load_checkpoint(run)
    assert (checkpoint.arrays["weights"] == checkpoint.metadata["step"]).all()
    return checkpoint.metadata["step"], warning


@pytest.fixture
def run(tmp_path):
    """A run with two checkpoints, of steps 1 and 2."""
    run = RunFolder(tmp_path)
    save_step(run, 1)
    save_step(run, 2)
    return run


def test_newest_is_loaded_and_the_one_before_is_kept(run):
    assert load_step(run) == (2, "")
    os.replace(run.previous_checkpoint, run.checkpoint)
    assert load_step(run) == (1, "")


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_previous_is_loaded_with_a_warning_if_the_newest_is_damaged(run, content):
    if content is None:
        one_bit_changed = bytearray(run.checkpoint.read_bytes())
        one_bit_changed[-3] ^= 1
        content = bytes(one_bit_changed)
    run.checkpoint.write_bytes(content)
    step, warning = load_step(run)
    assert step == 1
    assert "damaged" in warning
    assert run.previous_checkpoint.name in warning


def test_kill_between_the_two_renames_loses_nothing(run):
    os.replace(run.checkpoint, run.previous_checkpoint)
    assert load_step(run) == (2, "")


def test_damaged_checkpoint_does_not_become_the_previous_one(run):
    run.checkpoint.write_bytes(b"damaged")
    load_checkpoint(run)
    save_step(run, 3)
    assert load_step(run) == (3, "")
    run.checkpoint.write_bytes(b"damaged again")
    assert load_step(run)[0] == 1


@pytest.mark.parametrize("name", ["checkpoint", "previous_checkpoint"])
def test_a_checkpoint_of_another_user_is_left_alone(run, monkeypatch, name):
    file = getattr(run, name)
    if name == "previous_checkpoint":
        run.checkpoint.unlink()
    monkeypatch.setattr(os, "access", lambda path, mode: path != file)
    before = {path: path.read_bytes() for path in run.path.iterdir()}
    with pytest.raises(RunError, match=f"{file.name} cannot be read: permission denied") as caught:
        load_checkpoint(run)
    assert "overwrite" not in caught.value.hint
    assert {path: path.read_bytes() for path in run.path.iterdir()} == before


def test_error_says_how_to_start_again_if_no_checkpoint_can_be_read(run):
    for path in (run.checkpoint, run.previous_checkpoint):
        path.write_bytes(b"")
    with pytest.raises(RunError, match="no checkpoint can be read") as caught:
        load_checkpoint(run)
    assert caught.value.hint == "train again in another folder with `output`"
    with pytest.raises(RunError, match="has no checkpoint"):
        load_checkpoint(RunFolder(run.path / "other"))


def test_failed_write_leaves_both_checkpoints(run, monkeypatch):
    def fail_to_flush(descriptor):
        raise OSError(28, "No space left on device")

    before = {path: path.read_bytes() for path in run.path.iterdir()}
    monkeypatch.setattr(os, "fsync", fail_to_flush)
    with pytest.raises(RunError, match="No space left"):
        save_step(run, 3)
    assert {path: path.read_bytes() for path in run.path.iterdir()} == before


def test_checkpoint_is_flushed_before_it_takes_its_name(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: flushed.append(os.fstat(descriptor).st_ino))
    run = RunFolder(tmp_path)
    save_step(run, 1)
    assert flushed[0] == run.checkpoint.stat().st_ino


def test_checkpoint_has_the_mode_of_a_model_file(run):
    save_model(run.model, random_model())
    assert run.checkpoint.stat().st_mode == run.model.stat().st_mode


def test_model_is_not_taken_for_a_checkpoint(run):
    save_model(run.checkpoint, random_model())
    assert "not a checkpoint" in load_step(run)[1]
