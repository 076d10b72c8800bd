"""What a model has seen of the text that it is to be scored on: figures of text that it learned mislead.

A text may be the one that the model was trained on; then it is scored on the part that was kept for validation. Or it
may share passages with it, as another edition does; then the user is told how many.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from charlstm.analysis.shared_passages import shared_share
from charlstm.config import TrainingConfig
from charlstm.errors import CharLSTMError, CorpusError, SettingError
from charlstm.storage.model_file import Model
from charlstm.storage.run_folder import RunFolder
from charlstm.text.batches import Dataset, split_for_validation
from charlstm.text.catalogue import relocate_shipped_text
from charlstm.text.corpus import Corpus
from charlstm.text.corpus_encoding import EncodedCorpus, encode_text
from charlstm.text.id_files import in_chunks
from charlstm.text.known_lines import KnownLines, line_checksum

PARTS = ("train", "validation", "all")
MIN_SHARED_SHARE = 0.02  # of a text, from which on the user is warned
TOO_GOOD = "it predicts new text less well than this"
MAX_LINES = 200_000  # of a text that are compared with those of a list

OnMessage = Callable[[str], None]


@dataclass(frozen=True)
class TextToScore:
    """A text, or a part of one, and what the model has seen of it."""

    encoded: EncodedCorpus
    part: str  # one of PARTS
    is_training_text: bool
    shared: float | None = None  # of another text: the share that stands in the training part; None: unknown
    note: str = ""  # for the user
    warning: str = ""

    def to_json(self) -> dict[str, Any]:
        return {"part": self.part, "is_training_text": self.is_training_text, "shared_with_training": self.shared}


def check_part(part: str | None) -> None:
    """Raise SettingError for the name of a part that there is not."""
    if part is not None and part not in PARTS:
        raise SettingError(
            f"`part` is {part!r}, but it must be one of {', '.join(PARTS)}",
            hint="validation is the default for the text that the model was trained on",
        )


def choose_text(
    path: Path, model: Model, corpus: Corpus, encoded: EncodedCorpus, *, part: str | None, on_message: OnMessage
) -> TextToScore:
    """Return what to score of a text, by default the part that the model in the file `path` has not learned.

    `encoded` is the corpus in the ids of the model. Raises SettingError if a part is asked for of a text that is not
    the one that the model was trained on.
    """
    check_part(part)
    run = RunFolder(path.parent)
    own_corpus = _training_corpus(run, model, corpus, on_message)
    if own_corpus is not None:
        return _part_of_training_text(run, model, own_corpus, encoded, part=part)
    if part in ("train", "validation"):
        raise SettingError(
            f"`part` is {part}, but {corpus.name} is not the text that the model was trained on",
            hint="leave `part` out, or give the text as it was when the model was trained",
        )
    shared = _shared_share(run, model, corpus)
    warning = ""
    if list(corpus.sources) == _text_settings(run).get("sources"):
        warning = f"{corpus.name} has changed since the model was trained on it: {TOO_GOOD}"
    elif shared is not None and shared >= MIN_SHARED_SHARE:
        warning = f"{shared:.0%} of {corpus.name} stands in the text that the model was trained on: {TOO_GOOD}"
    return TextToScore(encoded, "all", is_training_text=False, shared=shared, warning=warning)


def _training_corpus(run: RunFolder, model: Model, corpus: Corpus, on_message: OnMessage) -> Corpus | None:
    """Return a text as the model's run read it, if it is the text of that run; else None.

    The files of the run are read again, in the run's encoding, if they were read in another one now.
    """
    digest = str(model.training.get("text_sha256", ""))
    if corpus.digest == digest:
        return corpus
    if list(corpus.sources) == _text_settings(run).get("sources"):
        from charlstm.analysis.novelty import read_training_text  # slow to import

        with suppress(CharLSTMError):
            return read_training_text(run, digest, on_message)[0]
    return None


def _part_of_training_text(
    run: RunFolder, model: Model, corpus: Corpus, encoded: EncodedCorpus, *, part: str | None
) -> TextToScore:
    if part == "all":
        warning = f"the model was trained on most of {corpus.name}: {TOO_GOOD}"
        return TextToScore(encoded, "all", is_training_text=True, warning=warning)
    try:
        dataset = _split(run, model, corpus)
    except (CharLSTMError, KeyError):
        if part is not None:
            raise SettingError(
                "the model does not say which part of its text was kept for validation", hint="train it again"
            ) from None
        warning = f"the model was trained on {corpus.name}: {TOO_GOOD}"
        return TextToScore(encoded, "all", is_training_text=True, warning=warning)
    chosen = part or "validation"
    ids = np.asarray(dataset.validation if chosen == "validation" else dataset.training)
    rare = model.vocabulary.characters.find(model.vocabulary.unknown) if model.vocabulary.unknown else -1
    num_skipped = int((ids == rare).sum())  # what stands for rare characters in training is never predicted
    ids = ids[ids != rare] if num_skipped else ids
    if len(ids) < 2:
        raise CorpusError(f"the {chosen} part of {corpus.name} has no two characters", hint="score all of it")
    name = "validation" if chosen == "validation" else "training"
    note = f"the model was trained on {corpus.name}: scoring its {name} part, {len(ids):,} characters"
    if part is None:
        note += "; `part` all scores the whole text"
    warning = f"the model has learned this part: {TOO_GOOD}" if chosen == "train" else ""
    changes = encoded.changes if num_skipped else {}
    encoded = EncodedCorpus(ids, num_skipped=num_skipped, num_replaced=0, changes=changes)
    return TextToScore(encoded, chosen, is_training_text=True, note=note, warning=warning)


def _split(run: RunFolder, model: Model, corpus: Corpus) -> Dataset:
    """Divide the text as its run did. Raises KeyError if the model does not know how."""
    settings, text = model.training["settings"], _text_settings(run)
    unknown, keeps_rare = text.get("unknown", "skip"), text.get("keeps_rare", True)
    ids = encode_text(corpus, model.vocabulary, unknown=unknown, keeps_rare=keeps_rare).ids
    return split_for_validation(
        ids,
        validation=settings["validation"],
        sequence_length=settings["sequence_length"],
        validation_split=settings.get("validation_split", TrainingConfig.validation_split),
        vocabulary=model.vocabulary,
        random_seed=settings.get("random_seed", TrainingConfig.random_seed),
    )


def _text_settings(run: RunFolder) -> dict[str, Any]:
    """Return what the folder says about its text; nothing if it is no run folder as training leaves it."""
    try:
        text = json.loads(run.config.read_text(encoding="utf-8"))["text"]
        return {**text, "sources": [relocate_shipped_text(source) for source in text["sources"]]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _shared_share(run: RunFolder, model: Model, corpus: Corpus) -> float | None:
    """Return which share of a text stands in the training text, or None if that text is not there any more.

    The model of a list of short lines holds their checksums; then it is the share of lines.
    """
    if "line_checksums" in model.training:
        with suppress(ValueError):
            return _known_share(KnownLines.from_base64(model.training["line_checksums"]), corpus)
    from charlstm.analysis.novelty import read_training_text  # slow to import

    try:
        own, *_ = read_training_text(run, str(model.training.get("text_sha256", "")), lambda _: None)
        dataset = _split(run, model, own)
    except (CharLSTMError, KeyError):
        return None
    return shared_share(corpus.chunks(), map(model.vocabulary.decode, in_chunks(dataset.training)))


def _known_share(known: KnownLines, corpus: Corpus) -> float:
    lines = [line for chunk in corpus.chunks() for line in chunk.split("\n") if line.strip()][:MAX_LINES]
    checksums = np.fromiter(map(line_checksum, lines), np.uint32)
    return float(np.isin(checksums, known.checksums).mean()) if lines else 0.0
