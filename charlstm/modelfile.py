"""The one portable model file: weights as safetensors, everything else as JSON in its metadata.

It holds no code and opens without TensorFlow. Names, shapes and types are checked against the architecture before a
weight is read.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from charlstm.cells import CELLS
from charlstm.config import ModelConfig
from charlstm.errors import CharLSTMError, ModelFileError
from charlstm.runfolder import write_atomically
from charlstm.vocabulary import Vocabulary

FORMAT_VERSION = 1
METADATA_KEY = "charlstm"  # one key only: safetensors writes several in no fixed order

Weights = dict[str, npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Model:
    """A trained network: its architecture, its vocabulary, its weights by name, and facts about its training."""

    config: ModelConfig
    vocabulary: Vocabulary
    weights: Weights
    training: dict[str, Any]

    @property
    def num_parameters(self) -> int:
        return sum(weight.size for weight in self.weights.values())


def weight_shapes(config: ModelConfig, vocabulary_size: int) -> dict[str, tuple[int, ...]]:
    """The name and shape of every weight, from the input to the output.

    Raises ModelFileError for a cell that this version does not have.
    """
    if config.cell not in CELLS:
        raise ModelFileError(f"unknown cell {config.cell!r}", hint=f"known cells: {', '.join(CELLS)}")
    width = CELLS[config.cell].num_gates * config.units
    shapes: dict[str, tuple[int, ...]] = {"embedding": (vocabulary_size, config.embedding_dim)}
    for layer in range(config.num_layers):
        shapes[f"layers.{layer}.kernel"] = (config.units if layer else config.embedding_dim, width)
        shapes[f"layers.{layer}.recurrent_kernel"] = (config.units, width)
        shapes[f"layers.{layer}.bias"] = (width,)
    return shapes | {"output.kernel": (config.units, vocabulary_size), "output.bias": (vocabulary_size,)}


def save_model(path: Path, model: Model) -> None:
    """Write the file whole or not at all; the same model always gives the same bytes."""
    facts = {
        "format_version": FORMAT_VERSION,
        "architecture": model.config.to_json(),
        "vocabulary": {"characters": model.vocabulary.characters, "lowercase": model.vocabulary.lowercase},
        "training": model.training,
    }
    write_atomically(path, save(model.weights, {METADATA_KEY: json.dumps(facts, sort_keys=True)}))


def load_model(path: Path) -> Model:
    """Read and check a model file.

    Raises ModelFileError if it is missing, damaged, of another format, or does not fit its own architecture.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            facts = _facts(path, file.metadata())
            config, vocabulary = _architecture(path, facts)
            _check_weights(path, weight_shapes(config, len(vocabulary)), file)
            weights = {name: file.get_tensor(name) for name in weight_shapes(config, len(vocabulary))}
    except OSError as problem:
        raise ModelFileError(
            f"{path} cannot be read: {problem.strerror or problem}", hint="check the path and its permissions"
        ) from problem
    except SafetensorError as problem:
        raise _not_ours(path, f"it is not a whole safetensors file ({problem})") from problem
    return Model(config, vocabulary, weights, facts["training"])


def _facts(path: Path, metadata: dict[str, str] | None) -> dict[str, Any]:
    try:
        facts = json.loads((metadata or {})[METADATA_KEY])
        version, training = facts["format_version"], facts["training"]
        facts["architecture"], facts["vocabulary"]
    except (KeyError, TypeError, ValueError) as problem:
        raise _not_ours(path, "its metadata is not charlstm's") from problem
    if version != FORMAT_VERSION:
        raise ModelFileError(
            f"{path} has format version {version!r}, this charlstm reads version {FORMAT_VERSION}",
            hint="use the charlstm that wrote it, or train again",
        )
    if not isinstance(training, dict):
        raise _not_ours(path, "its training facts are not an object")
    return dict(facts)


def _architecture(path: Path, facts: dict[str, Any]) -> tuple[ModelConfig, Vocabulary]:
    try:
        config = ModelConfig.from_json(facts["architecture"])
        vocabulary = Vocabulary(**facts["vocabulary"])
    except (CharLSTMError, TypeError, AttributeError) as problem:
        raise _not_ours(path, str(problem)) from problem
    return config, vocabulary


def _check_weights(path: Path, shapes: dict[str, tuple[int, ...]], file: Any) -> None:
    if set(file.keys()) != set(shapes):
        raise _not_ours(path, "its weights do not belong to its architecture")
    for name, shape in shapes.items():
        weight = file.get_slice(name)
        if tuple(weight.get_shape()) != shape or weight.get_dtype() != "F32":
            raise _not_ours(path, f"weight {name} is {weight.get_dtype()}{weight.get_shape()}, not F32{list(shape)}")


def _not_ours(path: Path, reason: str) -> ModelFileError:
    return ModelFileError(
        f"{path} is not a charlstm model: {reason}", hint="give a run folder or the model.safetensors in it"
    )
