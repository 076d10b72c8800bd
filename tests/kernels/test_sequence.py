"""The code of the passes is compiled by another process, and found by this one."""

import subprocess
import sys

import pytest

from charlstm.kernels.sequence import start_compiling

# What a training runs, on arrays as TensorFlow hands them over; prints what had to be compiled here.
TRAINING = """
import numpy as np
from charlstm.kernels import lstm, packing, sequence, weight_gradient
shape = np.zeros((3, 8), np.float32)
forward, backward = (packing.pack_weights(shape, bf16=False, transposed=transposed) for transposed in (False, True))
ids, table, state = np.zeros((5, 2), np.int32), np.ones((7, 8), np.float32), np.zeros((2, 2), np.float32)
inputs = np.ones((5, 2, 1), np.float32)
outputs, _, gates, cells, operands = sequence.forward_pass(
    ids, table, forward, inputs, state, state, bf16=False, needs_gradient=True
)
sequence.backward_pass(ids, operands, gates, cells, state, backward, outputs, state, state, 7, num_inputs=1)
assert outputs.any()
used = [lstm.lstm_forward, lstm.lstm_backward, weight_gradient._multiply, packing._pack, packing._pack_transposed]
print(sum(sum(function.stats.cache_misses.values()) for function in used), sequence.start_compiling("float32"))
"""


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    return tmp_path


def test_what_another_process_has_compiled_is_all_that_a_training_needs(empty_cache):
    subprocess.run([sys.executable, "-m", "charlstm.kernels.sequence", "float32"], check=True)
    done = subprocess.run([sys.executable, "-c", TRAINING], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["0", "None"]


@pytest.mark.parametrize(
    ("kept", "starts"),
    [
        ([], True),
        (["(Array(uint16, 3, 'C', False, aligned=True))"], True),  # only for bfloat16
        (["(Array(float32, 3, 'C', False, aligned=True))"], False),
        (None, False),  # there is no place to keep it
    ],
)
def test_it_is_compiled_where_nothing_is_kept(monkeypatch, kept, starts):
    started = []
    monkeypatch.setattr("charlstm.kernels.sequence.kept_signatures", lambda _: kept)
    monkeypatch.setattr("charlstm.kernels.sequence.subprocess.Popen", lambda command, **_: started.append(command[1:]))
    start_compiling("float32")
    assert started == [["-P", "-m", "charlstm.kernels.sequence", "float32"]] * starts


def test_no_file_of_the_folder_one_stands_in_is_run(monkeypatch, tmp_path, empty_cache):
    monkeypatch.chdir(tmp_path)
    for module in ("numba", "charlstm"):
        (tmp_path / f"{module}.py").write_text("open('was_run', 'w')")
    monkeypatch.setattr("charlstm.kernels.sequence.kept_signatures", lambda _: [])
    compiler = start_compiling("float32")
    assert compiler is not None
    assert compiler.wait() == 0
    assert not (tmp_path / "was_run").exists()
