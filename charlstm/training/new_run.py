"""Start a new run: read the text, choose the settings, train."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charlstm.cells.registry import get_cell
from charlstm.config import ModelConfig, TrainingConfig
from charlstm.errors import RunError, SettingError
from charlstm.machine import num_cores, save_throughput
from charlstm.storage.model_file import Model, load_model
from charlstm.storage.run_folder import RunFolder, find_model
from charlstm.storage.run_origin import RunOrigin
from charlstm.text.batches import split_for_validation
from charlstm.text.corpus import Corpus, load_corpus
from charlstm.text.decoding import DecodingOptions
from charlstm.text.vocabulary import Vocabulary
from charlstm.training.auto_config import (
    DEFAULT_SEQUENCE_LENGTH,
    AutoConfigInputs,
    choose_settings,
    describe_settings,
    make_configs,
    needs_throughput,
)
from charlstm.training.finetuning import extend_vocabulary
from charlstm.training.overrides import Overrides
from charlstm.training.reporting import RunReporter
from charlstm.training.startup import created_folder, locked_run, tensorflow_ready, train
from charlstm.training.training_data import TrainingData, encode

if TYPE_CHECKING:
    from charlstm.training.loop import TrainingResult, TrainingRun


@dataclass(frozen=True, kw_only=True)
class NewRunRequest:
    """What to train, on what, and where to save it."""

    folder: RunFolder
    texts: list[str]
    overrides: Overrides
    decoding: DecodingOptions
    min_count: int = 1  # characters that are rarer share one id
    start_from: str | None = None  # a run or a model file whose weights the run starts from
    unknown: str | None = None  # policy for characters outside the vocabulary of `start_from`; None: learn them
    overwrite: bool = False
    command: tuple[str, ...] = ()  # that the run was started with
    checkpoint_every: float  # seconds
    waits_for_space: bool = False  # see TrainingRun.run


def train_new_run(request: NewRunRequest, reporter: RunReporter) -> "TrainingResult":
    """Train a network on a text, from random weights or those of another model.

    An existing run is only removed once everything that can fail has succeeded. Raises CharLSTMError for everything
    that the user can fix.
    """
    get_cell(request.overrides.settings.get("cell", ModelConfig.cell))  # raises for an unknown cell
    if not request.overwrite:
        request.folder.check_is_free()
    start_from = None
    if request.start_from is not None:
        start_from = load_model(find_model(request.start_from))
        request = _adapt_to_model(request, start_from)
    _check_window(request.overrides.settings)
    data = _read_data(request, start_from, reporter)
    _check_sources(request.folder, data.corpus)
    with created_folder(request.folder), locked_run(request.folder, reporter) as interruption:
        if not request.overwrite:
            request.folder.check_is_free()  # another process may have trained here while the text was read
        run = _build_run(request, data, start_from, reporter)
        interruption.stops_gracefully = True  # from here on an earlier run is gone
        request.folder.clear()
        if not data.can_be_read_again:
            run.data = data.saved_in(request.folder)
        return train(
            run,
            interruption,
            reporter,
            checkpoint_every=request.checkpoint_every,
            waits_for_space=request.waits_for_space,
        )


def _adapt_to_model(request: NewRunRequest, model: Model) -> NewRunRequest:
    """Return the request with the shape and the case of a model; raises SettingError if they contradict it."""
    if request.decoding.lowercase and not model.vocabulary.lowercase:
        raise SettingError(
            f"`lowercase` is given, but {request.start_from} distinguishes upper and lower case",
            hint="leave `lowercase` out",
        )
    shape = model.config.to_json()
    request.overrides.check_agreement(shape, str(request.start_from), alternative="train without a model to start from")
    overrides = dataclasses.replace(request.overrides, explicit=dict(request.overrides.explicit) | shape)
    decoding = dataclasses.replace(request.decoding, lowercase=model.vocabulary.lowercase)
    return dataclasses.replace(request, overrides=overrides, decoding=decoding)


def _check_window(settings: dict[str, Any]) -> None:
    """Raise SettingError if the sequence length is not the window of a network that has one."""
    window, length = settings.get("window"), settings.get("sequence_length")
    if window and length not in (None, window):
        raise SettingError(
            f"`sequence_length` is {length}, but the network sees windows of {window}",
            hint="leave `sequence_length` out",
        )


def _check_sources(folder: RunFolder, corpus: Corpus) -> None:
    """Raise RunError if the text, or a file beside it that is not an earlier run's, is one that the run would replace.

    In a folder of texts such a file is no part of the text, because it would be another one when the run is resumed.
    """
    replaced = {file.resolve() for file in folder.files}
    beside = set() if folder.has_run else {file.resolve() for file in folder.files if file.is_file()}
    for source in corpus.sources:
        if Path(source).is_dir() and (mine := [file for file in beside if file.is_relative_to(Path(source).resolve())]):
            raise RunError(
                f"{min(mine)} is among the texts, and a run in {folder.path} would replace it",
                hint="rename the file, or choose another folder with `output`",
            )
        if Path(source).resolve() in replaced:
            raise RunError(
                f"{source} is the text, and a run in {folder.path} would replace it",
                hint="choose another folder with `output`",
            )


def _read_data(request: NewRunRequest, start_from: Model | None, reporter: RunReporter) -> TrainingData:
    corpus = load_corpus(request.texts, request.decoding, own_run=request.folder.path, on_message=reporter.on_message)
    vocabulary = _make_vocabulary(request, start_from, corpus)
    unknown = request.unknown or "skip"
    ids, changes = encode(corpus, vocabulary, unknown)
    if changes:
        reporter.on_changed_characters(changes)
    settings = request.overrides.settings
    dataset = split_for_validation(
        ids,
        validation=settings.get("validation", TrainingConfig.validation),
        sequence_length=settings.get("window") or settings.get("sequence_length", DEFAULT_SEQUENCE_LENGTH),
    )
    return TrainingData(corpus, vocabulary, dataset, request.decoding, unknown)


def _make_vocabulary(request: NewRunRequest, start_from: Model | None, corpus: Corpus) -> Vocabulary:
    """Return the vocabulary of the text, or that of the model to start from, with the text's new characters."""
    if start_from is None:
        return Vocabulary.from_counts(
            corpus.characters, corpus.counts, lowercase=request.decoding.lowercase, min_count=request.min_count
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


def _build_run(
    request: NewRunRequest, data: TrainingData, start_from: Model | None, reporter: RunReporter
) -> "TrainingRun":
    """Choose the settings that are not fixed, report them, and build the run."""
    overrides = request.overrides.settings
    with tensorflow_ready(reporter, precision=overrides.get("precision")) as startup:
        from charlstm.training.loop import TrainingRun
        from charlstm.training.throughput import measure_throughput

        overrides["precision"] = startup.precision
        throughput = None
        if needs_throughput(overrides):
            startup.show_status("measuring how fast this machine trains")
            throughput = measure_throughput(precision=startup.precision)
            save_throughput(throughput)
        inputs = AutoConfigInputs(len(data.dataset.training), len(data.vocabulary), num_cores(), throughput)
        settings = choose_settings(inputs, overrides)
        origin = _origin(request)
        run = TrainingRun(data, *make_configs(settings), request.folder, start_from=start_from, origin=origin)
    reporter.on_message(data.describe(run.config.validation))
    reporter.on_message(describe_settings(settings, overrides, inputs))
    return run


def _origin(request: NewRunRequest) -> RunOrigin:
    start_from = None if request.start_from is None else str(find_model(request.start_from).absolute())
    return RunOrigin.now(
        command=request.command, start_from=start_from, unknown=request.unknown, min_count=request.min_count
    )
