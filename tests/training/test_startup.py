"""The folder of a run that has not begun."""

from unittest.mock import Mock

import pytest

from charlstm.storage.run_folder import RunFolder
from charlstm.training.startup import created_folder, locked_run


def test_a_signal_before_training_leaves_no_folder(tmp_path):
    folder, reporter = RunFolder(tmp_path / "runs" / "cats"), Mock()
    with pytest.raises(SystemExit), created_folder(folder), locked_run(folder, reporter) as interruption:
        interruption._handle(2, None)
    reporter.on_warning.assert_called_once_with("stopped before training began; nothing is lost")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_was_there_or_has_something_in_it_stays(tmp_path):
    (tmp_path / "empty").mkdir()
    with created_folder(RunFolder(tmp_path / "empty")):
        pass
    assert (tmp_path / "empty").is_dir()
    with created_folder(RunFolder(tmp_path / "runs" / "cats")):
        (tmp_path / "runs" / "cats" / "model").touch()
    assert (tmp_path / "runs" / "cats" / "model").exists()
