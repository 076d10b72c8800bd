"""A network as other libraries can hold it: layers of LSTM, GRU or RNN, and what has to be said about them."""

import json
from dataclasses import dataclass

from charlstm.arrays import FloatArray
from charlstm.cells.registry import get_cell
from charlstm.cells.shapes import layer_shapes
from charlstm.cells.stack import has_residual
from charlstm.cells.weights import effective_weights
from charlstm.errors import ExportError
from charlstm.storage.model_file import Model

DESCRIPTION = "charlstm"  # the key, or the name of the part, under which a file has the description
PLAIN_CELLS = ("lstm", "gru", "rnn")  # that all libraries have, with the same equations
SAME_AS_LSTM = {"grid": 1, "mogrifier": 0}  # with this variant
HINT = "name it FILE.onnx, FILE.html or FILE.safetensors, which hold every cell"


@dataclass(frozen=True)
class PlainNetwork:
    """Weights in our names, shapes and gate order; `residual` layers after the first add their input to their output.

    Each layer has a kernel, a recurrent kernel and a bias, and a GRU's also a recurrent bias. An output layer follows.
    """

    cell: str
    embedding: FloatArray  # (vocabulary, embedding_dim)
    layers: tuple[dict[str, FloatArray], ...]
    residual: bool
    output_kernel: FloatArray  # (units, vocabulary)
    output_bias: FloatArray

    @property
    def units(self) -> int:
        return int(self.layers[0]["recurrent_kernel"].shape[0])


def plain_cell(name: str) -> str | None:
    """Return which of PLAIN_CELLS has the equations of a cell; None if none has.

    >>> plain_cell("mogrifier:0"), plain_cell("mogrifier:1")
    ('lstm', None)
    """
    cell_type, _, variant = name.partition(":")
    if cell_type in SAME_AS_LSTM and variant.isdecimal() and int(variant) == SAME_AS_LSTM[cell_type]:
        return "lstm"
    return name if name in PLAIN_CELLS else None


def plain_network(model: Model, *, library: str) -> PlainNetwork:
    """Return the layers of a model. Raises ExportError if a library has no such layers."""
    cell = plain_cell(model.config.cell)
    if cell is None:
        holds = ", ".join(PLAIN_CELLS)
        raise ExportError(f"{library} has no cell {model.config.cell}, only {holds}", hint=HINT)
    if model.config.attention:
        raise ExportError(f"{library} has no such attention over the last outputs", hint=HINT)
    return PlainNetwork(
        cell,
        model.weights["embedding"],
        tuple(layer_weights(model, layer) for layer in range(model.config.num_layers)),
        has_residual(model.config) and model.config.num_layers > 1,
        model.weights["output.kernel"],
        model.weights["output.bias"],
    )


def layer_weights(model: Model, layer: int) -> dict[str, FloatArray]:
    """Return the weights of a layer as its equations need them, by their names within the layer."""
    named = {name: model.weights[f"layers.{layer}.{name}"] for name in layer_shapes(model.config, layer)}
    return effective_weights(get_cell(model.config.cell), model.config.units, named)


def describe(model: Model) -> str:
    """Return what the weights do not say, as JSON in ASCII: the architecture, and which characters the ids stand for.

    Whatever the format, nothing of that is lost: how text is spelled, the stand-in for rare characters, the window.
    """
    description = {"architecture": model.config.to_json(), "vocabulary": model.vocabulary.to_json()}
    return json.dumps(description, sort_keys=True)
