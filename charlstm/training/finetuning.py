"""Continue from an existing model on a text that may have characters it does not know."""

import dataclasses

from charlstm.storage.model_file import Model, NamedWeights
from charlstm.text.vocabulary import Vocabulary


def extend_vocabulary(model: Model, characters: str) -> Vocabulary:
    """Return a vocabulary with the model's characters and these."""
    known = model.vocabulary
    extended = "".join(sorted(set(known.characters + known.fold_case(characters))))
    return dataclasses.replace(known, characters=extended)


def extend_weights(model: Model, vocabulary: Vocabulary, initial: NamedWeights) -> NamedWeights:
    """Return the model's weights for a vocabulary that contains its own.

    Every known character keeps its row of the embedding and its column of the output, at its new id. The rows and
    columns of new characters come from `initial`, the weights of a new network of the same shape.
    """
    new_ids = vocabulary.encode(model.vocabulary.characters)
    weights = {name: array.copy() for name, array in model.weights.items()}
    for name, trained in model.weights.items():
        if name == "embedding":
            weights[name] = initial[name].copy()
            weights[name][new_ids] = trained
        elif name.startswith("output."):
            weights[name] = initial[name].copy()
            weights[name][..., new_ids] = trained
    return weights
