import os
from typing import Any

import numpy as np
import pytest

from charlstm.errors import RunError
from charlstm.storage.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from charlstm.storage.model_file import save_model
from charlstm.storage.run_folder import RunFolder
from tests.conftest import random_model

FACTS: dict[str, Any] = dict.fromkeys(("text", "vocabulary", "model", "training", "history", "environment"))


@pytest.fixture
def folder(tmp_path):
    """A run with two checkpoints: of step 1, and the newer one of step 2."""
    for step in (1, 2):
        save_checkpoint(RunFolder(tmp_path), Checkpoint({"weights": np.full(50, step)}, FACTS | {"step": step}))
    return RunFolder(tmp_path)


def step_of(folder):
    checkpoint, trouble = load_checkpoint(folder)
    assert (checkpoint.arrays["weights"] == checkpoint.metadata["step"]).all()
    return checkpoint.metadata["step"], trouble


def test_the_newest_is_read_and_the_one_before_is_kept(folder):
    assert step_of(folder) == (2, "")
    os.replace(folder.previous_checkpoint, folder.checkpoint)
    assert step_of(folder) == (1, "")


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_a_damaged_one_falls_back_to_the_one_before_with_a_warning(folder, content):
    if content is None:
        whole = bytearray(folder.checkpoint.read_bytes())
        whole[-3] ^= 1
        content = bytes(whole)
    folder.checkpoint.write_bytes(content)
    step, trouble = step_of(folder)
    assert step == 1
    assert "damaged" in trouble
    assert folder.previous_checkpoint.name in trouble


def test_a_kill_between_the_two_renames_loses_nothing(folder):
    os.replace(folder.checkpoint, folder.previous_checkpoint)
    assert step_of(folder) == (2, "")


def test_after_a_fallback_the_good_one_is_not_replaced_by_the_damaged(folder):
    folder.checkpoint.write_bytes(b"damaged")
    load_checkpoint(folder)
    save_checkpoint(folder, Checkpoint({"weights": np.full(50, 3)}, FACTS | {"step": 3}))
    assert step_of(folder) == (3, "")
    folder.checkpoint.write_bytes(b"damaged again")
    assert step_of(folder)[0] == 1


def test_without_any_that_is_whole_it_says_how_to_begin_again(folder):
    for path in (folder.checkpoint, folder.previous_checkpoint):
        path.write_bytes(b"")
    with pytest.raises(RunError, match="no checkpoint can be read") as caught:
        load_checkpoint(folder)
    assert "--overwrite" in caught.value.hint
    with pytest.raises(RunError, match="holds no checkpoint"):
        load_checkpoint(RunFolder(folder.path / "other"))


def test_a_failed_write_leaves_both(folder, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    before = {path: path.read_bytes() for path in folder.path.iterdir()}
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="No space left"):
        save_checkpoint(folder, Checkpoint({"weights": np.zeros(3)}, {}))
    assert {path: path.read_bytes() for path in folder.path.iterdir()} == before


def test_a_model_is_no_checkpoint(folder):
    save_model(folder.checkpoint, random_model())
    assert "not a checkpoint" in step_of(folder)[1]
