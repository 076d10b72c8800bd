"""The one portable model file: weights as arrays; architecture, vocabulary and facts about the training as JSON.

It opens without TensorFlow. Names, shapes and types are checked against the architecture before a weight is read.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from charlstm.atomic_files import write_atomically
from charlstm.cells.registry import get_cell
from charlstm.cells.shapes import weight_shapes
from charlstm.config import ModelConfig
from charlstm.errors import CharLSTMError, ModelFileError, TensorFileError
from charlstm.storage.tensor_file import TensorFile, open_tensors, to_bytes
from charlstm.text.vocabulary import Vocabulary

FORMAT_VERSION = 2
MAX_WEIGHT_BYTES = 2 << 30  # bytes of weights; a larger file is not opened
TRAINING_METADATA = {  # of the training, and what they may be; all can be missing
    "text": (str,),
    "text_characters": (int,),
    "text_sha256": (str,),
    "settings": (dict,),
    "step": (int,),
    "epoch": (int, float),
    "train_nats": (int, float),
    "validation": (dict,),
    "openings": (list,),
}
LONGEST_OPENING = 64  # characters

NamedWeights = dict[str, npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Model:
    """A trained network: its architecture, its vocabulary, its weights by name, and facts about its training."""

    config: ModelConfig
    vocabulary: Vocabulary
    weights: NamedWeights
    training: dict[str, Any]

    @property
    def num_parameters(self) -> int:
        return sum(weight.size for weight in self.weights.values())

    @property
    def precision(self) -> str:
        """The type in which its weights were multiplied when it was trained: float32 if nothing is known."""
        return "bfloat16" if self.training.get("settings", {}).get("precision") == "bfloat16" else "float32"


def save_model(path: Path, model: Model) -> None:
    """Write the file whole or not at all; the same model always gives the same bytes."""
    facts = {
        "format_version": FORMAT_VERSION,
        "architecture": model.config.to_json(),
        "vocabulary": model.vocabulary.to_json(),
        "training": model.training,
    }
    write_atomically(path, to_bytes(dict(model.weights), facts))


def load_model(path: Path) -> Model:
    """Read and check a model file.

    Raises ModelFileError if it is missing, damaged, of another format, or does not fit its own architecture.
    """
    try:
        with open_tensors(path) as file:
            facts = _checked_facts(path, file.metadata)
            config, vocabulary = _architecture(path, facts)
            _check_size(path, config, file)
            _check_weights(path, weight_shapes(config, len(vocabulary)), file)
            weights = file.read()
    except ModelFileError:
        raise
    except TensorFileError as problem:
        hint = problem.hint or "give a run folder or the model.safetensors in it"
        raise ModelFileError(str(problem), hint=hint) from problem
    names = weight_shapes(config, len(vocabulary))
    return Model(config, vocabulary, {name: weights[name] for name in names}, facts["training"])


def _checked_facts(path: Path, facts: dict[str, Any]) -> dict[str, Any]:
    version = facts.get("format_version")
    if version != FORMAT_VERSION:
        raise ModelFileError(
            f"{path} has format version {version!r}, this charlstm reads version {FORMAT_VERSION}",
            hint="use the charlstm that wrote it, or train again",
        )
    if not {"architecture", "vocabulary", "training"} <= facts.keys():
        raise _not_ours(path, "its metadata is not a model's")
    _check_training(path, facts["training"])
    return facts


def _is_small(value: Any) -> bool:
    """Whether something that may be a number is one that a float can hold."""
    return not isinstance(value, bool) and not (isinstance(value, int) and abs(value) > 2**63)


def _check_training(path: Path, training: Any) -> None:
    if not isinstance(training, dict):
        raise _not_ours(path, "its training facts are not an object")
    for name, value in training.items():
        if name not in TRAINING_METADATA or not isinstance(value, TRAINING_METADATA[name]) or not _is_small(value):
            raise _not_ours(path, f"its training fact {name!r} is not what charlstm writes")
    validation = training.get("validation", {})
    measures = {"nats_per_character", "bits_per_character", "perplexity", "accuracy", "characters"}
    numbers = all(isinstance(value, int | float) and _is_small(value) for value in validation.values())
    if validation and (validation.keys() != measures or not numbers):
        raise _not_ours(path, "its validation figures are not what charlstm writes")
    line_starts = training.get("openings", [])
    if not all(isinstance(text, str) and 0 < len(text) <= LONGEST_OPENING for text in line_starts):
        raise _not_ours(path, "its line_starts are not what charlstm writes")
    if ("text" in training and "text_characters" not in training) or (
        "validation" in training and "epoch" not in training
    ):
        raise _not_ours(path, "some of its training facts are missing")


def _architecture(path: Path, facts: dict[str, Any]) -> tuple[ModelConfig, Vocabulary]:
    try:
        config = ModelConfig.from_json(facts["architecture"])
        get_cell(config.cell)  # refuses one that there is not
        vocabulary = Vocabulary(**facts["vocabulary"])
    except (CharLSTMError, TypeError, AttributeError) as problem:
        raise _not_ours(path, str(problem)) from problem
    return config, vocabulary


def _check_size(path: Path, config: ModelConfig, file: TensorFile) -> None:
    """Nothing is allocated for a file that is too large, or that says it has more layers than arrays."""
    size = 4 * sum(math.prod(shape) for shape in file.shapes.values())
    if size > MAX_WEIGHT_BYTES:
        raise ModelFileError(f"{path} holds {size:,} bytes of weights", hint=f"the most is {MAX_WEIGHT_BYTES:,}")
    if config.num_layers > len(file.shapes):
        raise _not_ours(path, f"it says it has {config.num_layers:,} layers, but holds {len(file.shapes)} weights")


def _check_weights(path: Path, shapes: dict[str, tuple[int, ...]], file: TensorFile) -> None:
    if file.shapes.keys() != shapes.keys():
        raise _not_ours(path, "its weights do not belong to its architecture")
    for name, shape in shapes.items():
        if file.shapes[name] != shape or file.types[name] != "F32":
            found = f"{file.types[name]}{list(file.shapes[name])}"
            raise _not_ours(path, f"weight {name} is {found}, not F32{list(shape)}")


def _not_ours(path: Path, reason: str) -> ModelFileError:
    return ModelFileError(
        f"{path} is not a charlstm model: {reason}", hint="give a run folder or the model.safetensors in it"
    )
