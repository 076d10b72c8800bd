"""A character model that another library trained, as a model of charlstm."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from charlstm.arrays import FloatArray
from charlstm.cells.shapes import weight_shapes
from charlstm.config import ModelConfig
from charlstm.errors import CharLSTMError, ModelFileError, SettingError, shown
from charlstm.export.foreign_network import USUAL, ForeignModel
from charlstm.export.foreign_vocabulary import ForeignVocabulary, read_vocabulary, vocabulary_from_json
from charlstm.export.formats import KERAS, PICKLES
from charlstm.export.plain_network import PlainNetwork
from charlstm.json_objects import parse_json
from charlstm.storage.model_file import MAX_NAME, Model, check_weights


def import_model(path: Path, vocabulary_file: Path | None = None) -> Model:
    """Read a model of Keras (.keras) or PyTorch (.safetensors). No code in it is run.

    The vocabulary is needed for a file that charlstm has not written. Raises ModelFileError for a network of another
    kind or a damaged file, and VocabularyError for a vocabulary that does not fit.
    """
    if path.suffix.lower() in PICKLES:
        raise ModelFileError(
            f"{path} is a pickle, which can hold code, and is not read",
            hint="save the state_dict with safetensors.torch.save_file",
        )
    if path.suffix.lower() == KERAS:
        from charlstm.export.read_keras import read_keras as read
    elif path.suffix.lower() == ".safetensors":
        from charlstm.export.read_torch import read_torch as read
    else:
        raise ModelFileError(f"{path} has neither of the endings .keras and .safetensors", hint=USUAL)
    return _to_model(read(path), path, vocabulary_file)


def _to_model(foreign: ForeignModel, path: Path, vocabulary_file: Path | None) -> Model:
    """Return the model, with the rows and columns of its characters ordered by code point."""
    network = foreign.network
    described = _described(foreign, path)
    if vocabulary_file is not None:
        characters = read_vocabulary(vocabulary_file)
    elif described:
        characters = vocabulary_from_json(described.get("vocabulary"))
    else:
        raise SettingError(
            f"`vocabulary` is missing: {path} does not say which characters its {len(network.output_bias):,} ids are",
            hint="give `vocabulary` FILE.json with a list of the characters",
        )
    _check_size(characters, network, path)
    vocabulary, ids = characters.vocabulary, characters.ids
    try:
        config = ModelConfig(
            cell=network.cell,
            num_layers=len(network.layers),
            units=network.units,
            embedding_dim=network.embedding.shape[1],
            residual=network.residual,
            window=foreign.window,
        )
        if described:  # it knows whether a single layer or a window is meant
            theirs = ModelConfig.from_json(described["architecture"])
            config = dataclasses.replace(config, residual=theirs.residual, window=theirs.window)
    except (CharLSTMError, KeyError) as error:
        raise ModelFileError(f"{path} cannot be imported: {error}", hint=USUAL) from error
    weights = {"embedding": network.embedding[ids]}
    for number, layer in enumerate(network.layers):
        weights |= {f"layers.{number}.{name}": weight for name, weight in layer.items()}
    weights |= {"output.kernel": network.output_kernel[:, ids], "output.bias": network.output_bias[ids]}
    weights = {name: np.ascontiguousarray(weight, np.float32) for name, weight in weights.items()}
    _check_weights(path, weights, config, len(vocabulary))
    return Model(config, vocabulary, weights, {"about": f"imported from {path.name}"[:MAX_NAME]})


def _described(foreign: ForeignModel, path: Path) -> dict[str, Any] | None:
    """Return what charlstm wrote into the file about the model."""
    if foreign.description is None:
        return None
    try:
        described = parse_json(foreign.description)
    except ValueError as error:
        raise ModelFileError(f"{path} is damaged: {error}", hint="export it again") from error
    if not isinstance(described, dict):
        raise ModelFileError(f"{path} is damaged: its description is no object", hint="export it again")
    return described


def _check_size(characters: ForeignVocabulary, network: PlainNetwork, path: Path) -> None:
    num_rows, num_outputs, given = len(network.embedding), len(network.output_bias), len(characters.ids)
    if not num_rows == num_outputs == given:
        raise ModelFileError(
            f"{path} reads {num_rows:,} and predicts {num_outputs:,} different characters, but the vocabulary has "
            f"{given:,}",
            hint="give the vocabulary that it was trained with, each character once",
        )


def _check_weights(path: Path, weights: Mapping[str, FloatArray], config: ModelConfig, size: int) -> None:
    """Raise ModelFileError for weights of other shapes than the network's, and for numbers that are none."""
    shapes = weight_shapes(config, size)
    for name in {**shapes, **weights}:
        found = weights[name].shape if name in weights else None
        if found != shapes.get(name):
            raise ModelFileError(
                f"{path} contradicts itself: {name} has the shape {shown(found)}, not {shown(shapes.get(name))}",
                hint=USUAL,
            )
    check_weights(path, weights)
