"""Speed of generating, beside PyTorch, ONNX Runtime and Keras with the same weights: a table for docs/benchmarks.md.

`python -m tests.benchmarks.generation_speed` measures all, each contender in a process of its own, taking turns;
with a contender and a number of streams it prints that one's characters a second.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np

from charlstm.cells.shapes import weight_shapes
from charlstm.config import ModelConfig, SamplingConfig
from charlstm.generation.sampling import sample_ids
from charlstm.machine import fastest_precision
from charlstm.storage.model_file import Model
from charlstm.text.vocabulary import Vocabulary

ROUNDS = int(os.environ.get("ROUNDS", "3"))
PRECISION = os.environ.get("PRECISION", fastest_precision())  # of charlstm, as a model trained on this machine has it
LAYERS, UNITS = 2, 300
CASES = [(1, ("charlstm", "torch", "onnxruntime", "keras")), (64, ("charlstm", "torch", "onnxruntime"))]
CHARACTERS = "".join(map(chr, range(33, 98)))  # 65, as many as tiny Shakespeare has
STRETCHES, SECONDS = 5, 0.6
Write = Callable[[int], None]  # so many characters in each stream


def model() -> Model:
    config, vocabulary = ModelConfig(num_layers=LAYERS, units=UNITS), Vocabulary.from_text(CHARACTERS)
    rng = np.random.default_rng(0)
    shapes = weight_shapes(config, len(vocabulary)).items()
    weights = {name: rng.normal(0, 0.1, shape).astype(np.float32) for name, shape in shapes}
    return Model(config, vocabulary, weights, {"settings": {"precision": PRECISION}})


def charlstm(streams: int) -> Write:
    from charlstm.generation.generate import Request, generate, generate_many
    from charlstm.generation.stepper import Stepper

    voice = Stepper(model()).compiled()

    def write(length: int) -> None:
        requests = [Request("!", SamplingConfig(length=length, random_seed=place)) for place in range(streams)]
        if streams == 1:
            for _ in generate(voice, requests[0]):
                pass
        else:
            generate_many(voice, requests)

    return write


def torch(streams: int) -> Write:
    import torch as library

    def tensor(array: np.ndarray) -> Any:
        return library.from_numpy(np.ascontiguousarray(array))

    weights, layers = model().weights, []
    for layer in range(LAYERS):
        kernel, recurrent_kernel, bias = (
            weights[f"layers.{layer}.{part}"] for part in ("kernel", "recurrent_kernel", "bias")
        )
        lstm = library.nn.LSTM(kernel.shape[0], UNITS)
        arrays = {"weight_ih_l0": kernel.T, "weight_hh_l0": recurrent_kernel.T, "bias_ih_l0": bias}
        state = {name: tensor(array) for name, array in arrays.items()} | {"bias_hh_l0": tensor(np.zeros_like(bias))}
        lstm.load_state_dict(state)
        layers.append(lstm)
    embedding = tensor(weights["embedding"])
    output_kernel, output_bias = tensor(weights["output.kernel"]), tensor(weights["output.bias"])

    def write(length: int) -> None:
        ids = library.zeros(streams, dtype=library.int64)
        states = [tuple(library.zeros(1, streams, UNITS) for _ in range(2)) for _ in layers]
        with library.inference_mode():
            for _ in range(length):
                hidden = embedding[ids][None]
                for place, lstm in enumerate(layers):
                    output, states[place] = lstm(hidden, states[place])
                    hidden = hidden + output if place else output
                probabilities = library.softmax((hidden[0] @ output_kernel + output_bias) / 0.8, dim=-1)
                ids = library.multinomial(probabilities, 1)[:, 0]

    return write


def onnxruntime(streams: int) -> Write:
    import onnxruntime as library

    from tests.onnx_models import one_step

    session = library.InferenceSession(one_step(model()), providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()][1:]
    rng = np.random.default_rng(0)

    def write(length: int) -> None:
        ids = np.zeros((1, streams), np.int64)
        states = [np.zeros((1, streams, UNITS), np.float32) for _ in names]
        for _ in range(length):
            logits, *states = session.run(None, {"ids": ids, **dict(zip(names, states, strict=True))})
            ids = sample_ids(logits / 0.8, rng.random(streams))[None].astype(np.int64)

    return write


def keras(streams: int) -> Write:
    import keras as library

    inputs = [library.Input((1,), dtype="int32"), *(library.Input((UNITS,)) for _ in range(2 * LAYERS))]
    hidden, states = library.layers.Embedding(len(CHARACTERS), 64)(inputs[0]), []
    for layer in range(LAYERS):
        lstm = library.layers.LSTM(UNITS, return_state=True, return_sequences=True)
        output, *after = lstm(hidden, initial_state=inputs[1 + 2 * layer : 3 + 2 * layer])
        hidden = library.layers.add([hidden, output]) if layer else output
        states += after
    network = library.Model(inputs, [library.layers.Dense(len(CHARACTERS))(hidden), *states])
    rng = np.random.default_rng(0)

    def write(length: int) -> None:
        ids, before = np.zeros((streams, 1), np.int32), [np.zeros((streams, UNITS), np.float32)] * (2 * LAYERS)
        for _ in range(length):
            logits, *before = network.predict([ids, *before], verbose=0)
            ids = sample_ids(logits[:, 0] / 0.8, rng.random(streams))[:, None].astype(np.int32)

    return write


def reading_the_weights() -> float:
    """How often a second one core can read arrays of the weights' sizes: the limit that memory sets for one stream."""
    weights = model().weights
    read = [weights["output.kernel"], *(weights[f"layers.{layer}.recurrent_kernel"] for layer in range(LAYERS))]
    read += [weights[f"layers.{layer}.kernel"] for layer in range(1, LAYERS)]

    def once(times: int) -> None:
        for _ in range(times):
            for array in read:
                array.max()

    return 1 / seconds_a_character(once)


def seconds_a_character(write: Write) -> float:
    write(2)
    start = time.perf_counter()
    write(5)
    times = max(5, round(SECONDS * 5 / (time.perf_counter() - start)))
    stretches = []
    for _ in range(STRETCHES):
        start = time.perf_counter()
        write(times)
        stretches.append((time.perf_counter() - start) / times)
    return min(stretches)


def measure(name: str, streams: int) -> float:
    command = [sys.executable, "-m", "tests.benchmarks.generation_speed", name, str(streams)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])


def table() -> None:
    print(f"{LAYERS}x{UNITS}, {len(CHARACTERS)} characters; the median of {ROUNDS} rounds.\n")
    print("| streams | who | characters a second | charlstm is |")
    print("|---|---|---|---|")
    for streams, names in CASES:
        names = (*names, "memory") if streams == 1 else names
        values: dict[str, list[float]] = {name: [] for name in names}
        for _ in range(ROUNDS):
            for name in names:
                values[name].append(measure(name, streams))
        ours = median(values["charlstm"])
        for name, found in values.items():
            spread = f"{median(found):,.0f} ({min(found):,.0f} to {max(found):,.0f})"
            print(f"| {streams} | {name} | {spread} | {ours / median(found):.2f} times |", flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        table()
    elif sys.argv[1] == "memory":
        print(reading_the_weights())
    else:
        contender = {"charlstm": charlstm, "torch": torch, "onnxruntime": onnxruntime, "keras": keras}[sys.argv[1]]
        print(int(sys.argv[2]) / seconds_a_character(contender(int(sys.argv[2]))))
