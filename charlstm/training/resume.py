"""Resume a run from its last checkpoint, with the same result as if it had never stopped."""

import codecs
import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charlstm.config import ModelConfig, TrainingConfig
from charlstm.errors import ChangedTextError, CorpusError, SettingError
from charlstm.json_objects import object_from_json
from charlstm.storage.checkpoint import Checkpoint, load_checkpoint
from charlstm.storage.run_folder import RunFolder, check_is_one_network
from charlstm.storage.run_origin import RunOrigin, training_environment
from charlstm.storage.shipped_models import shipped_name
from charlstm.text.catalogue import relocate_shipped_text
from charlstm.text.corpus import recorded_sources
from charlstm.text.corpus_encoding import encode_text
from charlstm.text.decoding_options import DecodingOptions
from charlstm.text.part_reader import DividedText, PartReader
from charlstm.text.parts import Parts
from charlstm.text.streams import is_stream
from charlstm.text.vocabulary import Vocabulary
from charlstm.training.checkpoint_checks import read_checked_arrays
from charlstm.training.interruption import Interruption
from charlstm.training.logs.registry import check_logs
from charlstm.training.overrides import LENGTH_FIELDS, Overrides
from charlstm.training.reporting import RunReporter, TrainingResult
from charlstm.training.startup import locked_run, tensorflow_ready, train
from charlstm.training.training_data import TrainingData, split_text

if TYPE_CHECKING:
    from charlstm.training.loop import TrainingRun
    from charlstm.training.workers import Workers

NOT_GIVEN = {  # how a run was trained without an option
    "encoding": "the detected one",
    "start_from": "random weights",
    "unknown": "all characters of its text",
    "validation": "a share of its text",
    "test": "no test part",
    "split": "no split",
}


@dataclass(frozen=True, kw_only=True)
class ResumeRequest:
    """Which run to resume, and what may be different now."""

    folder: RunFolder
    overrides: Overrides  # only the length of the run may change
    text_options: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # about the text, that the user gave
    texts: list[str] | None = None  # where the text is now; None: where it was
    changed_text: bool = False  # resume even if the text is not the same any more
    checkpoint_every: float  # seconds
    waits_for_space: bool = False  # see TrainingRun.run
    logs: tuple[str, ...] = ()  # names of LOGS, in addition to those that the run has
    log_folder: Path | None = None  # for files of trackers, which runs of an experiment share; None: in the run folder
    interruption: Interruption = field(default_factory=Interruption)  # what can stop the run
    workers: "Workers | None" = None  # with which the run is trained; this process is their chief


def resume_run(request: ResumeRequest, reporter: RunReporter) -> TrainingResult | None:
    """Train to the end of the plan; returns None if the run is complete already.

    Raises CharLSTMError for everything that the user can fix.
    """
    folder, new_logs = request.folder, check_logs(request.logs)
    check_is_one_network(folder)
    with locked_run(folder, reporter, request.interruption) as interruption:
        folder.remove_leftovers()
        checkpoint, warning = load_checkpoint(folder, read=read_checked_arrays)
        if warning:
            reporter.on_warning(warning)
        metadata = checkpoint.metadata
        config_then = TrainingConfig.from_json(metadata["training"])
        settings = metadata["model"] | config_then.to_json()
        request.overrides.check_agreement(
            settings, str(folder.path), alternative="train in another folder with `output`"
        )
        _check_text_options(request, metadata, reporter)
        config = _with_new_length(config_then, request.overrides)
        if metadata["history"]["finished"] and not _is_longer(config, config_then):
            return None
        data = read_data_again(request, metadata, config, reporter)
        run = _build_run(request, data, config, checkpoint, reporter)
        logs = _add_logs(run, new_logs)
        return train(
            run,
            interruption,
            reporter,
            checkpoint_every=request.checkpoint_every,
            waits_for_space=request.waits_for_space,
            logs=logs,
            log_folder=request.log_folder,
        )


def _check_text_options(request: ResumeRequest, metadata: Mapping[str, Any], reporter: RunReporter) -> None:
    """Raise SettingError if the user asks for another text or vocabulary than the run has; warn of vain options."""
    then = _text_options_then(request, metadata)
    for name, value in request.text_options.items():
        if name not in then:
            reporter.on_warning(
                f"`{name}` has no effect: {request.folder.path} goes on with the text and the characters that it has"
            )
        elif _comparable(name, value) != _comparable(name, then[name]):
            now, before = _describe(name, value), _describe(name, then[name])
            raise SettingError(
                f"`{name}` is {now}, but {request.folder.path} was trained with {before}",
                hint=f"leave `{name}` out, or train in another folder with `output`",
            )


def _text_options_then(request: ResumeRequest, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options about the text that the run was started with, as far as they are known."""
    reading = metadata["text"]["reading"]
    if request.folder.has_text:  # a saved standard input is clean UTF-8, whatever it was before
        normal_form = metadata["vocabulary"].get("normalize")
        reading = {"lowercase": reading["lowercase"]} | ({"normalize": normal_form} if normal_form else {})
    origin = RunOrigin.from_json(metadata.get("origin"))  # None for a run of an earlier version
    names = ("min_count", "start_from", "unknown") if origin else ()
    parts = Parts.from_json(metadata["text"].get("parts"))
    return dict(reading) | {name: getattr(origin, name) for name in names} | _files_of(parts)


def _files_of(parts: Parts | None) -> dict[str, str | None]:
    """Return how the parts of a text were given: the files of two of them, and the split."""
    named = parts.by_name if parts else {}
    files = {name: next(iter(named[name].sources), None) if name in named else None for name in ("validation", "test")}
    return files | {"split": parts.split if parts else None}


def _comparable(name: str, value: Any) -> Any:
    """Return what is the same for two ways to write an option."""
    if value is not None and name == "encoding":
        return codecs.lookup(value).name
    if value is not None and name == "start_from":
        return shipped_name(value) or os.path.realpath(value)
    if value is not None and name in ("validation", "test"):
        return recorded_sources([value])
    return value


def _describe(name: str, value: Any) -> str:
    return NOT_GIVEN.get(name, "none") if value is None else str(value)


def _with_new_length(config: TrainingConfig, overrides: Overrides) -> TrainingConfig:
    """Return the config with the length that the user wants now, if any: in epochs, in seconds, or in both."""
    length = {name: value for name, value in overrides.settings.items() if name in LENGTH_FIELDS}
    if {"epochs", "max_time"} & length.keys():
        length = {"epochs": None, "max_time": None} | length
    return dataclasses.replace(config, **length)


def _is_longer(config: TrainingConfig, config_then: TrainingConfig) -> bool:
    pairs = ((config.epochs, config_then.epochs), (config.max_time, config_then.max_time))
    return any(now is not None and (then is None or now > then) for now, then in pairs)


def read_data_again(
    request: ResumeRequest, metadata: dict[str, Any], config: TrainingConfig, reporter: RunReporter
) -> TrainingData:
    """Read the text of a run, in the ids of its vocabulary and split as it was. Raises CorpusError if it is another."""
    text = metadata["text"]
    decoding = object_from_json(DecodingOptions, text["reading"])
    divided = _read_same_text(request, text, decoding, reporter)
    corpus = divided.corpus
    if not request.changed_text:
        corpus = dataclasses.replace(corpus, name=text["name"])  # which a file elsewhere need not have
    # Earlier checkpoints have no normal form, and the saved text of standard input is read in none.
    form = {} if request.folder.has_text else {"normalize": decoding.normalize}
    vocabulary = object_from_json(Vocabulary, form | metadata["vocabulary"])
    keeps_rare = text.get("keeps_rare", True)
    encoded = encode_text(corpus, vocabulary, unknown=text["unknown"], keeps_rare=keeps_rare)
    dataset = split_text(encoded.ids, vocabulary, config)
    return TrainingData(corpus, vocabulary, dataset, decoding, text["unknown"], keeps_rare, divided)


def _read_same_text(
    request: ResumeRequest, text: dict[str, Any], decoding: DecodingOptions, reporter: RunReporter
) -> DividedText:
    """Read what a run learns from and validates on.

    Raises CorpusError if it is missing or, unless `changed_text`, ChangedTextError if it is different.
    """
    folder, texts = request.folder, request.texts
    is_recorded, parts = texts is None, Parts.from_json(text.get("parts"))
    if folder.has_text and (texts is None or any(map(is_stream, texts))):
        texts, is_recorded = [str(folder.text)], True
    try:
        reader = PartReader(
            texts or [relocate_shipped_text(path) for path in text["sources"]],
            decoding,
            own_run=folder.path,
            is_recorded=is_recorded,
            on_message=reporter.on_message,
        )
        divided = reader.read_learned(parts)
    except CorpusError as error:
        hint = error.hint if texts else "if the text has been moved, say where it is now: `files` FILE"
        if parts and len(parts.by_name) > 1:
            hint = "put all parts back where they were, or say where the training text is now: `files` FILE"
        raise CorpusError(str(error), hint=hint) from error
    corpus = divided.corpus
    if corpus.digest != text["sha256"] and not request.changed_text:
        raise ChangedTextError(
            f"the text is not the one that the run was started with: it has {len(corpus):,} characters "
            f"instead of {text['characters']:,}, and another digest",
            hint="restore the old text, train again in another folder, or resume nevertheless: `changed_text`",
        )
    return divided


def _build_run(
    request: ResumeRequest, data: TrainingData, config: TrainingConfig, checkpoint: Checkpoint, reporter: RunReporter
) -> "TrainingRun":
    folder = request.folder
    model_config = ModelConfig.from_json(checkpoint.metadata["model"])
    with tensorflow_ready(reporter, precision=config.precision, cells=[model_config.cell]) as startup:
        from charlstm.training.loop import TrainingRun
        from charlstm.training.throughput import measure_step_time

        run = TrainingRun(data, model_config, config, folder, checkpoint=checkpoint, workers=request.workers)
        startup.show_status("measuring how long an epoch takes")
        step_time = measure_step_time(run.trainer, run.streams.batch(run.history.step))
    if changes := _environment_changes(checkpoint):
        reporter.on_warning(f"results may differ in the last bits from those of an uninterrupted run: {changes}")
    reporter.on_message(data.describe(config))
    reporter.on_message(f"resuming {folder.path} at epoch {run.epoch:.2f}, {run.fraction_done:.0%} of the run")
    reporter.on_message(
        run.plan.describe_pace(
            seconds_per_step=step_time,
            steps_per_epoch=run.streams.steps_per_epoch,
            step=run.history.step,
            seconds=run.seconds,
        )
    )
    return run


def _add_logs(run: "TrainingRun", names: tuple[str, ...]) -> tuple[str, ...]:
    """Let a run write these logs from now on, and return all that it writes."""
    if run.origin is None:  # a run of an earlier version, which cannot remember them
        return names
    logs = tuple(dict.fromkeys([*run.origin.logs, *names]))
    run.origin = dataclasses.replace(run.origin, logs=logs)
    return logs


def _environment_changes(checkpoint: Checkpoint) -> str:
    """Return what is different from the machine and the libraries that made the checkpoint."""
    then = checkpoint.metadata["environment"]
    pairs = [(name, then.get(name), now) for name, now in training_environment().items()]
    changes = [(name, before or "unknown", now) for name, before, now in pairs if before != now]
    return "; ".join(f"{name.replace('_', ' ')} was {before}, is {now}" for name, before, now in changes)
