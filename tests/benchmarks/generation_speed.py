"""Print the table of generation speeds in docs/benchmarks.md: charlstm, PyTorch, ONNX Runtime and Keras take turns.

`python -m tests.benchmarks.generation_speed` measures everything, each contender in a process of its own. With a
contender and a number of streams it prints the characters per second of that contender; a third argument is the cell
of charlstm's network.
"""

import os
import sys
import time
from collections.abc import Callable
from statistics import median

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np

from charlstm.cells.shapes import weight_shapes
from charlstm.config import ModelConfig, SamplingConfig
from charlstm.generation.sampling import sample_ids
from charlstm.kernels import fastest_precision
from charlstm.network.compiled_layers import reference_layer
from charlstm.storage.model_file import Model
from charlstm.text.vocabulary import Vocabulary
from tests.benchmarks.measurement import measure, summarise

ROUNDS = int(os.environ.get("ROUNDS", "3"))
PRECISION = os.environ.get("PRECISION")  # of charlstm; None: what a model trained on this machine has
NUM_LAYERS, UNITS, TEMPERATURE = 2, 300, 0.8
CHARACTERS = "".join(map(chr, range(33, 98)))  # 65, as many as tiny Shakespeare has
NUM_INTERVALS, INTERVAL = 5, float(os.environ.get("INTERVAL", "0.6"))  # seconds each
CASES = {1: ("charlstm", "torch", "onnxruntime", "keras", "memory"), 64: ("charlstm", "torch", "onnxruntime")}

Generate = Callable[[int], None]  # generates this many characters in each stream


def make_model(cell: str = "lstm") -> Model:
    config = ModelConfig(cell=cell, num_layers=NUM_LAYERS, units=UNITS)
    vocabulary = Vocabulary.from_text(CHARACTERS)
    rng = np.random.default_rng(0)
    shapes = weight_shapes(config, len(vocabulary))
    weights = {name: rng.normal(0, 0.1, shape).astype(np.float32) for name, shape in shapes.items()}
    precision = PRECISION or fastest_precision(reference_layer())
    return Model(config, vocabulary, weights, {"settings": {"precision": precision}})


def make_charlstm(num_streams: int, cell: str = "lstm") -> Generate:
    from charlstm.generation.generate import Request, generate, generate_all
    from charlstm.generation.stepper import Stepper

    model = Stepper(make_model(cell)).compiled()

    def run(length: int) -> None:
        configs = [
            SamplingConfig(length=length, temperature=TEMPERATURE, random_seed=seed) for seed in range(num_streams)
        ]
        requests = [Request("!", config) for config in configs]
        texts = generate(model, requests[0]) if num_streams == 1 else generate_all(model, requests)
        for _ in texts:
            pass

    return run


def make_torch(num_streams: int) -> Generate:
    """Use a loop over `torch.nn.LSTM` in inference mode."""
    import torch

    def tensor(array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array))

    def make_lstm(layer: int) -> torch.nn.LSTM:
        kernel, recurrent_kernel, bias = (
            weights[f"layers.{layer}.{name}"] for name in ("kernel", "recurrent_kernel", "bias")
        )
        arrays = {"weight_ih_l0": kernel.T, "weight_hh_l0": recurrent_kernel.T, "bias_ih_l0": bias}
        arrays["bias_hh_l0"] = np.zeros_like(bias)
        lstm = torch.nn.LSTM(kernel.shape[0], UNITS)
        lstm.load_state_dict({name: tensor(array) for name, array in arrays.items()})
        return lstm

    weights = make_model().weights
    layers = [make_lstm(layer) for layer in range(NUM_LAYERS)]
    embedding, kernel, bias = (tensor(weights[name]) for name in ("embedding", "output.kernel", "output.bias"))

    def run(length: int) -> None:
        ids = torch.zeros(num_streams, dtype=torch.int64)
        states = [tuple(torch.zeros(1, num_streams, UNITS) for _ in range(2)) for _ in layers]
        with torch.inference_mode():
            for _ in range(length):
                hidden = embedding[ids][None]
                for layer, lstm in enumerate(layers):
                    output, states[layer] = lstm(hidden, states[layer])
                    hidden = hidden + output if layer else output
                probabilities = torch.softmax((hidden[0] @ kernel + bias) / TEMPERATURE, dim=-1)
                ids = torch.multinomial(probabilities, 1)[:, 0]

    return run


def make_onnxruntime(num_streams: int) -> Generate:
    """Run a graph of one step in ONNX Runtime."""
    import onnxruntime

    from tests.onnx_models import one_step

    session = onnxruntime.InferenceSession(one_step(make_model()), providers=["CPUExecutionProvider"])
    _, *state_names = (graph_input.name for graph_input in session.get_inputs())
    rng = np.random.default_rng(0)

    def run(length: int) -> None:
        ids = np.zeros((1, num_streams), np.int64)
        states = [np.zeros((1, num_streams, UNITS), np.float32) for _ in state_names]
        for _ in range(length):
            inputs = {"ids": ids, **dict(zip(state_names, states, strict=True))}
            logits, *states = session.run(None, inputs)
            ids = sample_ids(logits / TEMPERATURE, rng.random(num_streams))[None].astype(np.int64)

    return run


def make_keras(num_streams: int) -> Generate:
    """Call `Model.predict` on one step, with the states passed in and out."""
    import keras

    ids_input, state_inputs = keras.Input((1,), dtype="int32"), [keras.Input((UNITS,)) for _ in range(2 * NUM_LAYERS)]
    hidden, last_states = keras.layers.Embedding(len(CHARACTERS), 64)(ids_input), []
    for layer in range(NUM_LAYERS):
        lstm = keras.layers.LSTM(UNITS, return_state=True, return_sequences=True)
        output, *layer_states = lstm(hidden, initial_state=state_inputs[2 * layer : 2 * layer + 2])
        hidden = keras.layers.add([hidden, output]) if layer else output
        last_states += layer_states
    logits_output = keras.layers.Dense(len(CHARACTERS))(hidden)
    network = keras.Model([ids_input, *state_inputs], [logits_output, *last_states])
    rng = np.random.default_rng(0)

    def run(length: int) -> None:
        ids, states = (
            np.zeros((num_streams, 1), np.int32),
            [np.zeros((num_streams, UNITS), np.float32)] * 2 * NUM_LAYERS,
        )
        for _ in range(length):
            logits, *states = network.predict([ids, *states], verbose=0)
            ids = sample_ids(logits[:, 0] / TEMPERATURE, rng.random(num_streams))[:, None].astype(np.int32)

    return run


def make_memory_reader(_: int) -> Generate:
    """Read arrays of the sizes of the weights on one core: the limit that memory sets for one stream."""
    names = ["output.kernel", *(f"layers.{layer}.recurrent_kernel" for layer in range(NUM_LAYERS))]
    names += [f"layers.{layer}.kernel" for layer in range(1, NUM_LAYERS)]
    weights = make_model().weights

    def run(length: int) -> None:
        for _ in range(length):
            for name in names:
                weights[name].max()

    return run


CONTENDERS: dict[str, Callable[..., Generate]] = {
    "charlstm": make_charlstm,
    "torch": make_torch,
    "onnxruntime": make_onnxruntime,
    "keras": make_keras,
    "memory": make_memory_reader,
}


def seconds_per_character(run: Generate) -> float:
    """Return the time of a character of each stream in the fastest interval."""

    def seconds(length: int) -> float:
        start = time.perf_counter()
        run(length)
        return time.perf_counter() - start

    seconds(2)
    length = max(5, round(INTERVAL * 5 / seconds(5)))
    return min(seconds(length) for _ in range(NUM_INTERVALS)) / length


def print_table() -> None:
    print(f"{NUM_LAYERS}x{UNITS}, {len(CHARACTERS)} characters; the median of {ROUNDS} rounds.\n")
    print("| streams | contender | characters per second | charlstm / contender |\n|---|---|---|---|")
    for num_streams, names in CASES.items():
        results: dict[str, list[float]] = {name: [] for name in names}
        for _ in range(ROUNDS):
            for name, values in results.items():
                values.append(measure("tests.benchmarks.generation_speed", name, str(num_streams)))
        charlstm_speed = median(results["charlstm"])
        for name, values in results.items():
            ratio = charlstm_speed / median(values)
            print(f"| {num_streams} | {name} | {summarise(values)} | {ratio:.2f} |", flush=True)


def main(*arguments: str) -> None:
    if arguments:
        name, num_streams, *cell = arguments[0], int(arguments[1]), *arguments[2:]
        print(num_streams / seconds_per_character(CONTENDERS[name](num_streams, *cell)))
    else:
        print_table()


if __name__ == "__main__":
    main(*sys.argv[1:])
