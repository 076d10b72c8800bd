"""Read the text that a model was trained on again, and split it as its run did."""

from collections.abc import Callable
from dataclasses import dataclass, field

from charlstm.config import TrainingConfig
from charlstm.errors import CorpusError, RunError, SettingError
from charlstm.json_objects import has_type, object_from_json
from charlstm.storage.model_file import Model
from charlstm.storage.run_folder import RunFolder
from charlstm.storage.run_summary import read_settings
from charlstm.text.batches import Dataset, split_for_validation
from charlstm.text.catalogue import relocate_shipped_text
from charlstm.text.corpus import Corpus
from charlstm.text.corpus_encoding import encode_text
from charlstm.text.decoding_options import DecodingOptions
from charlstm.text.part_reader import PartReader
from charlstm.text.parts import Parts
from charlstm.text.vocabulary import POLICIES


@dataclass(frozen=True)
class RecordedText:
    """Where a run found its text, and how it read and encoded it."""

    sources: list[str] = field(default_factory=list)  # relocated, if they ship with charlstm
    decoding: DecodingOptions = field(default_factory=DecodingOptions)
    unknown: str = "skip"  # policy for characters outside the vocabulary
    keeps_rare: bool = True
    parts: Parts | None = None  # None: a share of the text was kept for validation


def find_recorded_text(run: RunFolder) -> RecordedText:
    """Return what the config of a run says about its text. Raises RunError if it is missing or says nothing valid."""
    try:
        text = read_settings(run)["text"]
        if not has_type(text["sources"], list[str]):
            raise TypeError("the sources are no list of paths")
        keeps_rare = text.get("keeps_rare", True)
        if text["unknown"] not in POLICIES or not has_type(keeps_rare, bool):
            raise TypeError("the policy for unknown characters is none")
        sources = [relocate_shipped_text(source) for source in text["sources"]]
        decoding, parts = object_from_json(DecodingOptions, text["reading"]), Parts.from_json(text.get("parts"))
        return RecordedText(sources, decoding, text["unknown"], keeps_rare, parts)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SettingError) as problem:
        raise RunError(
            f"there is no {run.config} that says which text the model was trained on",
            hint="`novelty` and `new` compare with that text: give the whole run folder, as charlstm train writes it",
        ) from problem


def read_recorded_text(run: RunFolder, recorded: RecordedText, on_message: Callable[[str], None]) -> Corpus:
    """Read the training and the validation part of a run's text as they are now. Raises CorpusError if one is gone."""
    return _part_reader(run, recorded, on_message).read_learned(recorded.parts).corpus


def read_test_text(run: RunFolder, on_message: Callable[[str], None]) -> Corpus:
    """Read the test part of a run's text.

    Raises SettingError if it has none, RunError if the run does not say, and CorpusError if it is gone or has changed.
    """
    recorded = find_recorded_text(run)
    if recorded.parts is None or recorded.parts.test is None:
        raise SettingError(
            f"{run.path} has no test part",
            hint="give the file of a text to score, or train a model with a test part",
        )
    part = recorded.parts.test
    corpus = _part_reader(run, recorded, on_message).read(part, recorded.parts.reading)
    if corpus.digest != part.sha256:
        raise CorpusError(
            f"the test part has changed since the run was started: {', '.join(part.sources or recorded.sources)}",
            hint="put the old text back, or score the text as it is now: give its file",
        )
    return corpus


def _part_reader(run: RunFolder, recorded: RecordedText, on_message: Callable[[str], None]) -> PartReader:
    texts = [str(run.text)] if run.has_text else recorded.sources
    return PartReader(texts, recorded.decoding, own_run=run.path, is_recorded=True, on_message=on_message)


def read_training_text(run: RunFolder, model: Model, on_message: Callable[[str], None]) -> Corpus:
    """Read the text that the model of a run was trained on.

    Raises RunError if the run does not say where it is, and CorpusError if it is gone or has another digest.
    """
    recorded = find_recorded_text(run)
    corpus = read_recorded_text(run, recorded, on_message)
    validation = recorded.parts.validation if recorded.parts else None
    sources = [*recorded.sources, *(validation.sources if validation else [])]
    if corpus.digest != model.training.get("text_sha256", ""):
        raise CorpusError(
            f"{' or '.join(sources)} has changed since the model was trained on it",
            hint="put the old text back; `novelty` and `new` compare with it",
        )
    return corpus


def split_training_text(model: Model, corpus: Corpus, recorded: RecordedText) -> Dataset:
    """Split the text that a model was trained on into what it has learned and what was kept for validation.

    Raises RunError if the model does not say how.
    """
    settings = model.training.get("settings", {})
    if not {"validation", "sequence_length"} <= settings.keys():
        raise RunError("the model does not say which part of its text is for validation", hint="train it again")
    encoded = encode_text(corpus, model.vocabulary, unknown=recorded.unknown, keeps_rare=recorded.keeps_rare)
    random_seed = settings.get("random_seed", TrainingConfig.random_seed)
    split_seed = settings.get("split_seed")  # None also in older files
    return split_for_validation(
        encoded.ids,
        validation=settings["validation"],
        sequence_length=settings["sequence_length"],
        validation_split=settings.get("validation_split", TrainingConfig.validation_split),
        vocabulary=model.vocabulary,
        random_seed=random_seed if split_seed is None else split_seed,
    )
