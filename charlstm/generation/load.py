"""Load one model, or several as an ensemble, by the names that users give to runs and model files."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from charlstm.atomic_files import open_regular
from charlstm.errors import ModelFileError, SettingError
from charlstm.generation.clamps import Clamps
from charlstm.generation.ensemble import MIXES, Ensemble
from charlstm.generation.generate import LanguageModel
from charlstm.generation.stepper import make_stepper
from charlstm.storage.ensemble import averaging_scale, find_models
from charlstm.storage.find_runs import find_model
from charlstm.storage.model_file import Model, load_model
from charlstm.text.line_starts import begins_on_new_line, hide_whole_lines

MAX_WEIGHT = 1_000_000  # of a model in an ensemble


@dataclass(frozen=True)
class LoadedModel:
    """A model, the file that it came from, and its weight in an ensemble."""

    path: Path
    model: Model
    weight: float = 1.0
    logit_scale: float = 1.0  # of its logits where it is averaged with the other members of its run
    digest: str = ""  # SHA-256 of the file as it was loaded; it may be replaced while the model generates

    @property
    def line_starts(self) -> list[str]:
        return hide_whole_lines(list(self.model.training.get("openings", [])))

    @property
    def is_line_list(self) -> bool:
        """Whether the model was trained on a list of short lines."""
        return any(map(begins_on_new_line, self.line_starts))


def load_models(run: str | None, weighted_runs: Sequence[str] = ()) -> list[LoadedModel]:
    """Load the models named `RUN[:WEIGHT]`, or the model of a run (None: the newest) if there are none.

    A run with members gives the model of each; they share its weight. Raises RunError, ModelFileError, or SettingError
    for a weight out of range.
    """
    named: list[tuple[str | None, float]] = [*map(_split_weight, weighted_runs)] or [(run, 1.0)]
    loaded = list[LoadedModel]()
    for name, weight in named:
        paths = find_models(name)
        scale = averaging_scale(paths)
        loaded += [replace(_load(path, weight / len(paths)), logit_scale=scale) for path in paths]
    return loaded


def load_network(run: str | None) -> LoadedModel:
    """Load the one network of a run (None: the newest). Raises RunError also if the run has members."""
    return _load(find_model(run), 1.0)


def _load(path: Path, weight: float) -> LoadedModel:
    """Load a model with the digest of the same bytes: again if the file has changed in between."""
    while True:
        before = _version(path)
        model, digest = load_model(path), file_digest(path)
        if _version(path) == before:
            return LoadedModel(path, model, weight, digest=digest)


def _version(path: Path) -> tuple[int, ...]:
    """Return what changes when a file is replaced or written; nothing for one that is missing."""
    with suppress(OSError):
        status = path.stat()
        return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
    return ()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a model file, in hexadecimal digits. Raises ModelFileError if it cannot be read."""
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as problem:
        raise ModelFileError(f"{path} cannot be read: {problem.strerror}", hint="check the path") from problem


def make_language_model(
    models: Sequence[LoadedModel], *, mix: str | None = None, clamps: Clamps | None = None
) -> LanguageModel:
    """Return the one model, or an ensemble of several, ready to predict characters.

    `mix` says how several are mixed, see `Ensemble`; `clamps` fix units of the one model. Raises SettingError if `mix`
    is given and there is only one, or `clamps` and there are several.
    """
    if clamps and len(models) > 1:
        raise SettingError("`clamp` is for one network", hint="give one `model`, or one member of a run")
    if mix is not None and len(models) == 1:
        raise SettingError("`mix` is for several models", hint="give `model` twice, or leave `mix` out")
    if len(models) == 1:
        return make_stepper(models[0].model, clamps)
    return Ensemble(
        [loaded.model for loaded in models],
        [loaded.weight for loaded in models],
        logit_scales=[loaded.logit_scale for loaded in models],
        mix=mix or MIXES[0],
    )


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
