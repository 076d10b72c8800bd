"""The networks of a run at the steps that it keeps: before the first, at its checkpoints, and its best."""

import numpy as np

from charlstm.config import ModelConfig, TrainingConfig
from charlstm.json_objects import object_from_json
from charlstm.storage.checkpoint import Checkpoint, read_checkpoint
from charlstm.storage.model_file import Model, NamedWeights, load_model
from charlstm.storage.run_folder import RunFolder
from charlstm.storage.run_origin import RunOrigin
from charlstm.text.vocabulary import Vocabulary
from charlstm.training.checkpoint_checks import read_checked_arrays
from charlstm.training.history import History
from charlstm.training.networks import initial_weights
from charlstm.training.snapshots import checkpoint_arrays

WEIGHTS_PREFIX = "weights/"  # of the names of `Trainer.arrays`


def saved_networks(folder: RunFolder) -> dict[int, Model]:
    """Return the networks of a run by their steps, in this order.

    Those are: the initial one, unless the run started from a model; those of the two checkpoints, and the best one at
    each of them. Of a run with teachers they are all of the network that is trained now, or was the last. Weights that
    are not numbers, of a run whose loss diverged, are left out. A run in progress may replace its files at any time;
    each is read as a whole. Raises TensorFileError if a file cannot be read. TensorFlow makes the initial weights.
    """
    networks, number = dict[int, Model](), 1
    for path in (folder.previous_checkpoint, folder.checkpoint):
        if path.exists():
            checkpoint = read_checkpoint(path, read_checked_arrays)
            history = History.from_json(checkpoint.metadata["history"])
            earlier = networks if history.network == number else {}
            networks, number = earlier | _networks_of(checkpoint, history), history.network
    if folder.model.exists():
        best = load_model(folder.model)
        if best.training.get("network", 1) == number:
            networks.setdefault(int(best.training.get("step", 0)), best)
    return {step: networks[step] for step in sorted(networks) if _are_numbers(networks[step])}


def _networks_of(checkpoint: Checkpoint, history: History) -> dict[int, Model]:
    """Return the network that a checkpoint's run trains: as it began, the best one, and the newest."""
    metadata = checkpoint.metadata
    config, training = ModelConfig.from_json(metadata["model"]), TrainingConfig.from_json(metadata["training"])
    vocabulary = object_from_json(Vocabulary, metadata["vocabulary"])
    arrays, best_weights, best_of_each = checkpoint_arrays(checkpoint)
    by_step = dict[int, NamedWeights]()
    origin = RunOrigin.from_json(metadata.get("origin"))
    if not (origin and origin.start_from):
        teachers = [number for number in history.evaluated_networks if number <= training.teachers]
        if history.network > training.teachers > 0:  # a student
            by_step[history.network_step] = best_of_each[max(teachers) - 1]
        else:
            by_step[history.network_step] = initial_weights(config, training, vocabulary, number=history.network)
    if best := history.best_of_network:
        by_step[best.step] = best_of_each[-1] if best_of_each else best_weights
    newest = {
        name.removeprefix(WEIGHTS_PREFIX): array for name, array in arrays.items() if name.startswith(WEIGHTS_PREFIX)
    }
    by_step.setdefault(history.step, newest)
    return {step: Model(config, vocabulary, weights, {}) for step, weights in by_step.items()}


def _are_numbers(model: Model) -> bool:
    return all(np.isfinite(weights).all() for weights in model.weights.values())
