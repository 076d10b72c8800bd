"""Runs whose folder cannot be written for a while."""

import os
import shutil
from dataclasses import replace

import pytest

from charlstm.storage.checkpoint import load_checkpoint
from charlstm.storage.model_file import load_model
from tests.training.small_runs import SHORT, Recorder, make_run

pytestmark = pytest.mark.tensorflow


def test_a_full_disk_is_reported_and_written_again_when_there_is_space(tmp_path, monkeypatch):
    run = make_run(tmp_path / "run", replace(SHORT, epochs=2))
    monkeypatch.setattr("charlstm.training.run_writer.RETRY_AFTER", 0.01)
    fsync = os.fsync
    failures: list[bool] = []

    def fsync_on_full_disk(descriptor):
        if failures:
            failures.pop()
            raise OSError(28, "No space left on device")
        fsync(descriptor)

    class DiskFiller(Recorder):
        def on_evaluation(self, evaluation):
            super().on_evaluation(evaluation)
            if len(self.evaluations) == 20:
                failures.extend([True] * 8)

    monkeypatch.setattr(os, "fsync", fsync_on_full_disk)
    run.run(recorder := DiskFiller())
    assert "No space left" in recorder.warnings[0]
    assert len(recorder.warnings) == 8
    assert load_model(run.folder.model).training["step"] == run.history.best.step
    assert load_checkpoint(run.folder)[0].metadata["history"]["finished"]


def test_a_run_folder_that_is_removed_is_created_again(tmp_path):
    class FolderRemover(Recorder):
        def on_evaluation(self, evaluation):
            super().on_evaluation(evaluation)
            if len(self.evaluations) == 3:
                shutil.rmtree(tmp_path / "run")

    run = make_run(tmp_path / "run", replace(SHORT, epochs=1))
    run.run(recorder := FolderRemover())
    assert recorder.warnings
    assert load_model(run.folder.model).training["step"] == run.history.best.step
