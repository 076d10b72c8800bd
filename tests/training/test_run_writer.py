"""Runs whose folder cannot be written for a while."""

import os
import shutil
from dataclasses import replace

import pytest

from charlstm.errors import TrainingError
from charlstm.storage.checkpoint import load_checkpoint
from charlstm.storage.model_file import load_model
from charlstm.storage.run_folder import RunFolder
from tests.training.small_runs import SHORT, Recorder, make_run, resume_run

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


def test_a_run_whose_folder_is_removed_stops_and_is_saved_elsewhere(tmp_path):
    class FolderRemover(Recorder):
        def on_evaluation(self, evaluation):
            super().on_evaluation(evaluation)
            if len(self.evaluations) == 3:
                shutil.rmtree(tmp_path / "run")

    run = make_run(tmp_path / "run", replace(SHORT, epochs=1))
    with pytest.raises(TrainingError, match="run was removed or replaced while it was trained") as caught:
        run.run(recorder := FolderRemover())
    assert len(recorder.evaluations) == 4
    assert not run.folder.path.exists()
    rescued = RunFolder(tmp_path / "run-rescued")
    assert str(rescued.path) in caught.value.hint
    assert load_model(rescued.model).training["step"] == run.history.best.step
    resume_run(rescued.path, replace(SHORT, epochs=1)).run(Recorder())
    assert load_checkpoint(rescued)[0].metadata["history"]["finished"]
