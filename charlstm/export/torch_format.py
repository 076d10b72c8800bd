"""Weights with the names, shapes and gate order of PyTorch's `nn.Embedding`, `nn.LSTM` and `nn.Linear`."""

import numpy as np
from safetensors.numpy import load, save

from charlstm.arrays import FloatArray, Ids
from charlstm.export.check import check_predictions
from charlstm.export.plain_network import DESCRIPTION, PlainNetwork, describe, plain_network
from charlstm.storage.model_file import Model

# Where PyTorch keeps the gates of ours: i, f, g, o in both; a GRU's are r, z, n there and z, r, candidate here
TORCH_GATES = {"lstm": (0, 1, 2, 3), "gru": (1, 0, 2), "rnn": (0,)}


def torch_file(model: Model) -> bytes:
    """Return a safetensors file of PyTorch's weights; its metadata have the description of the network.

    Names are `embedding.weight`, `lstm.weight_ih_l0` and so on (or `gru`, `rnn`), `output.weight`, `output.bias`.
    Raises ExportError for a network that PyTorch's layers cannot hold, and if the file, read by PyTorch's equations,
    does not predict what the model does.
    """
    network = plain_network(model, library="PyTorch")
    content = save(_torch_weights(network), metadata={DESCRIPTION: describe(model)})
    weights = load(content)
    check_predictions(
        model,
        lambda ids: read_as_torch(weights, network.cell, ids, residual=network.residual),
        what="the file of PyTorch's weights",
    )
    return bytes(content)


def from_gates(cell: str, weight: FloatArray) -> FloatArray:
    """Return weights (..., gates * units), in our order of gates, as PyTorch has them: (gates * units, ...)."""
    blocks = np.split(weight, len(TORCH_GATES[cell]), axis=-1)
    return np.ascontiguousarray(np.concatenate([blocks[gate] for gate in TORCH_GATES[cell]], axis=-1).T)


def to_gates(cell: str, weight: FloatArray) -> FloatArray:
    """Return weights (gates * units, ...) of PyTorch in our order of gates: the exchange of two is its own inverse."""
    blocks = np.split(weight, len(TORCH_GATES[cell]), axis=0)
    return np.ascontiguousarray(np.concatenate([blocks[gate] for gate in TORCH_GATES[cell]], axis=0).T)


def _torch_weights(network: PlainNetwork) -> dict[str, FloatArray]:
    weights = {"embedding.weight": network.embedding}
    for number, layer in enumerate(network.layers):
        recurrent_bias = layer.get("recurrent_bias", np.zeros_like(layer["bias"]))
        parts = {"weight_ih": layer["kernel"], "weight_hh": layer["recurrent_kernel"], "bias_ih": layer["bias"]}
        for name, part in (parts | {"bias_hh": recurrent_bias}).items():
            weights[f"{network.cell}.{name}_l{number}"] = from_gates(network.cell, part)
    weights |= {"output.weight": network.output_kernel.T, "output.bias": network.output_bias}
    return {name: np.ascontiguousarray(weight, np.float32) for name, weight in weights.items()}


def read_as_torch(weights: dict[str, FloatArray], cell: str, ids: Ids, *, residual: bool) -> FloatArray:
    """Return the logits after each id by the equations in PyTorch's documentation of its layers."""
    hidden, number = weights["embedding.weight"][ids], 0
    while f"{cell}.weight_ih_l{number}" in weights:
        w_ih, w_hh, b_ih, b_hh = (
            weights[f"{cell}.{name}_l{number}"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        projected, outputs = hidden @ w_ih.T + b_ih, np.empty((len(ids), w_hh.shape[1]), np.float32)
        h, c = (np.zeros(w_hh.shape[1], np.float32) for _ in range(2))
        for time, x in enumerate(projected):
            h, c = _torch_step(cell, x, w_hh @ h + b_hh, h, c)
            outputs[time] = h
        hidden = hidden + outputs if residual and number else outputs
        number += 1
    result: FloatArray = hidden @ weights["output.weight"].T + weights["output.bias"]
    return result


def _torch_step(
    cell: str, x: FloatArray, recurrent: FloatArray, h: FloatArray, c: FloatArray
) -> tuple[FloatArray, FloatArray]:
    if cell == "rnn":
        return np.tanh(x + recurrent), c
    if cell == "gru":
        (x_r, x_z, x_n), (h_r, h_z, h_n) = np.split(x, 3), np.split(recurrent, 3)
        r, z = _sigmoid(x_r + h_r), _sigmoid(x_z + h_z)
        n = np.tanh(x_n + r * h_n)
        return (1 - z) * n + z * h, c
    i, f, g, o = np.split(x + recurrent, 4)
    c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
    return _sigmoid(o) * np.tanh(c), c


def _sigmoid(x: FloatArray) -> FloatArray:
    half = np.float32(0.5)
    result: FloatArray = half * np.tanh(half * x) + half
    return result
