"""Kernels are compiled before TensorFlow is there, once on a machine."""

import os
import subprocess
import sys
from pathlib import Path
from threading import Event
from types import SimpleNamespace

from charlstm.network import compiled_layers
from charlstm.network.compiled_layers import REFERENCE_CELL, compile_for_training

ROOT = Path(__file__).parents[2]
# Prints how many modules are emitted and compiled, and whether TensorFlow was imported.
PREPARE = """
import sys
from charlstm.kernels import compiler
compile_module, count = compiler.compile_module, 0
def counted(*arguments):
    global count
    count += 1
    return compile_module(*arguments)
compiler.compile_module = counted
from charlstm.network.compiled_layers import compile_for_training
compile_for_training(None, frozenset(["rnn", "feedforward"]))
print(count, "tensorflow" in sys.modules)
"""


def test_second_start_compiles_nothing(tmp_path):
    environment = os.environ | {"CHARLSTM_CACHE": str(tmp_path), "CHARLSTM_ISA": "portable", "PYTHONPATH": str(ROOT)}

    def prepare():
        command = [sys.executable, "-c", PREPARE]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()

    first, *_ = prepare()
    assert int(first) >= 2 * 4 + 1  # two layers of two cells, to train and to evaluate, and the products
    assert prepare() == ["0", "False"]


def record_kernels(monkeypatch, stopped):
    """Return the list of the kernels that are compiled from now on; compiling one sets the event."""
    compiled = []

    def layer_kernel(cell, precision, **options):
        def compile_one():
            compiled.append((cell, precision, *options.values()))
            stopped.set()

        return SimpleNamespace(compile=compile_one)

    monkeypatch.setattr(compiled_layers, "layer_kernel", layer_kernel)
    return compiled


def test_nothing_more_is_compiled_once_it_is_stopped(monkeypatch):
    stopped = Event()
    compiled = record_kernels(monkeypatch, stopped)
    assert compile_for_training("float32", frozenset(["gru"]), stopped=stopped) == "float32"
    assert len(compiled) == 1


def test_kernels_for_training_and_evaluation_are_compiled(monkeypatch):
    compiled = record_kernels(monkeypatch, Event())
    compile_for_training("bfloat16", frozenset(["feedforward", "mogrifier"]))
    assert set(compiled) == {
        (name, "bfloat16", is_first, is_first and name == REFERENCE_CELL, needs_gradient)
        for name in ("mogrifier", REFERENCE_CELL)
        for is_first in (True, False)
        for needs_gradient in (True, False)
    }
