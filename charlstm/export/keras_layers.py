"""The layers of a Keras model from its config: a stack that charlstm has as well, or an error that says what is not."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charlstm.config import MAX_LAYERS
from charlstm.errors import ModelFileError, shown
from charlstm.export.foreign_network import USUAL

RECURRENT = {"LSTM": "lstm", "GRU": "gru", "SimpleRNN": "rnn"}
NUM_GATES = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}
WITHOUT_EFFECT = ("Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout")  # once a model is trained
KINDS = ("InputLayer", "Embedding", *RECURRENT, "Add", "Dense", "TimeDistributed", "Activation", "Softmax")
PACKAGES = ("keras", "tensorflow", "tf_keras")
EXPECTED = {  # the settings that our cells have
    "activation": "tanh",
    "recurrent_activation": "sigmoid",
    "go_backwards": False,
    "return_state": False,
    "reset_after": True,
}

Config = dict[str, Any]
Shape = tuple[int | None, ...]  # None: any number


@dataclass(frozen=True)
class KerasLayer:
    """A layer with weights, its group in the file of weights, and the shapes of the weights."""

    kind: str
    name: str
    group: str
    shapes: tuple[Shape, ...]


@dataclass(frozen=True)
class Stack:
    """The layers with weights, from the embedding, if there is one, to the dense layer."""

    layers: tuple[KerasLayer, ...]
    residual: bool
    window: int


def read_stack(path: Path, config: Any) -> Stack:
    """Return the stack that a config describes. Raises ModelFileError for anything else."""
    reader = _Reader(path)
    try:
        for layer, group in _layers_and_groups(path, config):
            reader.read(layer, group, is_chain=config["class_name"] == "Sequential")
        return reader.stack()
    except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
        raise ModelFileError(f"{path} has a config that is not Keras's", hint=USUAL) from error


def snake_case(name: str) -> str:
    """Return the name of a layer's class as Keras writes it in a file of weights.

    >>> snake_case("SimpleRNN"), snake_case("LSTM"), snake_case("InputLayer")
    ('simple_rnn', 'lstm', 'input_layer')
    """
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def _layers_and_groups(path: Path, config: Any) -> Iterator[tuple[Config, str]]:
    """Yield each layer with its group in the file of weights: `layers/lstm`, `layers/lstm_1`, and so on."""
    kind, layers = config["class_name"], config["config"]["layers"]
    if kind not in ("Sequential", "Functional", "Model"):
        raise _refused(path, f"it is a {shown(kind)}, and neither Sequential nor Functional")
    if len(layers) > 4 * MAX_LAYERS:
        raise _refused(path, f"it has {len(layers):,} layers")
    counts: Counter[str] = Counter()
    for layer in layers:
        name, kind = snake_case(layer["class_name"]), layer["class_name"]
        is_ours = str(layer.get("module") or "keras").partition(".")[0] in PACKAGES
        if kind not in (*KINDS, *WITHOUT_EFFECT) or not is_ours:
            raise _refused(path, f"layer {shown(layer['config']['name'])} is a {shown(kind)}")
        yield layer, f"layers/{name}_{counts[name]}" if counts[name] else f"layers/{name}"
        counts[name] += 1


class _Reader:
    """Follows the tensor through the layers."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tensor, self._before = "", ""  # the layers that gave the present one, and the last recurrent one's input
        self._features: int | None = None  # of the present one
        self._length: int | None = None
        self._is_sequence = True
        self._layers: list[KerasLayer] = []
        self._added: list[bool] = []  # by recurrent layer: whether its input is added to its output
        self._aliases: dict[str, str] = {}  # layers without effect, and which gave their tensor

    def read(self, layer: Config, group: str, *, is_chain: bool) -> None:
        kind, config, name = layer["class_name"], layer["config"], layer["config"]["name"]
        wanted = {self._before, self._tensor} if kind == "Add" else {self._tensor} if self._tensor else set()
        inputs = wanted if is_chain and kind != "Add" else self._inputs(layer.get("inbound_nodes", []))
        if inputs != wanted or (kind == "InputLayer") == bool(self._tensor):
            raise _refused(self._path, f"the input of layer {shown(name)} is not the layer before it")
        has_output = bool(self._layers) and self._layers[-1].kind == "Dense"
        if has_output and kind not in (*WITHOUT_EFFECT, "Activation", "Softmax"):
            raise _refused(self._path, f"layer {shown(name)} comes after the dense layer")
        if kind in WITHOUT_EFFECT:
            self._aliases[name] = self._tensor
            return
        match kind:
            case "InputLayer":
                self._read_input(config)
            case "Embedding":
                self._read_embedding(config, group)
            case "Add":
                self._added[-1] = True
            case "Dense" | "TimeDistributed":
                self._read_dense(kind, config, group)
            case "Activation" | "Softmax":
                if not has_output or config.get("activation", "softmax") != "softmax":
                    raise _refused(self._path, f"layer {shown(name)} is no softmax at the end")
            case _:
                self._read_recurrent(kind, config, group)
        self._tensor = name

    def stack(self) -> Stack:
        """Return the layers, once all are read."""
        kinds = [layer.kind for layer in self._layers]
        recurrent = [layer for layer in self._layers if layer.kind in RECURRENT]
        if not recurrent or kinds[-1] != "Dense":
            raise _refused(self._path, "it has no recurrent layers with a dense layer after them")
        if len({layer.kind for layer in recurrent}) > 1:
            raise _refused(self._path, "its recurrent layers are of several kinds")
        units = sorted({layer.shapes[1][0] or 0 for layer in recurrent})
        if len(units) > 1:
            raise _refused(self._path, f"its layers have {' and '.join(map(str, units))} units, and not all the same")
        if self._added[0] or len(set(self._added[1:])) > 1:
            raise _refused(self._path, "not all layers after the first add their input to their output")
        window = 0 if self._is_sequence else self._length or 0
        return Stack(tuple(self._layers), any(self._added), window)

    def _inputs(self, nodes: Any) -> set[str]:
        """Return which layers' tensors are the input, whichever way Keras wrote it."""
        found = set()
        stack = [nodes]
        while stack:
            match stack.pop():
                case {"keras_history": [str(name), 0, 0]} | [str(name), 0, 0, dict()]:
                    found.add(self._aliases.get(name, name))
                case dict() as values:
                    stack += values.values()
                case list() as values:
                    stack += values
        return found

    def _read_input(self, config: Config) -> None:
        shape = config.get("batch_shape") or config["batch_input_shape"]
        self._length = shape[1] if len(shape) > 1 else None
        self._features = shape[2] if len(shape) == 3 else None

    def _read_embedding(self, config: Config, group: str) -> None:
        if self._layers or self._features is not None or config.get("mask_zero"):
            reason = "its embedding masks an id" if config.get("mask_zero") else "its embedding is not at the input"
            raise _refused(self._path, reason)
        self._features = int(config["output_dim"])
        shapes = ((int(config["input_dim"]), self._features),)
        self._layers.append(KerasLayer("Embedding", config["name"], f"{group}/vars", shapes))

    def _read_recurrent(self, kind: str, config: Config, group: str) -> None:
        for setting, expected in EXPECTED.items():
            if config.get(setting, expected) != expected:
                value = f"{setting} {shown(config[setting])}, not {shown(expected)}"
                raise _refused(self._path, f"layer {shown(config['name'])} has {value}")
        if self._features is None or not self._is_sequence:
            raise _refused(self._path, f"layer {shown(config['name'])} reads no sequence of vectors")
        units = int(config["units"])
        width = NUM_GATES[kind] * units
        bias: Shape = (2, width) if kind == "GRU" else (width,)
        shapes = ((self._features, width), (units, width), *([bias] if config.get("use_bias", True) else []))
        self._layers.append(KerasLayer(kind, config["name"], f"{group}/cell/vars", shapes))
        self._before, self._features = self._tensor, units
        self._is_sequence = bool(config["return_sequences"])
        self._added.append(False)

    def _read_dense(self, kind: str, config: Config, group: str) -> None:
        if kind == "TimeDistributed":
            if config["layer"]["class_name"] != "Dense":
                raise _refused(self._path, f"layer {shown(config['name'])} is no dense layer")
            config, group = config["layer"]["config"], f"{group}/layer"
        if config.get("activation", "linear") not in ("linear", "softmax"):
            raise _refused(self._path, f"its dense layer has the activation {shown(config['activation'])}")
        if not self._added:
            raise _refused(self._path, "it has a dense layer before its recurrent layers")
        units = int(config["units"])
        shapes: tuple[Shape, ...] = ((self._features, units), *([(units,)] if config.get("use_bias", True) else []))
        self._layers.append(KerasLayer("Dense", config["name"], f"{group}/vars", shapes))


def _refused(path: Path, reason: str) -> ModelFileError:
    return ModelFileError(f"{path} cannot be imported: {reason}", hint=USUAL)
