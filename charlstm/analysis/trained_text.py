"""What a model has seen of the text that it is to be scored on: figures of text that it learned mislead.

A text may be the one that the model was trained on; then it is scored on the part that was kept for validation. Or it
may share passages with it, as another edition does; then the user is told how many.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from charlstm.analysis.evaluation import encode_corpus
from charlstm.analysis.shared_passages import shared_share
from charlstm.analysis.training_text import (
    RecordedText,
    find_recorded_text,
    read_test_text,
    read_training_text,
    split_training_text,
)
from charlstm.arrays import Ids
from charlstm.errors import CharLSTMError, CorpusError, RunError, SettingError
from charlstm.storage.model_file import Model
from charlstm.storage.run_folder import RunFolder
from charlstm.text.corpus import Corpus
from charlstm.text.corpus_encoding import EncodedCorpus
from charlstm.text.id_files import in_chunks
from charlstm.text.known_lines import KnownLines, line_checksum

PARTS = ("train", "validation", "test", "all")
MIN_SHARED_SHARE = 0.02  # of a text, from which on the user is warned
TOO_GOOD = "it predicts new text less well than this"
MAX_LINES = 200_000  # of a text that are compared with those of a list

OnMessage = Callable[[str], None]


@dataclass(frozen=True)
class TextToScore:
    """A text, or a part of one, and what the model has seen of it."""

    name: str  # of the text
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
    if own_corpus is not None and part == "test":
        return part_of_run(path, model, part, on_message=on_message)
    if own_corpus is not None:
        return _part_of_training_text(run, model, own_corpus, encoded, part=part)
    if part in ("train", "validation", "test"):
        raise SettingError(
            f"`part` is {part}, but {corpus.name} is not the text that the model was trained on",
            hint="leave `part` out, or give the text as it was when the model was trained",
        )
    shared = share_of_training_text(run, model, corpus.chunks())
    warning = _warning_of_shared(shared, corpus.name)
    if list(corpus.sources) == _recorded_text(run).sources:
        warning = f"{corpus.name} has changed since the model was trained on it: {TOO_GOOD}"
    return TextToScore(corpus.name, encoded, "all", is_training_text=False, shared=shared, warning=warning)


def part_of_run(
    path: Path, model: Model, part: str, *, unknown: str = "skip", on_message: OnMessage = lambda _: None
) -> TextToScore:
    """Return a part of the text of the run that the model in the file `path` is from.

    Raises SettingError if the run has no such part, RunError if it does not say which text it learned from, and
    CorpusError if that text is gone or has changed.
    """
    check_part(part)
    run = RunFolder(path.parent)
    if part != "test":
        corpus = read_training_text(run, model, on_message)
        encoded = encode_corpus(corpus, model.vocabulary, unknown=unknown)
        return _part_of_training_text(run, model, corpus, encoded, part=part)
    corpus = read_test_text(run, on_message)
    encoded = encode_corpus(corpus, model.vocabulary, unknown=unknown)
    shared = share_of_training_text(run, model, corpus.chunks())
    note = f"scoring the test part of {run.path.name}, {len(encoded.ids):,} characters"
    warning = _warning_of_shared(shared, "the test part")
    return TextToScore(
        "the test part", encoded, "test", is_training_text=False, shared=shared, note=note, warning=warning
    )


def _warning_of_shared(shared: float | None, name: str) -> str:
    if shared is None or shared < MIN_SHARED_SHARE:
        return ""
    return f"{shared:.0%} of {name} stands in the text that the model was trained on: {TOO_GOOD}"


def _training_corpus(run: RunFolder, model: Model, corpus: Corpus, on_message: OnMessage) -> Corpus | None:
    """Return a text as the model's run read it, if it is the text of that run; else None.

    The files of the run are read again, in the run's encoding, if they were read in another one now.
    """
    if corpus.digest == model.training.get("text_sha256"):
        return corpus
    if list(corpus.sources) == _recorded_text(run).sources:
        with suppress(CharLSTMError):
            return read_training_text(run, model, on_message)
    return None


def _part_of_training_text(
    run: RunFolder, model: Model, corpus: Corpus, encoded: EncodedCorpus, *, part: str | None
) -> TextToScore:
    if part == "all":
        warning = f"the model was trained on most of {corpus.name}: {TOO_GOOD}"
        return TextToScore(corpus.name, encoded, "all", is_training_text=True, warning=warning)
    try:
        dataset = split_training_text(model, corpus, _recorded_text(run))
    except CharLSTMError:
        if part is not None:
            raise SettingError(
                "the model does not say which part of its text was kept for validation", hint="train it again"
            ) from None
        warning = f"the model was trained on {corpus.name}: {TOO_GOOD}"
        return TextToScore(corpus.name, encoded, "all", is_training_text=True, warning=warning)
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
    return TextToScore(corpus.name, encoded, chosen, is_training_text=True, note=note, warning=warning)


def _recorded_text(run: RunFolder) -> RecordedText:
    """Return what the run says about its text; nothing but defaults if the folder is none, or not as it was left."""
    try:
        return find_recorded_text(run)
    except RunError:
        return RecordedText()


def share_of_training_text(run: RunFolder, model: Model, text: Iterable[str]) -> float | None:
    """Return which share of a text, given in pieces, stands in the training text; None if that is not there any more.

    The model of a list of short lines holds their checksums; then it is the share of lines.
    """
    if "line_checksums" in model.training:
        with suppress(ValueError):
            return _known_share(KnownLines.from_base64(model.training["line_checksums"]), text)
    try:
        training = learned_ids(run, model)
    except CharLSTMError:
        return None
    return shared_share(text, map(model.vocabulary.decode, in_chunks(training)))


def learned_ids(run: RunFolder, model: Model) -> Ids:
    """Return the ids (characters,) of the part of its text that a model has learned.

    Raises RunError or CorpusError if the text cannot be read as it was.
    """
    corpus = read_training_text(run, model, lambda _: None)
    return split_training_text(model, corpus, find_recorded_text(run)).training


def _known_share(known: KnownLines, text: Iterable[str]) -> float:
    lines = [line for chunk in text for line in chunk.split("\n") if line.strip()][:MAX_LINES]
    checksums = np.fromiter(map(line_checksum, lines), np.uint32)
    return float(np.isin(checksums, known.checksums).mean()) if lines else 0.0
