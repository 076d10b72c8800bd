"""Start a training from an existing model, on a text that may have characters it does not know."""

from charlstm.storage.model_file import Model, NamedWeights
from charlstm.text.vocabulary import Vocabulary


def grown_vocabulary(model: Model, characters: str) -> Vocabulary:
    """The model's characters and those of a text."""
    known = model.vocabulary
    every = "".join(sorted(set(known.characters + known.fold_case(characters))))
    return Vocabulary(every, known.lowercase, known.unknown)


def grown_weights(model: Model, vocabulary: Vocabulary, fresh: NamedWeights) -> NamedWeights:
    """The model's weights for a vocabulary that holds its own.

    Rows of the embedding and columns of the output that belong to new characters come from `fresh`, the weights of a
    new network of the same shape; each character keeps what was learned of it, wherever it now stands.
    """
    places = vocabulary.encode(model.vocabulary.characters)
    weights = {name: array.copy() for name, array in model.weights.items()}
    for name, old in model.weights.items():
        if name == "embedding" or name.startswith("output."):
            weights[name] = fresh[name].copy()
            columns = weights[name] if name == "embedding" else weights[name].T
            columns[places] = old if name == "embedding" else old.T
    return weights
