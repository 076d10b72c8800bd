"""A library that is missing, broken or too old is one clear error."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from charlstm import libraries
from charlstm.errors import LibraryError
from charlstm.libraries import library_imports

ROOT = Path(__file__).parents[1]


def explain(error):
    with pytest.raises(LibraryError) as caught, library_imports("Frob", "frob", without="info works without it"):
        raise error
    return str(caught.value), caught.value.hint


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ModuleNotFoundError("No module named 'frob'"), "ModuleNotFoundError: No module named 'frob'"),
        (ImportError("libfrob.so: cannot open\nmore"), "ImportError: libfrob.so: cannot open"),
        (AttributeError("module has no attribute x"), "AttributeError: module has no attribute x"),
        (DeprecationWarning(), "DeprecationWarning"),
    ],
)
def test_whatever_an_import_raises_is_explained(error, message):
    line, hint = explain(error)
    assert line == f"Frob cannot be imported: {message}"
    assert hint == "info works without it; install it with: pip install --force-reinstall frob"


def test_cause_is_shown_instead_of_a_traceback():
    error = ImportError("Traceback (most recent call last):\n  File\nFailed to load the runtime")
    error.__cause__ = ImportError("libcuda.so.1: cannot open shared object file")
    assert explain(error)[0].endswith("ImportError: libcuda.so.1: cannot open shared object file")


def test_lack_of_memory_is_recognized():
    assert "not enough memory" in explain(ImportError("libfrob.so: failed to map segment from shared object"))[1]
    with pytest.raises(MemoryError), library_imports("Frob", "frob", without=""):
        raise MemoryError


def test_other_version_is_refused_before_it_is_imported(monkeypatch):
    monkeypatch.setattr(libraries, "version", {"frob": "1.9", "charlstm": "1", "charlstm-core": ""}.__getitem__)
    monkeypatch.setattr(libraries, "requires", lambda _: ["other>=9", "frob>=2.0,<3", 'frob>=7; extra == "dev"'])
    message = r"frob 1.9 is installed, but charlstm needs frob<3,>=2.0"
    with pytest.raises(LibraryError, match=message), library_imports("Frob", "frob", without=""):
        raise AssertionError("must not be imported")


def run_without(package, code, folder, *arguments):
    """Run a command while a module in another folder takes the place of a library; return exit code and stderr."""
    (folder / package).mkdir(parents=True)
    (folder / package / "__init__.py").write_text(code)
    environment = os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "charlstm", *arguments]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    return result.returncode, result.stderr.splitlines()


GRADIENTS = ("gradients", "--length", "5", "--json")
LONG_TEXT = ("generate", "tiny", "--length", "5000")


@pytest.mark.parametrize(
    ("command", "package", "code", "message"),
    [
        (
            GRADIENTS,
            "tensorflow",
            "raise ImportError('libcuda.so.9: cannot open shared object file')",
            "TensorFlow cannot",
        ),
        (GRADIENTS, "tensorflow", "__version__ = '1.15.0'", "TensorFlow cannot"),
        (GRADIENTS, "tensorflow", "raise MemoryError", "there is not enough memory"),
        (LONG_TEXT, "llvmlite", "raise OSError('libllvmlite.so: cannot open')", "llvmlite cannot be imported: OSError"),
        (LONG_TEXT, "llvmlite", "__version__ = '0.3'", "llvmlite cannot be imported: ModuleNotFoundError"),
    ],
)
def test_command_without_a_library_ends_with_one_line(run, tmp_path, command, package, code, message):
    exit_code, lines = run_without(package, code, tmp_path, *command)
    assert exit_code == 1
    assert [line.split(":")[0] for line in lines[-2:]] == ["error", "hint"]
    assert message in lines[-2]
    assert len(lines) <= 3  # perhaps the name of the text


def test_long_text_without_llvmlite_is_refused_and_a_short_one_generated(run, tmp_path):
    code = "raise ImportError('no')"
    assert run_without("llvmlite", code, tmp_path / "a", "generate", "tiny", "--length", "20") == (0, [])
    exit_code, lines = run_without("llvmlite", code, tmp_path / "b", *LONG_TEXT)
    assert exit_code == 1
    assert lines[0] == "error: llvmlite cannot be imported: ImportError: no"


@pytest.mark.tensorflow
def test_training_without_llvmlite_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("the cat sat on the mat\n" * 100)
    command = ("train", "text.txt", "--output", "new", "--max-time", "1s")
    exit_code, lines = run_without("llvmlite", "raise ImportError('no')", tmp_path / "a", *command)
    assert exit_code == 1
    assert lines[-2] == "error: llvmlite cannot be imported: ImportError: no"
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs signals")
def test_process_that_a_library_kills_is_explained(tmp_path):
    code = "import os\nos.write(2, b'I0000 note\\nno AVX here\\n')\nos.kill(os.getpid(), 9)"
    exit_code, lines = run_without("tensorflow", code, tmp_path, *GRADIENTS)
    assert exit_code == -9
    assert lines[-2] == "error: the process died while TensorFlow was starting: no AVX here"
    assert lines[-1].startswith("hint: ")


@pytest.mark.tensorflow
@pytest.mark.parametrize("settings", ['{"backend": "jax", "floatx": "float16"}', "[]"])
def test_keras_is_imported_without_settings_of_its_own_and_without_matplotlib(tmp_path, settings):
    (tmp_path / "keras.json").write_text(settings)
    code = """if True:
        import os, sys
        from charlstm.network.backend import import_tensorflow
        import_tensorflow()
        import_tensorflow()
        import keras
        print(keras.config.backend(), keras.config.floatx(), os.environ["KERAS_BACKEND"], "matplotlib" in sys.modules)
        import matplotlib.pyplot  # which can still be imported
    """
    environment = os.environ | {"KERAS_HOME": str(tmp_path), "KERAS_BACKEND": "torch", "PYTHONPATH": str(ROOT)}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert result.stdout.split() == ["tensorflow", "float32", "torch", "False"], result.stderr
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "keras.json").read_text() == settings


@pytest.mark.tensorflow
def test_lack_of_memory_in_tensorflow_is_a_memory_error():
    from tensorflow import errors

    from charlstm.network.backend import tensorflow_memory_errors

    with pytest.raises(MemoryError, match=r"^OOM when allocating$"), tensorflow_memory_errors():
        raise errors.ResourceExhaustedError(None, None, "OOM when allocating\n[[node]]")
