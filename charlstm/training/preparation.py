"""Prepare a new run: the model that it starts from, its text, its vocabulary. TensorFlow is not needed yet."""

import dataclasses
from functools import partial
from typing import Any

from charlstm.errors import SettingError
from charlstm.storage.find_runs import find_model
from charlstm.storage.model_file import Model, load_model
from charlstm.storage.shipped_models import shipped_name
from charlstm.text.corpus import Corpus
from charlstm.text.corpus_encoding import encode_text
from charlstm.text.given_text import load_given_text
from charlstm.text.part_reader import DividedText, PartReader
from charlstm.text.validation_split import default_validation_split
from charlstm.text.vocabulary import Vocabulary
from charlstm.training.finetuning import extend_vocabulary
from charlstm.training.presets import TUTORIAL
from charlstm.training.reporting import RunReporter
from charlstm.training.run_request import NewRunRequest
from charlstm.training.starting_point import choose_starting_point
from charlstm.training.teacher_checks import check_teachers
from charlstm.training.training_data import TrainingData, own_validation_settings, split_text, splitting_config


def prepare(request: NewRunRequest, reporter: RunReporter) -> tuple[NewRunRequest, Model | None, TrainingData]:
    """Return the request with what follows from the model that the run starts from, this model, and the text."""
    start_from = None
    if request.start_from is not None:
        path = find_model(request.start_from)
        start_from = load_model(path)
        request = _adapt_to_model(request, start_from, inherits_precision=shipped_name(path) is None)
    _check_window(request.overrides.settings)
    teachers = request.overrides.settings.get("teachers")
    if teachers and request.start_from is not None:
        raise SettingError(
            "`teachers` need random initial weights, but this run starts from a model",
            hint="leave `teachers` out, or train with `from` none",
        )
    request.parts.check_settings(request.overrides.settings)
    divided = _read_text(request, reporter)
    if request.may_start_from_shipped and request.start_from is None and request.min_count == 1 and not teachers:
        point = choose_starting_point(divided.corpus, request.decoding, request.overrides.settings)
        if point is not None:
            start_from = point.model
            request = dataclasses.replace(request, start_from=str(point.path))
            request = _adapt_to_model(request, start_from, inherits_precision=False)
            reporter.on_message(point.describe())
    data = _encode(request, start_from, divided, reporter)
    if teachers:
        num_probabilities = len(data.dataset.training) * len(data.vocabulary)
        check_teachers(request.overrides.settings, num_probabilities, request.workers)
    return request, start_from, data


def _adapt_to_model(request: NewRunRequest, model: Model, *, inherits_precision: bool) -> NewRunRequest:
    """Return the request with the shape, the case, the normal form and the precision of a model.

    A model that ships comes from a machine where another precision may have been the faster one. Raises SettingError
    if the request contradicts the model; another precision is no contradiction.
    """
    vocabulary = model.vocabulary
    if request.decoding.lowercase and not vocabulary.lowercase:
        preset = request.overrides.preset
        raise SettingError(
            f"{f'`preset` {preset} reads in lower case' if preset == TUTORIAL else '`lowercase` is given'}, "
            f"but {request.start_from} distinguishes upper and lower case",
            hint=f"leave {'`preset`' if preset == TUTORIAL else '`lowercase`'} out, or train without `from`",
        )
    if request.normalize not in (None, vocabulary.normalize):
        raise SettingError(
            f"`normalize` is {request.normalize}, but {request.start_from} reads texts in the form "
            f"{vocabulary.normalize}",
            hint="leave `normalize` out",
        )
    shape = model.config.to_json()
    request.overrides.check_agreement(shape, str(request.start_from), alternative="train without a model to start from")
    explicit = dict(request.overrides.explicit) | shape
    if request.inherits_precision and inherits_precision:
        explicit.setdefault("precision", model.precision)
    overrides = dataclasses.replace(request.overrides, explicit=explicit)
    decoding = dataclasses.replace(request.decoding, lowercase=vocabulary.lowercase, normalize=vocabulary.normalize)
    return dataclasses.replace(request, overrides=overrides, decoding=decoding)


def _check_window(settings: dict[str, Any]) -> None:
    """Raise SettingError if the sequence length is not the window of a network that has one."""
    window, length = settings.get("window"), settings.get("sequence_length")
    if window and length not in (None, window):
        raise SettingError(
            f"`sequence_length` is {length}, but the network sees windows of {window}",
            hint="leave `sequence_length` out",
        )


def _read_text(request: NewRunRequest, reporter: RunReporter) -> DividedText:
    given, decoding, on_message = request.given_text, request.decoding, reporter.on_message
    read_whole = None if given is None else partial(load_given_text, given, decoding, on_message=on_message)
    own_run = request.folder.path
    reader = PartReader(request.texts, decoding, read_whole=read_whole, own_run=own_run, on_message=on_message)
    return reader.divide(request.parts)


def _encode(
    request: NewRunRequest, start_from: Model | None, divided: DividedText, reporter: RunReporter
) -> TrainingData:
    """Return the text in the ids of its vocabulary, split for validation."""
    corpus = divided.corpus
    vocabulary = _make_vocabulary(request, start_from, corpus)
    unknown, keeps_rare = request.unknown or "skip", request.unknown is None
    encoded = encode_text(corpus, vocabulary, unknown=unknown, keeps_rare=keeps_rare)
    if encoded.changes:
        reporter.on_changed_characters(dict(encoded.changes))
    own_validation = own_validation_settings(divided, encoded, vocabulary, unknown=unknown, keeps_rare=keeps_rare)
    settings = request.overrides.settings | own_validation
    config = splitting_config(settings, default_validation_split(encoded.ids, vocabulary))
    dataset = split_text(encoded.ids, vocabulary, config)
    return TrainingData(corpus, vocabulary, dataset, request.decoding, unknown, keeps_rare, divided)


def _make_vocabulary(request: NewRunRequest, start_from: Model | None, corpus: Corpus) -> Vocabulary:
    """Return the vocabulary of the text, or that of the model to start from, with the text's new characters."""
    if start_from is None:
        return Vocabulary.from_counts(
            corpus.characters,
            corpus.counts,
            lowercase=request.decoding.lowercase,
            min_count=request.min_count,
            normalize=request.decoding.normalize,
        )
    known = start_from.vocabulary
    vocabulary = known if request.unknown else extend_vocabulary(start_from, corpus.characters)
    if start_from.config.encoding == "integer" and vocabulary != known:
        raise SettingError(
            f"{request.start_from} encodes characters as numbers, so its vocabulary cannot be extended, "
            "and the text has new characters",
            hint="leave them out with `unknown` nearest",
        )
    return vocabulary
