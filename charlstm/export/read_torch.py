"""A PyTorch character model in a safetensors file: `nn.Embedding` or one-hot input, `nn.LSTM`, and `nn.Linear`."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from charlstm.arrays import FloatArray
from charlstm.atomic_files import open_regular
from charlstm.config import MAX_LAYERS
from charlstm.errors import ModelFileError, shown
from charlstm.export.foreign_network import USUAL, ForeignModel, layer_of
from charlstm.export.plain_network import DESCRIPTION, PlainNetwork
from charlstm.export.torch_format import to_gates
from charlstm.json_objects import parse_json
from charlstm.storage.model_file import MAX_HEADER_BYTES, MAX_WEIGHT_BYTES
from charlstm.storage.tensor_header import LENGTH_BYTES

FLOATS = ("F16", "F32", "F64")
MAX_TENSORS = 4 * MAX_LAYERS + 8
CELLS = {4: "lstm", 3: "gru", 1: "rnn"}  # by the number of gates
RECURRENT = re.compile(r"(?:(.*)\.)?(weight_ih|weight_hh|bias_ih|bias_hh)_l(\d{1,3})")
OTHER_KINDS = re.compile(r".*_l\d+_reverse|.*weight_hr_l\d+")

Weights = dict[str, FloatArray]


def read_torch(path: Path) -> ForeignModel:
    """Read a file. Raises ModelFileError if it is damaged, or another kind of network."""
    weights, metadata = _read(path)
    description = metadata.get(DESCRIPTION)
    if other := next((name for name in weights if OTHER_KINDS.fullmatch(name)), None):
        raise ModelFileError(f"{path} has {shown(other)}: directions and projections are not imported", hint=USUAL)
    recurrent = {name: match for name in weights if (match := RECURRENT.fullmatch(name))}
    if len({match[1] for match in recurrent.values()}) != 1:
        raise ModelFileError(f"{path} does not have the weights of one nn.LSTM, nn.GRU or nn.RNN", hint=USUAL)
    num_layers = 1 + max(int(match[3]) for match in recurrent.values())
    parts = {(match[2], int(match[3])): weights[name] for name, match in recurrent.items()}
    cell, layers = _layers(path, parts, num_layers)
    rest = {name: weight for name, weight in weights.items() if name not in recurrent}
    embedding, output_kernel, output_bias = _ends(path, rest, parts["weight_ih", 0].shape[1], layers)
    residual = _has_residual(description) and num_layers > 1
    network = PlainNetwork(cell, embedding, tuple(layers), residual, output_kernel, output_bias)
    return ForeignModel(network, description=description)


def _layers(path: Path, parts: dict[tuple[str, int], FloatArray], num_layers: int) -> tuple[str, list[Weights]]:
    """Return the cell and the layers in our order of gates."""
    layers, cell = [], ""
    for number in range(num_layers):
        w_ih, w_hh = (parts.get((name, number), np.zeros(0, np.float32)) for name in ("weight_ih", "weight_hh"))
        if w_ih.ndim != 2 or w_hh.ndim != 2 or not w_hh.size or len(w_ih) != len(w_hh):
            raise ModelFileError(f"{path} lacks the weights of layer {number}, or they do not fit", hint=USUAL)
        cell = cell or CELLS.get(len(w_hh) // w_hh.shape[1], "")
        if not cell or CELLS.get(len(w_hh) / w_hh.shape[1]) != cell:
            raise ModelFileError(f"{path} has layers that are no nn.LSTM, nn.GRU or nn.RNN", hint=USUAL)
        none = np.zeros(len(w_hh), np.float32)
        biases = [parts.get((name, number), none) for name in ("bias_ih", "bias_hh")]
        if any(bias.shape != none.shape for bias in biases):
            raise ModelFileError(f"{path} has biases of layer {number} that do not fit", hint=USUAL)
        in_order = [to_gates(cell, bias) for bias in biases]
        bias = np.stack(in_order) if cell == "gru" else in_order[0] + in_order[1]
        layers.append(layer_of(cell, to_gates(cell, w_ih), to_gates(cell, w_hh), bias))
    return cell, layers


def _ends(path: Path, rest: Weights, inputs: int, layers: list[Weights]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the embedding, the output kernel and bias: whatever their names are, their shapes tell them apart."""
    units = len(layers[-1]["recurrent_kernel"])
    matrices = [name for name, weight in rest.items() if weight.ndim == 2]
    vectors = [name for name, weight in rest.items() if weight.ndim == 1]
    linear = {name.rpartition(".")[0] for name in vectors if name.rpartition(".")[2] == "bias"}
    outputs = [name for name in matrices if name.rpartition(".")[0] in linear] or [
        name for name in matrices if rest[name].shape[1] == units and "embed" not in name.lower()
    ]
    others = [name for name in matrices if name not in outputs]
    if len(outputs) != 1 or len(others) > 1 or len(vectors) > 1 or len(matrices) + len(vectors) != len(rest):
        names = ", ".join(map(shown, sorted(rest)[:4])) or "nothing"
        raise ModelFileError(f"{path} has, beside its recurrent layers, {names}", hint=USUAL)
    kernel = rest[outputs[0]]
    bias = rest[vectors[0]] if vectors else np.zeros(len(kernel), np.float32)
    if others:
        embedding = rest[others[0]]
    elif inputs == len(kernel):
        embedding = np.eye(inputs, dtype=np.float32)
    else:
        raise ModelFileError(
            f"{path} has no embedding, and {inputs:,} inputs are no one-hot code of {len(kernel):,} characters",
            hint=USUAL,
        )
    if kernel.shape[1] != units or bias.shape != (len(kernel),):
        raise ModelFileError(f"{path} has an output layer that does not fit its recurrent layers", hint=USUAL)
    return embedding, kernel.T, bias


def _has_residual(description: str | None) -> bool:
    """Return whether charlstm wrote that layers add their input to their output: weights do not say it."""
    try:
        architecture = parse_json(description or "{}")["architecture"]
        return bool(architecture["residual"])
    except (ValueError, KeyError, TypeError):
        return False


def _read(path: Path) -> tuple[Weights, dict[str, str]]:
    """Return all tensors and the metadata, once the sizes of both are known to be sensible."""
    try:
        with open_regular(path) as file:
            length = int.from_bytes(file.read(LENGTH_BYTES), "little")
            if length > MAX_HEADER_BYTES:
                raise ModelFileError(f"{path} has a header of {length:,} bytes, or is no safetensors file", hint=USUAL)
            header = json.loads(file.read(length)) if length else {}
        with safe_open(path, framework="numpy") as tensors:
            names, metadata = list(tensors.keys()), tensors.metadata() or {}
            _check_tensors(path, header, names)
            return {name: tensors.get_tensor(name).astype(np.float32) for name in names}, metadata
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror or error}", hint="check the path") from error
    except (SafetensorError, ValueError, RecursionError) as error:
        raise ModelFileError(f"{path} is not a whole safetensors file", hint=USUAL) from error


def _check_tensors(path: Path, header: dict[str, Any], names: list[str]) -> None:
    if len(names) > MAX_TENSORS:
        raise ModelFileError(f"{path} has {len(names):,} tensors", hint=USUAL)
    for name in names:
        if header[name]["dtype"] not in FLOATS:
            raise ModelFileError(
                f"{path} has {shown(name)} as {header[name]['dtype']}, not as {', '.join(FLOATS)}",
                hint="convert it to float32",
            )
    num_bytes = sum(end - start for start, end in (header[name]["data_offsets"] for name in names))
    if 2 * num_bytes > MAX_WEIGHT_BYTES:
        raise ModelFileError(f"{path} has {num_bytes:,} bytes of weights", hint="import a smaller model")
