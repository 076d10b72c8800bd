"""A run as it is saved: its settings, its checkpoints, its best model."""

import json
from collections.abc import Sequence
from typing import Any

from charlstm.atomic_files import write_atomically
from charlstm.config import ModelConfig, TrainingConfig
from charlstm.storage.checkpoint import Checkpoint
from charlstm.storage.model_file import Model, NamedWeights
from charlstm.storage.run_folder import RunFolder
from charlstm.storage.run_origin import RunOrigin, training_environment
from charlstm.storage.tensor_file import Arrays
from charlstm.training.history import Evaluation, History
from charlstm.training.training_data import TrainingData

BEST_PREFIX = "best/"  # of the best weights' names in a checkpoint


def run_settings(
    data: TrainingData, model_config: ModelConfig, config: TrainingConfig, origin: RunOrigin | None
) -> dict[str, Any]:
    """Return what defines a run, in JSON: its text, its vocabulary, all its settings, and how it was started."""
    settings = {
        "text": data.text_to_json(),
        "vocabulary": data.vocabulary.to_json(),
        "model": model_config.to_json(),
        "training": config.to_json(),
    }
    return settings | ({"origin": origin.to_json()} if origin else {})


def save_settings(folder: RunFolder, settings: dict[str, Any], *, finished: bool) -> None:
    """Write the settings of a run, and whether it is complete. Raises RunError if they cannot be written."""
    write_atomically(folder.config, (json.dumps(settings | {"finished": finished}, indent=2) + "\n").encode())


def origin_of(checkpoint: Checkpoint, data: TrainingData, config: TrainingConfig) -> RunOrigin | None:
    """Return the origin of a run that is resumed; None for a run of an earlier version."""
    then, origin = checkpoint.metadata, RunOrigin.from_json(checkpoint.metadata.get("origin"))
    is_same = data.corpus.digest == then["text"]["sha256"] and config == TrainingConfig.from_json(then["training"])
    return origin if origin is None or is_same else origin.changed()


def make_checkpoint(
    settings: dict[str, Any],
    history: History,
    trainer_arrays: Arrays,
    best_weights: NamedWeights,
    networks: Sequence[NamedWeights] = (),
) -> Checkpoint:
    """Return everything that is needed to resume a run exactly, in this process or another.

    `networks` are the best weights of each network of a run with teachers.
    """
    arrays = dict(trainer_arrays)
    for prefix, weights in [(BEST_PREFIX, best_weights), *zip(network_prefixes(len(networks)), networks, strict=True)]:
        arrays |= {prefix + name: weight for name, weight in weights.items()}
    metadata = settings | {"history": history.to_json(), "environment": training_environment()}
    return Checkpoint(arrays, metadata)


def network_prefixes(num_networks: int) -> list[str]:
    """Return how the names of their best weights begin in a checkpoint."""
    return [f"networks/{index}/" for index in range(num_networks)]


def checkpoint_arrays(checkpoint: Checkpoint) -> tuple[Arrays, NamedWeights, list[NamedWeights]]:
    """Return what `make_checkpoint` joined: the trainer's arrays, the best weights, and those of each network."""
    history = History.from_json(checkpoint.metadata["history"])
    has_teachers = TrainingConfig.from_json(checkpoint.metadata["training"]).teachers > 0
    prefixes = [BEST_PREFIX, *network_prefixes(history.network if has_teachers else 0)]
    groups = [
        {name.removeprefix(prefix): array for name, array in checkpoint.arrays.items() if name.startswith(prefix)}
        for prefix in prefixes
    ]
    trainer_arrays = {name: array for name, array in checkpoint.arrays.items() if not name.startswith(tuple(prefixes))}
    return trainer_arrays, groups[0], groups[1:]


def make_model(
    data: TrainingData, model_config: ModelConfig, config: TrainingConfig, weights: NamedWeights, best: Evaluation
) -> Model:
    """Return the model of an evaluation, with the metadata that its file holds."""
    metadata = {
        "text": data.corpus.name,
        "text_characters": len(data.dataset),
        "text_sha256": data.corpus.digest,
        "settings": config.to_json(),
        "step": best.step,
        "epoch": best.epoch,
        "train_nats": best.train_nats,
        "validation": best.validation.to_json(),
        "logit_scale": best.logit_scale,
        "openings": data.line_starts,
    }
    if config.teachers:
        metadata["network"] = best.network
    if data.known_lines is not None:
        metadata["line_checksums"] = data.known_lines.to_base64()
    return Model(model_config, data.vocabulary, weights, metadata)
