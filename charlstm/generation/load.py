"""Load one model, or several as an ensemble, by the names that users give to runs and model files."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from charlstm.errors import SettingError
from charlstm.generation.ensemble import Ensemble
from charlstm.generation.generate import LanguageModel
from charlstm.generation.stepper import make_stepper
from charlstm.storage.model_file import Model, load_model
from charlstm.storage.run_folder import find_model

MAX_WEIGHT = 1_000_000  # of a model in an ensemble


@dataclass(frozen=True)
class LoadedModel:
    """A model, the file that it came from, and its weight in an ensemble."""

    path: Path
    model: Model
    weight: float = 1.0

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the model file."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @property
    def line_starts(self) -> list[str]:
        return list(self.model.training.get("openings", []))


def load_models(run: str | None, weighted_runs: Sequence[str] = ()) -> list[LoadedModel]:
    """Load the models named `RUN[:WEIGHT]`, or the one model of a run (None: the newest) if there are none.

    Raises RunError, ModelFileError, or SettingError for a weight out of range.
    """
    if not weighted_runs:
        path = find_model(run)
        return [LoadedModel(path, load_model(path))]
    models = []
    for name in weighted_runs:
        member, weight = _split_weight(name)
        path = find_model(member)
        models.append(LoadedModel(path, load_model(path), weight))
    return models


def make_language_model(models: Sequence[LoadedModel]) -> LanguageModel:
    """Return the one model, or an ensemble of several, ready to predict characters."""
    if len(models) == 1:
        return make_stepper(models[0].model)
    return Ensemble([loaded.model for loaded in models], [loaded.weight for loaded in models])


def _split_weight(name: str) -> tuple[str, float]:
    """Split `RUN[:WEIGHT]`; a colon that no number follows belongs to the path."""
    run, colon, suffix = name.rpartition(":")
    try:
        weight = float(suffix) if colon else 1.0
    except ValueError:
        return name, 1.0
    if not 0 < weight <= MAX_WEIGHT:
        raise SettingError(
            f"the weight in `model` {name} must be above 0 and at most {MAX_WEIGHT:,}",
            hint="give 1 and 2, or 0.3 and 0.7",
        )
    return (run, weight) if colon else (name, 1.0)
