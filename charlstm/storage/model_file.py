"""The portable model file: the weights as arrays; the architecture, the vocabulary and training metadata as JSON.

It opens without TensorFlow. Shapes and dtypes are checked against the architecture before any weight is read. A file
with weights of 16 or 8 bits has a format version of its own, and says so in its metadata.
"""

import base64
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from charlstm.arrays import FloatArray
from charlstm.atomic_files import open_atomically
from charlstm.cells.registry import get_cell
from charlstm.cells.shapes import weight_shapes
from charlstm.config import ModelConfig, TrainingConfig
from charlstm.errors import CharLSTMError, ModelFileError, SettingError, TensorFileError, shown
from charlstm.json_objects import has_type, object_from_json
from charlstm.storage.tensor_file import Metadata, TensorFile, open_tensors, write_tensors
from charlstm.storage.weight_formats import FLOAT32, WEIGHT_FORMATS, array_types, pack_weights, unpack_weights
from charlstm.text.known_lines import MAX_KEPT_LINES
from charlstm.text.vocabulary import Vocabulary

FORMAT_VERSION = 2
PACKED_VERSION = 3  # with "weight_format", which version 2 does not have
MAX_WEIGHT_BYTES = 2 << 30  # a file with more is not opened
MAX_HEADER_BYTES = 8 << 20  # holds 65,536 characters several times
MAX_WEIGHT = 1e6  # absolute value; the largest products of a step then still fit a float32
MAX_NAME = 4096  # characters of the name of a text
MAX_COUNT = 2**53  # the largest integer up to which every one is a float
MAX_NATS = 1e30  # weights as large as MAX_WEIGHT give far less
KINDS = ("checkpoint", "text index")  # of other files of charlstm
MAX_LINE_STARTS, MAX_LINE_START = 1024, 64  # characters of a line start
RUN_OR_MODEL_HINT = "give a run folder or the model.safetensors in it"

NamedWeights = dict[str, FloatArray]


@dataclass(frozen=True)
class Model:
    """A trained network: architecture, vocabulary, weights by name, and metadata about its training."""

    config: ModelConfig
    vocabulary: Vocabulary
    weights: NamedWeights
    training: Metadata

    @property
    def num_parameters(self) -> int:
        return sum(weight.size for weight in self.weights.values())

    @property
    def precision(self) -> str:
        """The dtype of the operands of matrix products in training; float32 if the file does not say."""
        return "bfloat16" if self.training.get("settings", {}).get("precision") == "bfloat16" else "float32"


def save_model(path: Path, model: Model, *, weight_format: str = FLOAT32, follow_links: bool = False) -> None:
    """Write a model file atomically, its weights in one of WEIGHT_FORMATS. The same model always gives the same bytes.

    `follow_links` is for paths that the user gave, see `open_atomically`. Raises SettingError for another format, and
    for weights that do not fit it.
    """
    arrays = pack_weights(model.weights, weight_format)
    metadata = {
        "format_version": FORMAT_VERSION if weight_format == FLOAT32 else PACKED_VERSION,
        "architecture": model.config.to_json(),
        "vocabulary": model.vocabulary.to_json(),
        "training": model.training,
    }
    metadata |= {} if weight_format == FLOAT32 else {"weight_format": weight_format}
    with open_atomically(path, follow_links=follow_links) as file:
        write_tensors(file, arrays, metadata)


def load_model(path: Path) -> Model:
    """Read and check a model file.

    Raises ModelFileError if it is missing, damaged, of another format version, or contradicts itself, or if one of its
    figures or weights is not a finite number in a sensible range.
    """
    try:
        with open_tensors(path, max_header_bytes=MAX_HEADER_BYTES) as file:
            _check_metadata(path, file.metadata)
            config, vocabulary = _architecture(path, file.metadata)
            _check_size(path, config, file)
            shapes = weight_shapes(config, len(vocabulary))
            weight_format = file.metadata.get("weight_format", FLOAT32)
            file.check_arrays(array_types(shapes, weight_format, file.shapes))
            weights = unpack_weights(file.read(), shapes)
        check_weights(path, weights)
    except ModelFileError:
        raise
    except TensorFileError as error:
        raise ModelFileError(str(error), hint=error.hint or RUN_OR_MODEL_HINT) from error
    return Model(config, vocabulary, weights, file.metadata["training"])


def weight_bits(path: Path) -> int:
    """Return how many bits each weight of a matrix has in a model file that can be loaded."""
    with open_tensors(path, max_header_bytes=MAX_HEADER_BYTES) as file:
        return WEIGHT_FORMATS[file.metadata.get("weight_format", FLOAT32)]


def check_weights(path: Path, weights: Mapping[str, FloatArray], *, may_be_nan: bool = False) -> None:
    """Raise TensorFileError for weights that are not numbers, or so large that nothing can be computed with them."""
    lowest, highest = (np.fmin, np.fmax) if may_be_nan else (np.minimum, np.maximum)  # the first two pass over NaN
    for name, weight in weights.items():
        low, high = lowest.reduce(weight, axis=None), highest.reduce(weight, axis=None)
        is_nan = may_be_nan and np.isnan(low)
        if not is_nan and not (low >= -MAX_WEIGHT and high <= MAX_WEIGHT):  # NaN compares as false
            raise TensorFileError(
                f"{path} is damaged: weight {name} has values that are not numbers from {-MAX_WEIGHT:,.0f} to "
                f"{MAX_WEIGHT:,.0f}"
            )


def _check_metadata(path: Path, metadata: Metadata) -> None:
    if "kind" in metadata:
        raise _not_a_model(path, f"it is a {metadata['kind']}" if metadata["kind"] in KINDS else "it is another file")
    version, packed = metadata.get("format_version"), [name for name in WEIGHT_FORMATS if name != FLOAT32]
    if version not in (FORMAT_VERSION, PACKED_VERSION):
        raise ModelFileError(
            f"{path} has format version {shown(version)}, this charlstm reads {FORMAT_VERSION} and {PACKED_VERSION}",
            hint="use the charlstm that wrote it, or train again",
        )
    if version == PACKED_VERSION and metadata.get("weight_format") not in packed:
        raise _not_a_model(path, f"its weights are in the format {shown(metadata.get('weight_format'))}")
    if version == FORMAT_VERSION and "weight_format" in metadata:
        raise _not_a_model(path, f"files of version {FORMAT_VERSION} have no weight format")
    if not {"architecture", "vocabulary", "training"} <= metadata.keys():
        raise _not_a_model(path, "its metadata is not that of a model")
    _check_training_metadata(path, metadata["training"])


def _check_training_metadata(path: Path, training: Any) -> None:
    """Raise ModelFileError unless this has the keys, types and ranges that charlstm writes; each key is optional."""
    if not isinstance(training, dict):
        raise _not_a_model(path, "its training metadata is not an object")
    for key, value in training.items():
        if key not in TRAINING_METADATA or not TRAINING_METADATA[key](value):
            raise _not_a_model(path, f"{shown(key)} in its training metadata is not what charlstm writes")


def _is_text(value: Any, *, most: int) -> bool:
    return isinstance(value, str) and len(value) <= most


def _is_number(value: Any, kind: type, *, least: float = 0, most: float) -> bool:
    return has_type(value, kind) and least <= value <= most


def _are_settings(value: Any) -> bool:
    """Return whether an object holds some settings of training."""
    try:
        TrainingConfig.from_json(TrainingConfig().to_json() | value)
    except (SettingError, TypeError):
        return False
    return True


def _are_metrics(value: Any) -> bool:
    """Return whether this is what `Scores.to_json` returns, or an empty object."""
    return isinstance(value, dict) and all(
        key in VALIDATION_METRICS and VALIDATION_METRICS[key](number) for key, number in value.items()
    )


def _are_line_starts(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MAX_LINE_STARTS
        and all(_is_text(start, most=MAX_LINE_START) and start for start in value)
    )


def _are_checksums(value: Any) -> bool:
    """Return whether this is base64 of numbers of four bytes, and no more of them than a model file keeps."""
    try:
        return _is_text(value, most=MAX_KEPT_LINES * 6) and len(base64.b64decode(value, validate=True)) % 4 == 0
    except ValueError:
        return False


_is_count = partial(_is_number, kind=int, most=MAX_COUNT)
_is_positive = partial(_is_number, kind=float, most=sys.float_info.max)
_are_nats = partial(_is_number, kind=float, least=-1, most=MAX_NATS)  # rounding may take them below 0

VALIDATION_METRICS: Mapping[str, Callable[[Any], bool]] = {
    "nats_per_character": _are_nats,
    "bits_per_character": partial(_are_nats, most=2 * MAX_NATS),
    "perplexity": _is_positive,
    "accuracy": partial(_is_positive, most=1),
    "characters": _is_count,
}
TRAINING_METADATA: Mapping[str, Callable[[Any], bool]] = {
    "about": partial(_is_text, most=MAX_NAME),  # what its author says of it
    "text": partial(_is_text, most=MAX_NAME),
    "text_characters": _is_count,
    "text_sha256": partial(_is_text, most=MAX_LINE_START),
    "settings": _are_settings,
    "network": partial(_is_count, least=1),  # of a run with teachers: which of its networks, the last is the student
    "step": _is_count,
    "epoch": partial(_is_positive, most=MAX_COUNT),
    "train_nats": _are_nats,
    "validation": _are_metrics,
    "logit_scale": _is_positive,  # by which the output layer was multiplied, see training/calibration.py
    "openings": _are_line_starts,  # line starts
    "line_checksums": _are_checksums,  # of all lines of a list of short lines, see text/known_lines.py
}


def _architecture(path: Path, metadata: Metadata) -> tuple[ModelConfig, Vocabulary]:
    try:
        config = ModelConfig.from_json(metadata["architecture"])
        get_cell(config.cell)  # raises SettingError for an unknown cell
        vocabulary = object_from_json(Vocabulary, metadata["vocabulary"])
    except (CharLSTMError, TypeError) as error:
        raise _not_a_model(path, str(error)) from error
    if vocabulary.characters == vocabulary.unknown:
        raise _not_a_model(path, "its vocabulary has no character that can be generated")
    return config, vocabulary


def _check_size(path: Path, config: ModelConfig, file: TensorFile) -> None:
    """Raise ModelFileError before memory is allocated for a file that is too large or claims absurdly many layers."""
    if file.num_bytes > MAX_WEIGHT_BYTES:
        raise ModelFileError(
            f"{path} holds {file.num_bytes:,} bytes of weights, but at most {MAX_WEIGHT_BYTES:,} can be read",
            hint="train a smaller model",
        )
    if config.num_layers > len(file.shapes):
        raise _not_a_model(path, f"it claims {config.num_layers:,} layers, but holds only {len(file.shapes)} weights")


def _not_a_model(path: Path, reason: str) -> ModelFileError:
    return ModelFileError(f"{path} is not a charlstm model: {reason}", hint=RUN_OR_MODEL_HINT)
