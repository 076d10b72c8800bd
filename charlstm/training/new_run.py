"""Start a new run: read the text, choose the settings, train."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charlstm.cells.registry import get_cell
from charlstm.config import ModelConfig
from charlstm.errors import SettingError
from charlstm.generation.load import file_digest
from charlstm.machine import num_cores
from charlstm.storage.find_runs import find_model
from charlstm.storage.model_file import Model, load_model
from charlstm.storage.run_folder import RunFolder
from charlstm.storage.run_origin import RunOrigin
from charlstm.storage.shipped_models import shipped_name
from charlstm.text.corpus import Corpus
from charlstm.text.corpus_encoding import encode_text
from charlstm.text.decoding_options import DecodingOptions
from charlstm.text.given_text import load_given_text
from charlstm.text.part_reader import DividedText, PartReader
from charlstm.text.parts import PartsRequest
from charlstm.text.validation_split import default_validation_split
from charlstm.text.vocabulary import Vocabulary
from charlstm.training.auto_config import (
    AutoConfigInputs,
    Settings,
    choose_settings,
    describe_choice,
    describe_settings,
    make_configs,
    needs_throughput,
)
from charlstm.training.finetuning import FINE_TUNING, FineTuning, extend_vocabulary
from charlstm.training.interruption import Interruption
from charlstm.training.logs.registry import check_logs
from charlstm.training.overrides import Overrides
from charlstm.training.part_overlap import overlap_warnings
from charlstm.training.presets import TUTORIAL, preset_settings
from charlstm.training.preview import expected_throughput
from charlstm.training.replaced_files import check_sources
from charlstm.training.reporting import RunReporter, TrainingResult
from charlstm.training.starting_point import choose_starting_point
from charlstm.training.startup import Startup, created_folder, locked_run, tensorflow_ready, train
from charlstm.training.training_data import TrainingData, own_validation_settings, split_text, splitting_config

if TYPE_CHECKING:
    from charlstm.training.loop import TrainingRun
    from charlstm.training.workers import Workers


@dataclass(frozen=True, kw_only=True)
class NewRunRequest:
    """What to train, on what, and where to save it."""

    folder: RunFolder
    texts: list[str]
    given_text: str | None = None  # the text itself, in place of `texts`
    parts: PartsRequest = field(default_factory=PartsRequest)  # how it is divided; else a share is for validation
    overrides: Overrides
    decoding: DecodingOptions
    normalize: str | None = None  # the normal form; None: that of `decoding`, or of `start_from`
    min_count: int = 1  # characters that are rarer share one id
    start_from: str | None = None  # a run or a model file whose weights the run starts from
    may_start_from_shipped: bool = False  # without `start_from`, where a model that ships knows the text's language
    fine_tuning: FineTuning = FINE_TUNING  # how it is trained on top of a model
    inherits_precision: bool = True  # of `start_from`, unless `precision` is fixed; else the fastest one is taken
    unknown: str | None = None  # policy for characters outside the vocabulary of `start_from`; None: learn them
    num_members: int = 1  # of the ensemble that the run is for, see AutoConfigInputs
    overwrite: bool = False
    command: tuple[str, ...] = ()  # that the run was started with
    checkpoint_every: float  # seconds
    waits_for_space: bool = False  # see TrainingRun.run
    logs: tuple[str, ...] = ()  # names of LOGS
    log_folder: Path | None = None  # for files of trackers, which runs of an experiment share; None: in the run folder
    interruption: Interruption = field(default_factory=Interruption)  # what can stop the run
    on_start: Callable[[], None] = lambda: None  # is called once everything that can fail has succeeded
    workers: "Workers | None" = None  # with which the run is trained; this process is their chief


def train_new_run(request: NewRunRequest, reporter: RunReporter) -> TrainingResult:
    """Train a network on a text, from random weights or those of another model.

    An existing run is only removed once everything that can fail has succeeded. Raises CharLSTMError for everything
    that the user can fix.
    """
    if request.unknown is not None and request.start_from is None:
        raise SettingError(
            "`unknown` is for characters that the model of `start_from` does not know", hint="leave `unknown` out"
        )
    get_cell(request.overrides.settings.get("cell", ModelConfig.cell))  # raises for an unknown cell
    request = dataclasses.replace(request, logs=check_logs(request.logs))
    if not request.overwrite:
        request.folder.check_is_free()
    request, start_from, data = _prepare(request, reporter)
    check_sources(request.folder, data.sources)
    locked = locked_run(request.folder, reporter, request.interruption)
    with created_folder(request.folder), locked as interruption:
        if not request.overwrite:
            request.folder.check_is_free()  # another process may have trained here while the text was read
        run = _build_run(request, data, start_from, reporter)
        interruption.stops_gracefully = True  # from here on an earlier run is gone
        request.folder.clear()
        request.on_start()
        if not data.can_be_read_again:
            run.data = data.saved_in(request.folder)
        return train(
            run,
            interruption,
            reporter,
            checkpoint_every=request.checkpoint_every,
            waits_for_space=request.waits_for_space,
            logs=request.logs,
            log_folder=request.log_folder,
        )


UNSETTABLE = ("residual", "window", "encoding", "schedule")


def preview_new_run(request: NewRunRequest, reporter: RunReporter) -> dict[str, tuple[Any, str]]:
    """Return the settings that a run would have, each with its source, without training.

    Choices follow the speed of this machine that was measured last. Settings that only a preset has are left out.
    """
    request, start_from, data = _prepare(request, reporter)
    overrides = request.overrides.settings | data.split_settings
    inputs = AutoConfigInputs(len(data.dataset.training), len(data.vocabulary), num_cores(), expected_throughput())
    settings = _choose_settings(request, inputs, overrides)
    model, training = make_configs(settings)
    reading = {"normalize": request.decoding.normalize, "lowercase": request.decoding.lowercase}
    values, preset = model.to_json() | training.to_json() | reading, preset_settings(request.overrides.preset)
    if start_from:
        values["start_from"] = shipped_name(str(request.start_from)) or request.start_from
    values["precision"] = overrides.get("precision", "auto")  # which of them is the faster one is measured at the start
    sources = {
        **dict.fromkeys(settings.keys() - overrides.keys(), "chosen"),
        **dict.fromkeys(["validation_split", "start_from"], "chosen"),
        **dict.fromkeys([*preset, "lowercase"], f"preset {request.overrides.preset}"),
        **dict.fromkeys([*model.to_json(), *reading, "precision"] if start_from else (), "of the model"),
    }
    left_out = {*UNSETTABLE, *(("validation", "validation_split") if request.parts.has_own_validation else ())}
    return {name: (value, sources.get(name, "default")) for name, value in values.items() if name not in left_out}


def choose_run_settings(request: NewRunRequest, reporter: RunReporter) -> Settings:
    """Return the settings that a run would be trained with if it started now, by their fields, without training it.

    Those of no effect on other choices may be left out: they have their defaults. Raises CharLSTMError like
    `train_new_run`.
    """
    request, _, data = _prepare(request, reporter)
    overrides = request.overrides.settings
    with tensorflow_ready(reporter, precision=overrides.get("precision")) as startup:
        overrides |= {"precision": startup.precision} | data.split_settings
        return _choose_settings(request, _measured_inputs(data, overrides, startup), overrides)


def _prepare(request: NewRunRequest, reporter: RunReporter) -> tuple[NewRunRequest, Model | None, TrainingData]:
    """Return the request with what follows from the model that the run starts from, this model, and the text."""
    start_from = None
    if request.start_from is not None:
        path = find_model(request.start_from)
        start_from = load_model(path)
        request = _adapt_to_model(request, start_from, inherits_precision=shipped_name(path) is None)
    _check_window(request.overrides.settings)
    request.parts.check_settings(request.overrides.settings)
    divided = _read_text(request, reporter)
    if request.may_start_from_shipped and request.start_from is None and request.min_count == 1:
        point = choose_starting_point(divided.corpus, request.decoding, request.overrides.settings)
        if point is not None:
            start_from = point.model
            request = dataclasses.replace(request, start_from=str(point.path))
            request = _adapt_to_model(request, start_from, inherits_precision=False)
            reporter.on_message(point.describe())
    return request, start_from, _encode(request, start_from, divided, reporter)


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


def _build_run(
    request: NewRunRequest, data: TrainingData, start_from: Model | None, reporter: RunReporter
) -> "TrainingRun":
    """Choose the settings that are not fixed, report them, and build the run."""
    overrides = request.overrides.settings
    cells = [str(overrides["cell"])] if "cell" in overrides else []
    with tensorflow_ready(reporter, precision=overrides.get("precision"), cells=cells) as startup:
        from charlstm.training.loop import TrainingRun
        from charlstm.training.throughput import measure_step_time

        overrides |= {"precision": startup.precision} | data.split_settings
        inputs = _measured_inputs(data, overrides, startup)
        if request.workers:
            inputs = inputs.for_workers(len(request.workers))
        settings = _choose_settings(request, inputs, overrides)
        origin = _origin(request)
        run = TrainingRun(
            data,
            *make_configs(settings),
            request.folder,
            start_from=start_from,
            origin=origin,
            workers=request.workers,
        )
        startup.show_status("measuring how long an epoch takes")
        step_time = measure_step_time(run.trainer, run.streams.batch(0))
    reporter.on_message(data.describe(run.config))
    if warning := data.validation_warning(run.config):
        reporter.on_warning(warning)
    for warning in overlap_warnings(data):
        reporter.on_warning(warning)
    reporter.on_message(describe_settings(settings, overrides, inputs))
    if choice := describe_choice(settings, request.overrides.settings):
        reporter.on_message(choice)
    reporter.on_message(run.plan.describe_pace(seconds_per_step=step_time, steps_per_epoch=run.streams.steps_per_epoch))
    return run


def _measured_inputs(data: TrainingData, overrides: Settings, startup: Startup) -> AutoConfigInputs:
    """Return what settings are chosen by; the speed of this machine only if one of them depends on it."""
    throughput = None
    if needs_throughput(overrides):
        from charlstm.training.throughput import best_throughput

        startup.show_status("measuring how fast this machine trains")
        throughput = best_throughput(precision=startup.precision)
    return AutoConfigInputs(len(data.dataset.training), len(data.vocabulary), num_cores(), throughput)


def _choose_settings(request: NewRunRequest, inputs: AutoConfigInputs, overrides: Settings) -> Settings:
    """Return all settings: those that are fixed, those for a run that starts from a model, and a choice of the rest."""
    inputs = dataclasses.replace(inputs, num_members=request.num_members)
    if request.start_from is None:
        return choose_settings(inputs, overrides)
    return request.fine_tuning.choose_settings(inputs, overrides)


def _origin(request: NewRunRequest) -> RunOrigin:
    start_from = None if request.start_from is None else find_model(request.start_from).absolute()
    return RunOrigin.now(
        command=request.command,
        start_from=None if start_from is None else str(start_from),
        start_from_sha256=None if start_from is None else file_digest(start_from),
        unknown=request.unknown,
        min_count=request.min_count,
        logs=request.logs,
    )
