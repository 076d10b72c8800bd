"""The kernels ask what code is compiled for. Most tests run a process for another target."""

import os
import platform
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from llvmlite import binding

from charlstm.kernels.target import compile_target, probe_target

on_x86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="names processors of x86")

ASK = "from charlstm.kernels import fastest_precision, is_supported; print(is_supported(), fastest_precision())"

# Trains a layer for one step and generates 300 characters: the results equal those of Keras and of NumPy.
TRAIN_AND_GENERATE = """
import keras, numpy as np, tensorflow as tf
from charlstm.config import SamplingConfig
from charlstm.generation.generate import Request, generate
from charlstm.generation.stepper import Stepper
from charlstm.kernels import is_supported, start_precompiling
from charlstm.network.fast_lstm import FastLSTM
from tests.conftest import random_model

precision = "float32" if is_supported("bfloat16") else "bfloat16"  # falls back to float32
settings = {"return_sequences": True, "return_state": True}
layers = keras.layers.LSTM(20, **settings), FastLSTM(20, precision=precision, **settings)
sequence = tf.constant(np.random.default_rng(0).normal(size=(5, 12, 7)), tf.float32)
for layer in layers:
    layer.build(sequence.shape)
layers[1].set_weights(layers[0].get_weights())


def step(layer):
    with tf.GradientTape() as tape:
        tape.watch(sequence)
        outputs, *states = layer(sequence)
        loss = tf.reduce_sum(tf.sin(outputs))
    return [outputs, *states, *tape.gradient(loss, [sequence, *layer.trainable_variables])]


for expected, actual in zip(*map(step, layers), strict=True):
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)
stepper = Stepper(random_model())
request = Request("once", SamplingConfig(length=300))
texts = ["".join(generate(model, request)) for model in (stepper, stepper.compiled())]
assert texts[0] == texts[1] and len(texts[0]) == 300
if not is_supported():
    assert start_precompiling("float32") is None
print(layers[1].is_fast, stepper.compiled() is not stepper)
"""


def run(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@on_x86
@pytest.mark.parametrize(
    ("processor", "expected"),
    [
        ("x86-64", ["False", "float32"]),
        ("sandybridge", ["False", "float32"]),  # AVX without fused multiply-add
        ("haswell", ["True", "float32"]),
        ("skylake-avx512", ["True", "float32"]),
        ("cooperlake", ["True", "bfloat16"]),
    ],
)
def test_instructions_are_those_of_the_target_not_of_the_processor(processor, expected):
    assert run(ASK, NUMBA_CPU_NAME=processor, NUMBA_CPU_FEATURES="") == expected


@on_x86
@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"NUMBA_CPU_NAME": "generic"}, ["False", "float32"]),
        ({"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "-fma"}, ["False", "float32"]),
        ({"NUMBA_DISABLE_JIT": "1"}, ["False", "float32"]),
    ],
)
def test_without_fast_products_nothing_is_compiled(environment, expected):
    assert run(ASK, **environment) == expected


TARGETS = {
    "generic": {"NUMBA_CPU_NAME": "generic"},
    "without AVX": {"NUMBA_ENABLE_AVX": "0"},
    "AVX-512 without bfloat16": {"NUMBA_CPU_NAME": "skylake-avx512", "NUMBA_CPU_FEATURES": ""},
}


@pytest.fixture(scope="module")
def processes():
    """Run a process for every target side by side: each compiles for some seconds."""
    with ThreadPoolExecutor() as pool:
        yield {name: pool.submit(run, TRAIN_AND_GENERATE, **environment) for name, environment in TARGETS.items()}


@on_x86
@pytest.mark.tensorflow
@pytest.mark.parametrize("name", TARGETS)
def test_training_and_generating_work_for_any_target(name, processes):
    if "AVX-512" in name and not compile_target().has_avx512:
        pytest.skip("the processor has no AVX-512")
    is_fast, is_compiled = processes[name].result()
    assert is_fast == is_compiled
    assert is_fast == run(ASK, **TARGETS[name])[0]


@pytest.mark.parametrize(
    ("triple", "expected"),
    [
        ("aarch64-unknown-linux-gnu", (True, False, False)),
        ("arm64-apple-darwin", (True, False, False)),
        ("riscv64-unknown-linux-gnu", (False, False, False)),  # no vectors by default
        ("powerpc64le-unknown-linux-gnu", (True, False, False)),  # LLVM cannot round to bfloat16 there
    ],
)
def test_other_architectures_are_probed_without_a_crash(triple, expected):
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    target = probe_target(triple, "", "")
    assert (target.has_fma, target.has_avx512, target.has_bf16) == expected
