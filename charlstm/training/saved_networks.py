"""The networks of a run at the steps that it keeps: before the first, at its checkpoints, and its best."""

import numpy as np

from charlstm.config import ModelConfig, TrainingConfig
from charlstm.json_objects import object_from_json
from charlstm.storage.checkpoint import Checkpoint, read_checkpoint
from charlstm.storage.model_file import Model, load_model
from charlstm.storage.run_folder import RunFolder
from charlstm.storage.run_origin import RunOrigin
from charlstm.text.vocabulary import Vocabulary
from charlstm.training.checkpoint_checks import read_checked_arrays
from charlstm.training.history import History
from charlstm.training.snapshots import checkpoint_arrays

WEIGHTS_PREFIX = "weights/"  # of the names of `Trainer.arrays`


def saved_networks(folder: RunFolder) -> dict[int, Model]:
    """Return the networks of a run by their steps, in this order.

    Those are: the initial one, unless the run started from a model; those of the two checkpoints, and the best one at
    each of them. Weights that are not numbers, of a run whose loss diverged, are left out. A run in progress may
    replace its files at any time; each is read as a whole. Raises TensorFileError if a file cannot be read. TensorFlow
    makes the initial weights.
    """
    networks = dict[int, Model]()
    for path in (folder.previous_checkpoint, folder.checkpoint):
        if path.exists():
            networks |= _networks_of(read_checkpoint(path, read_checked_arrays))
    if folder.model.exists():
        best = load_model(folder.model)
        networks.setdefault(int(best.training.get("step", 0)), best)
    return {step: networks[step] for step in sorted(networks) if _are_numbers(networks[step])}


def _networks_of(checkpoint: Checkpoint) -> dict[int, Model]:
    """Return the initial network, the best one and the newest of a checkpoint."""
    metadata, history = checkpoint.metadata, History.from_json(checkpoint.metadata["history"])
    config = ModelConfig.from_json(metadata["model"])
    vocabulary = object_from_json(Vocabulary, metadata["vocabulary"])
    origin, training = RunOrigin.from_json(metadata.get("origin")), TrainingConfig.from_json(metadata["training"])
    networks = dict[int, Model]()
    if not (origin and origin.start_from):
        networks[0] = initial_network(config, vocabulary, random_seed=training.random_seed)
    arrays, best_weights, _ = checkpoint_arrays(checkpoint)
    if history.best:
        networks[history.best.step] = Model(config, vocabulary, best_weights, {})
    weights = {
        name.removeprefix(WEIGHTS_PREFIX): array for name, array in arrays.items() if name.startswith(WEIGHTS_PREFIX)
    }
    networks.setdefault(history.step, Model(config, vocabulary, weights, {}))
    return networks


def _are_numbers(model: Model) -> bool:
    return all(np.isfinite(weights).all() for weights in model.weights.values())


def initial_network(config: ModelConfig, vocabulary: Vocabulary, *, random_seed: int) -> Model:
    """Return a network as it is before the first step of a run with this random seed."""
    from charlstm.network.network import CharacterNetwork

    network = CharacterNetwork(config, len(vocabulary), random_seed=random_seed)
    return Model(config, vocabulary, network.get_named_weights(), {})
