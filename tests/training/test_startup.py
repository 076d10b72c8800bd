"""What happens before a run begins: its folder, and kernels that are prepared while TensorFlow is imported."""

import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from threading import Event
from unittest.mock import Mock

import pytest

from charlstm.errors import LibraryError, SettingError
from charlstm.storage.run_folder import RunFolder
from charlstm.training import startup
from charlstm.training.startup import created_folder, locked_run, tensorflow_ready


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


@pytest.fixture
def kernels(monkeypatch):
    """Replace TensorFlow and the compiling of kernels by functions that a test sets."""

    class Functions:
        def import_tensorflow(self):
            pass

        def prepare(self, precision, cells, stopped):
            return precision or "float32"

    functions = Functions()
    monkeypatch.setattr(startup, "import_tensorflow", lambda: functions.import_tensorflow())
    monkeypatch.setattr(
        "charlstm.network.compiled_layers.compile_for_training",
        lambda precision, cells, stopped: functions.prepare(precision, cells, stopped),
    )
    return functions


@pytest.fixture
def reporter():
    reporter = Mock()
    reporter.starting_tensorflow.return_value = nullcontext(reporter.on_status)
    return reporter


def test_a_signal_while_tensorflow_is_imported_ends_compiling(kernels, reporter):
    events = []

    def import_tensorflow():
        raise SystemExit(130)  # as the handler of a signal does

    def prepare(precision, cells, stopped):
        assert stopped.wait(60)
        events.append("ended")

    kernels.import_tensorflow, kernels.prepare = import_tensorflow, prepare
    with pytest.raises(SystemExit), tensorflow_ready(reporter, precision=None):
        raise AssertionError("must not begin")
    assert events == ["ended"]


def test_a_signal_in_the_middle_of_an_import_ends_the_process():
    code = """if True:
        import _imp
        from unittest.mock import MagicMock
        from charlstm.training import startup

        def interrupted_import():
            _imp.acquire_lock()  # Python releases it in a `finally` that the exception may precede
            raise SystemExit(130)

        startup.import_tensorflow, startup.COMPILING_ENDS_IN = interrupted_import, 0.1
        with startup.tensorflow_ready(MagicMock(), precision=None):
            pass
    """
    environment = os.environ | {"PYTHONPATH": str(Path(startup.__file__).parents[2])}
    assert subprocess.run([sys.executable, "-c", code], env=environment, timeout=60).returncode == 130


@pytest.mark.tensorflow
def test_user_waits_for_kernels_only_if_they_are_not_there_yet(kernels, reporter):
    with tensorflow_ready(reporter, precision="bfloat16") as ready:
        assert ready.precision == "bfloat16"
    waits = Event()
    kernels.prepare = lambda *_: "float32" if waits.wait(60) else ""
    reporter.on_status.side_effect = lambda status: waits.set()
    with tensorflow_ready(reporter, precision=None) as ready:
        assert ready.precision == "float32"
    reporter.on_status.assert_called_with("compiling for this processor (only once)")


@pytest.mark.tensorflow
@pytest.mark.parametrize("error", [SettingError("CHARLSTM_ISA is 'x'"), LibraryError("llvmlite cannot be imported")])
def test_an_error_of_the_kernels_is_raised_before_training_begins(kernels, reporter, error):
    def prepare(*_):
        raise error

    kernels.prepare = prepare
    with pytest.raises(type(error), match=str(error)), tensorflow_ready(reporter, precision=None):
        raise AssertionError("must not begin")
