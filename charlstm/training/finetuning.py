"""Continue from an existing model on a text that may have characters it does not know."""

import dataclasses
from dataclasses import dataclass

from charlstm.storage.model_file import Model, NamedWeights
from charlstm.text.vocabulary import Vocabulary
from charlstm.training.auto_config import AutoConfigInputs, DropoutRule, Settings, choose_settings

# A model that ships has more weights than a network that is made for a small text, and needs more dropout.
LARGE_NETWORK = DropoutRule(epochs=4.0, growth=0.15, recurrent_epochs=5.0, recurrent_growth=0.116)


@dataclass(frozen=True, kw_only=True)
class FineTuning:
    """How a run that starts from a model is trained, unless the user fixes a setting.

    The values were measured with the model `english`, see docs/decisions/models.md. A model that has learned much
    elsewhere forgets it at the rate of a new network, and learns a small text by heart after a few more epochs.
    """

    learning_rate_factor: float = 0.5  # of the rate that is chosen for a new network
    batch_size: int = 32
    dropout_rule: DropoutRule = LARGE_NETWORK
    max_dropout: float = 0.3
    max_recurrent_dropout: float = 0.2
    max_epochs: float = 11.0  # the run ends here, even if there is time left

    def choose_settings(self, inputs: AutoConfigInputs, overrides: Settings) -> Settings:
        """Return all settings of model and training: the overrides, and a choice for each of the others."""
        fixed: Settings = {"batch_size": self.batch_size} | overrides
        if fixed.get("epochs") is None:
            epochs = choose_settings(inputs, fixed)["epochs"]
            fixed["epochs"] = min(self.max_epochs, epochs or self.max_epochs)
        chosen = choose_settings(inputs, fixed, dropout_rule=self.dropout_rule)
        limits = {
            "learning_rate": float(f"{self.learning_rate_factor * chosen['learning_rate']:.2g}"),
            "dropout": min(self.max_dropout, chosen["dropout"]),
            "recurrent_dropout": min(self.max_recurrent_dropout, chosen["recurrent_dropout"]),
        }
        return chosen | limits | overrides | {"epochs": fixed["epochs"]}


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
