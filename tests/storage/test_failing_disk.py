"""Calls of the system that fail, one after the other: a file as new as before the write can be read afterwards."""

import errno
import itertools
import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from charlstm.errors import RunError
from charlstm.storage.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from charlstm.storage.model_file import load_model, save_model
from charlstm.storage.run_folder import RunFolder
from tests.conftest import random_model

METADATA: dict[str, Any] = dict.fromkeys(("text", "vocabulary", "model", "training", "history", "environment"))


class FailingDisk:
    """Lets one call of the system fail: opening, writing, flushing, or renaming."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int, code: int) -> None:
        self.calls_left, self.code, self.has_failed = number, code, False
        for name in ("open", "fsync", "replace"):
            monkeypatch.setattr(os, name, self.counted(getattr(os, name)))
        fdopen = os.fdopen
        monkeypatch.setattr(os, "fdopen", lambda *arguments: _File(fdopen(*arguments), self))

    def counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted_call(*arguments: Any, **settings: Any) -> Any:
            self.calls_left -= 1
            if self.calls_left == 0:
                self.has_failed = True
                raise OSError(self.code, os.strerror(self.code))
            return call(*arguments, **settings)

        return counted_call


class _File:
    def __init__(self, file: Any, disk: FailingDisk) -> None:
        self._file, self.write, self.close = file, disk.counted(file.write), file.close
        self.flush, self.fileno = disk.counted(file.flush), file.fileno

    def __enter__(self) -> "_File":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def step_checkpoint(step: int) -> Checkpoint:
    return Checkpoint({"weights": np.full(50, step), "states": np.zeros(3)}, METADATA | {"step": step})


def step_model(step: int) -> Any:
    return replace(random_model(), training={"step": step})


def fails(monkeypatch: pytest.MonkeyPatch, number: int, code: int, save: Callable[[], None]) -> bool:
    """Save while call `number` fails; return False if it makes fewer calls."""
    with monkeypatch.context() as patch:
        disk = FailingDisk(patch, number, code)
        message = ""
        try:
            save()
        except RunError as error:
            message = str(error)
        assert (os.strerror(code) in message) == disk.has_failed
    return disk.has_failed


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("old_steps", [(), (1,), (1, 2)])
def test_a_checkpoint_as_new_as_before_is_there_whichever_call_fails(tmp_path, monkeypatch, code, old_steps):
    for number in itertools.count(1):
        run = RunFolder(tmp_path / str(number))
        run.path.mkdir()
        for step in old_steps:
            save_checkpoint(run, step_checkpoint(step))
        has_failed = fails(monkeypatch, number, code, partial(save_checkpoint, run, step_checkpoint(9)))
        assert {path.name for path in run.path.iterdir()} <= {run.checkpoint.name, run.previous_checkpoint.name}
        if old_steps:
            assert load_checkpoint(run)[0].metadata["step"] in (old_steps[-1], 9)
        save_checkpoint(run, step_checkpoint(10))
        assert load_checkpoint(run)[0].metadata["step"] == 10
        if not has_failed:
            assert number > 6
            break


def test_a_model_as_new_as_before_is_there_whichever_call_fails(tmp_path, monkeypatch):
    path = tmp_path / "model"
    for number in itertools.count(1):
        save_model(path, step_model(1))
        has_failed = fails(monkeypatch, number, errno.EIO, lambda: save_model(path, step_model(2)))
        assert [file.name for file in tmp_path.iterdir()] == ["model"]
        assert load_model(path).training["step"] in (1, 2)
        if not has_failed:
            assert number > 6
            break
