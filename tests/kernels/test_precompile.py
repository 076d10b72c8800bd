"""Another process compiles the code for training, and this one finds it."""

import os
import subprocess
import sys
from typing import Any

import pytest

from charlstm.kernels import code_cache, precompile
from charlstm.kernels.code_cache import CodeFolder
from charlstm.kernels.precompile import start_precompiling

# A training step on arrays such as TensorFlow passes. Prints how many functions had to be compiled.
TRAIN = """
import numpy as np
from charlstm.kernels import LSTMKernel, lstm, packing, start_precompiling, weight_gradient
kernel, weights = LSTMKernel("float32"), np.zeros((3, 8), np.float32)
forward, backward = (kernel.pack(weights, transposed=transposed) for transposed in (False, True))
ids, table, state = np.zeros((5, 2), np.int32), np.ones((7, 8), np.float32), np.zeros((2, 2), np.float32)
inputs = np.ones((5, 2, 1), np.float32)
outputs, _, *saved = kernel.forward(ids, table, forward, inputs, state, state, needs_gradient=True)
kernel.backward(ids, *saved, state, backward, outputs, state, state, 7, num_inputs=1)
assert outputs.any()
used = [lstm.lstm_forward, lstm.lstm_backward, weight_gradient._multiply, packing._pack, packing._pack_transposed]
print(sum(sum(function.stats.cache_misses.values()) for function in used), start_precompiling("float32"))
"""


@pytest.fixture(scope="module")
def precompiled(tmp_path_factory):
    """A cache that holds the code for training in float32."""
    cache = tmp_path_factory.mktemp("cache")
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache)}
    command = [sys.executable, "-m", "charlstm.kernels.precompile", "float32"]
    done = subprocess.run(command, env=environment, check=True, capture_output=True)
    assert done.stderr == b""
    return cache


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder for code; no process is started."""
    folder = CodeFolder(tmp_path / "0123456789abcdef")
    monkeypatch.setattr(code_cache, "code_folder", lambda: folder)
    monkeypatch.setattr(subprocess, "Popen", lambda command, **_: command)
    return folder


def test_training_compiles_nothing_more(precompiled):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(precompiled)}
    done = subprocess.run([sys.executable, "-c", TRAIN], env=environment, check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["0", "None"]


def test_missing_code_is_compiled_in_a_process(folder):
    command: Any = start_precompiling("float32")
    assert command == [sys.executable, "-P", "-m", "charlstm.kernels.precompile", "float32"]


def test_code_of_another_precision_does_not_count(folder):
    folder.save("lstm_forward", b"code")
    folder.save("precompiled-float32", b"lstm_forward")
    assert start_precompiling("float32") is None
    assert start_precompiling("bfloat16") is not None


@pytest.mark.parametrize("name", ["lstm_forward", "precompiled-float32"])
def test_damaged_code_is_compiled_again(folder, name):
    folder.save("lstm_forward", b"code")
    folder.save("precompiled-float32", b"lstm_forward")
    (folder.path / name).write_bytes(b"")
    assert start_precompiling("float32") is not None


def test_code_that_could_not_be_saved_is_compiled_again(folder, monkeypatch):
    with monkeypatch.context() as full_disk:
        full_disk.setattr(code_cache, "write_atomically", lambda path, content: None)
        folder.save("lstm_forward", b"code")
    assert folder.used == {"lstm_forward"}
    folder.save("precompiled-float32", "\n".join(folder.used).encode())
    assert start_precompiling("float32") is not None


def test_nothing_is_compiled_that_cannot_be_kept(folder, monkeypatch):
    monkeypatch.setattr(folder, "path", None)
    assert start_precompiling("float32") is None


def test_nothing_is_compiled_for_an_unsupported_processor(folder, monkeypatch):
    monkeypatch.setattr("charlstm.kernels.target.is_supported", lambda: False)
    assert start_precompiling("float32") is None


def test_modules_of_the_working_directory_are_not_imported(precompiled, monkeypatch, tmp_path):
    for module in ("numba", "charlstm"):
        (tmp_path / f"{module}.py").write_text("open('was_imported', 'w')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(precompiled))
    monkeypatch.setattr(precompile, "is_precompiled", lambda _: False)
    process = start_precompiling("float32")
    assert process is not None
    assert process.wait() == 0
    assert not (tmp_path / "was_imported").exists()
