"""Who writes: one model, or several blended, by the names that the command line gives them."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Any

from charlstm.cli.display.messages import console, say
from charlstm.errors import CharLSTMError, CorpusError, RunError, SettingError
from charlstm.generation.ensemble import Ensemble
from charlstm.generation.stepper import make_stepper
from charlstm.storage.model_file import Model, load_model
from charlstm.storage.run_folder import RunFolder, find_model

if TYPE_CHECKING:
    from charlstm.analysis.novelty import TrainingText
    from charlstm.generation.generate import LanguageModel

PATIENCE = 1.0  # seconds before it is said what takes so long


@dataclass(frozen=True)
class Named:
    """A model, where it came from, and its weight among others."""

    path: Path
    model: Model
    weight: float

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the model file."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @property
    def line_starts(self) -> list[str]:
        return list(self.model.training.get("openings", []))


def find_models(run: str | None, blended: list[str]) -> list[Named]:
    """The model of a run, or those of `RUN[:WEIGHT]`. Raises RunError, ModelFileError or SettingError."""
    if not blended:
        path = find_model(run)
        return [Named(path, load_model(path), 1.0)]
    found = []
    for name in blended:
        place, weight = _divided(name)
        path = find_model(place)
        found.append(Named(path, load_model(path), weight))
    return found


def voice_of(models: list[Named]) -> "LanguageModel":
    if len(models) == 1:
        return make_stepper(models[0].model)
    return Ensemble([named.model for named in models], [named.weight for named in models])


def compiled(voice: Any) -> Any:
    """The same voice, made ready to write much; who watches is told if that takes a while."""
    notice = Timer(PATIENCE, say, ["making the network ready for long texts; the first time this takes some seconds"])
    if console.is_terminal:
        notice.start()
    try:
        return voice.compiled()
    finally:
        notice.cancel()


def training_text_of(named: Named) -> "TrainingText":
    """The index of the text that a model learned from: kept in its run folder, made if it is not there.

    Raises RunError or CorpusError if the text cannot be found.
    """
    from charlstm.analysis.novelty import TextIndex, TrainingText, load_index, save_index

    run, facts = RunFolder(named.path.parent), named.model.training
    digest, vocabulary = str(facts.get("text_sha256", "")), named.model.vocabulary
    settings = facts.get("settings", {})
    parts = [digest, vocabulary.to_json(), settings.get("validation"), settings.get("sequence_length")]
    key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    index = load_index(run.index, key)
    if index is None:
        say(f"reading the text that {named.path} learned from, to find what is copied")
        index = TextIndex.of(_training_ids(run, named.model, digest))
        try:
            save_index(run.index, index, key)
        except CharLSTMError as problem:
            say(f"the index could not be kept, and will be made anew next time: {problem}")
    return TrainingText(index, vocabulary)


def _training_ids(run: RunFolder, model: Model, digest: str) -> Any:
    from charlstm.text.batches import split_for_validation
    from charlstm.text.catalogue import relocate_shipped_text
    from charlstm.text.corpus import load_corpus
    from charlstm.text.decoding import DecodingOptions

    try:
        text = json.loads(run.config.read_text(encoding="utf-8"))["text"]
        sources, reading, unknown = text["sources"], DecodingOptions(**text["reading"]), text["unknown"]
        settings = model.training["settings"]
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise RunError(
            f"{run.path} does not say which text its model learned from",
            hint="--novelty needs a run folder as charlstm train makes it",
        ) from problem
    recorded = [relocate_shipped_text(path) for path in sources]
    corpus = load_corpus([str(run.text)] if run.text.exists() else recorded, reading)
    if corpus.digest != digest:
        raise CorpusError(
            f"{', '.join(sources)} is not the text that the model learned from any more",
            hint="put the old text back; --novelty compares with it",
        )
    table = model.vocabulary.id_table(corpus.characters, unknown)
    ids = corpus.remap(table.ids, size=len(model.vocabulary))
    return split_for_validation(
        ids, validation=settings["validation"], sequence_length=settings["sequence_length"]
    ).training


def _divided(name: str) -> tuple[str, float]:
    """RUN and WEIGHT of `RUN[:WEIGHT]`; a colon that no number follows belongs to the path."""
    place, colon, weight = name.rpartition(":")
    try:
        value = float(weight) if colon else 1.0
    except ValueError:
        return name, 1.0
    if not 0 < value < float("inf"):
        raise SettingError(f"the weight in --model {name} must be above 0", hint="give 1 and 2, or 0.3 and 0.7")
    return (place, value) if colon else (name, 1.0)
