"""Continue from an existing model on a text that may have characters it does not know."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from charlstm.storage.model_file import Model, NamedWeights
from charlstm.text.vocabulary import Vocabulary
from charlstm.training.auto_config import AutoConfigInputs, Settings, choose_settings


@dataclass(frozen=True, kw_only=True)
class FineTuning:
    """How a run that starts from a model is trained, unless the user fixes a setting."""

    learning_rate_factor: float = 1.0  # of the rate that is chosen for a new network
    settings: Mapping[str, Any] = field(default_factory=dict)  # fields of TrainingConfig that are not to be chosen

    def choose_settings(self, inputs: AutoConfigInputs, overrides: Settings) -> Settings:
        """Return all settings of model and training: the overrides, and a choice for each of the others."""
        chosen = choose_settings(inputs, dict(self.settings) | overrides)
        if "learning_rate" not in overrides:
            chosen["learning_rate"] = float(f"{self.learning_rate_factor * chosen['learning_rate']:.2g}")
        return chosen


FINE_TUNING = FineTuning()


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
