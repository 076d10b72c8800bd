"""The portable model file: the weights as arrays; the architecture, the vocabulary and training metadata as JSON.

It opens without TensorFlow. Shapes and dtypes are checked against the architecture before any weight is read.
"""

import base64
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charlstm.arrays import FloatArray
from charlstm.atomic_files import open_atomically
from charlstm.cells.registry import get_cell
from charlstm.cells.shapes import weight_shapes
from charlstm.config import ModelConfig
from charlstm.errors import CharLSTMError, ModelFileError, TensorFileError
from charlstm.storage.tensor_file import Metadata, TensorFile, open_tensors, write_tensors
from charlstm.text.known_lines import MAX_KEPT_LINES
from charlstm.text.vocabulary import Vocabulary

FORMAT_VERSION = 2
MAX_WEIGHT_BYTES = 2 << 30  # a file with more is not opened
TRAINING_METADATA = {  # key to allowed types; each key is optional
    "text": (str,),
    "text_characters": (int,),
    "text_sha256": (str,),
    "settings": (dict,),
    "step": (int,),
    "epoch": (int, float),
    "train_nats": (int, float),
    "validation": (dict,),
    "openings": (list,),  # line starts
    "line_checksums": (str,),  # of all lines of a list of short lines, see text/known_lines.py
}
VALIDATION_METRICS = {"nats_per_character", "bits_per_character", "perplexity", "accuracy", "characters"}
MAX_LINE_START = 64  # characters
OTHER_KINDS = ("checkpoint", "text index")  # of files that stand beside a model
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


def save_model(path: Path, model: Model) -> None:
    """Write a model file atomically. The same model always gives the same bytes."""
    metadata = {
        "format_version": FORMAT_VERSION,
        "architecture": model.config.to_json(),
        "vocabulary": model.vocabulary.to_json(),
        "training": model.training,
    }
    with open_atomically(path) as file:
        write_tensors(file, dict(model.weights), metadata)


def load_model(path: Path) -> Model:
    """Read and check a model file.

    Raises ModelFileError if it is missing, damaged, of another format version, or contradicts itself.
    """
    try:
        with open_tensors(path) as file:
            _check_metadata(path, file.metadata)
            config, vocabulary = _architecture(path, file.metadata)
            _check_size(path, config, file)
            shapes = weight_shapes(config, len(vocabulary))
            _check_weights(path, shapes, file)
            weights = file.read()
    except ModelFileError:
        raise
    except TensorFileError as error:
        raise ModelFileError(str(error), hint=error.hint or RUN_OR_MODEL_HINT) from error
    return Model(config, vocabulary, {name: weights[name] for name in shapes}, file.metadata["training"])


def _check_metadata(path: Path, metadata: Metadata) -> None:
    if (kind := metadata.get("kind")) in OTHER_KINDS:
        raise ModelFileError(f"{path} is a {kind}, not a model", hint=RUN_OR_MODEL_HINT)
    version = metadata.get("format_version")
    if version != FORMAT_VERSION:
        raise ModelFileError(
            f"{path} has format version {version!r}, this charlstm reads version {FORMAT_VERSION}",
            hint="use the charlstm that wrote it, or train again",
        )
    if not {"architecture", "vocabulary", "training"} <= metadata.keys():
        raise _not_a_model(path, "its metadata is not that of a model")
    _check_training_metadata(path, metadata["training"])


def _check_training_metadata(path: Path, training: Any) -> None:
    """Raise ModelFileError unless this has the keys and types that charlstm writes."""
    if not isinstance(training, dict):
        raise _not_a_model(path, "its training metadata is not an object")
    for key, value in training.items():
        if key not in TRAINING_METADATA or not isinstance(value, TRAINING_METADATA[key]) or not _fits_a_float(value):
            raise _not_a_model(path, f"{key!r} in its training metadata is not what charlstm writes")
    validation = training.get("validation", {})
    are_numbers = all(isinstance(value, int | float) and _fits_a_float(value) for value in validation.values())
    if validation and (validation.keys() != VALIDATION_METRICS or not are_numbers):
        raise _not_a_model(path, "its validation metrics are not what charlstm writes")
    if not all(isinstance(text, str) and 0 < len(text) <= MAX_LINE_START for text in training.get("openings", [])):
        raise _not_a_model(path, "its line starts are not what charlstm writes")
    if not _are_checksums(training.get("line_checksums", "")):
        raise _not_a_model(path, "its checksums of lines are not what charlstm writes")
    for key, needed in (("text", "text_characters"), ("validation", "epoch")):
        if key in training and needed not in training:
            raise _not_a_model(path, f"its training metadata has {key!r} but not {needed!r}")


def _are_checksums(text: str) -> bool:
    """Return whether this is base64 of numbers of four bytes, and no more of them than a model file keeps."""
    try:
        return len(text) <= MAX_KEPT_LINES * 6 and len(base64.b64decode(text, validate=True)) % 4 == 0
    except ValueError:
        return False


def _fits_a_float(value: Any) -> bool:
    """Return whether a value, if it is a number, can be converted to a float; a bool is not a number."""
    return not isinstance(value, bool) and not (isinstance(value, int) and abs(value) > 2**63)


def _architecture(path: Path, metadata: Metadata) -> tuple[ModelConfig, Vocabulary]:
    try:
        config = ModelConfig.from_json(metadata["architecture"])
        get_cell(config.cell)  # raises SettingError for an unknown cell
        return config, Vocabulary(**metadata["vocabulary"])
    except (CharLSTMError, TypeError, AttributeError) as error:
        raise _not_a_model(path, str(error)) from error


def _check_size(path: Path, config: ModelConfig, file: TensorFile) -> None:
    """Raise ModelFileError before memory is allocated for a file that is too large or claims absurdly many layers."""
    size = 4 * sum(math.prod(shape) for shape in file.shapes.values())
    if size > MAX_WEIGHT_BYTES:
        raise ModelFileError(
            f"{path} holds {size:,} bytes of weights, but at most {MAX_WEIGHT_BYTES:,} can be read",
            hint="train a smaller model",
        )
    if config.num_layers > len(file.shapes):
        raise _not_a_model(path, f"it claims {config.num_layers:,} layers, but holds only {len(file.shapes)} weights")


def _check_weights(path: Path, shapes: dict[str, tuple[int, ...]], file: TensorFile) -> None:
    if file.shapes.keys() != shapes.keys():
        raise _not_a_model(path, "its weights do not belong to its architecture")
    for name, shape in shapes.items():
        if file.shapes[name] != shape or file.dtypes[name] != "F32":
            found = f"{file.dtypes[name]}{list(file.shapes[name])}"
            raise _not_a_model(path, f"weight {name} is {found}, not F32{list(shape)}")


def _not_a_model(path: Path, reason: str) -> ModelFileError:
    return ModelFileError(f"{path} is not a charlstm model: {reason}", hint=RUN_OR_MODEL_HINT)
