"""Start a new run: prepare it, choose the settings, train."""

import dataclasses
from typing import TYPE_CHECKING, Any

from charlstm.cells.registry import get_cell
from charlstm.config import ModelConfig
from charlstm.errors import SettingError
from charlstm.generation.load import file_digest
from charlstm.machine import num_cores
from charlstm.storage.find_runs import find_model
from charlstm.storage.model_file import Model
from charlstm.storage.run_origin import RunOrigin
from charlstm.storage.shipped_models import shipped_name
from charlstm.training.auto_config import (
    AutoConfigInputs,
    Settings,
    choose_settings,
    make_configs,
    needs_throughput,
)
from charlstm.training.described_settings import describe_choice, describe_settings
from charlstm.training.logs.registry import check_logs
from charlstm.training.part_overlap import overlap_warnings
from charlstm.training.preparation import prepare
from charlstm.training.presets import PRESET_ONLY, preset_settings
from charlstm.training.preview import expected_throughput
from charlstm.training.replaced_files import check_sources
from charlstm.training.reporting import RunReporter, TrainingResult
from charlstm.training.run_request import NewRunRequest
from charlstm.training.startup import Startup, created_folder, locked_run, tensorflow_ready, train
from charlstm.training.training_data import TrainingData

if TYPE_CHECKING:
    from charlstm.training.loop import TrainingRun


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
    request, start_from, data = prepare(request, reporter)
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


def preview_new_run(request: NewRunRequest, reporter: RunReporter) -> dict[str, tuple[Any, str]]:
    """Return the settings that a run would have, each with its source, without training.

    Choices follow the speed of this machine that was measured last. Settings that only a preset has are left out.
    """
    request, start_from, data = prepare(request, reporter)
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
    left_out = {*PRESET_ONLY, *(("validation", "validation_split") if request.parts.has_own_validation else ())}
    return {name: (value, sources.get(name, "default")) for name, value in values.items() if name not in left_out}


def choose_run_settings(request: NewRunRequest, reporter: RunReporter) -> Settings:
    """Return the settings that a run would be trained with if it started now, by their fields, without training it.

    Those of no effect on other choices may be left out: they have their defaults. Raises CharLSTMError like
    `train_new_run`.
    """
    request, _, data = prepare(request, reporter)
    overrides = request.overrides.settings
    with tensorflow_ready(reporter, precision=overrides.get("precision")) as startup:
        overrides |= {"precision": startup.precision} | data.split_settings
        return _choose_settings(request, _measured_inputs(request, data, overrides, startup), overrides)


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
        inputs = _measured_inputs(request, data, overrides, startup)
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


def _measured_inputs(
    request: NewRunRequest, data: TrainingData, overrides: Settings, startup: Startup
) -> AutoConfigInputs:
    """Return what settings are chosen by; the speed of this machine only if one of them depends on it."""
    throughput = None
    if needs_throughput(overrides, may_have_teachers=_may_have_teachers(request)):
        from charlstm.training.throughput import best_throughput

        startup.show_status("measuring how fast this machine trains")
        throughput = best_throughput(precision=startup.precision)
    return AutoConfigInputs(len(data.dataset.training), len(data.vocabulary), num_cores(), throughput)


def _choose_settings(request: NewRunRequest, inputs: AutoConfigInputs, overrides: Settings) -> Settings:
    """Return all settings: those that are fixed, those for a run that starts from a model, and a choice of the rest."""
    inputs = dataclasses.replace(inputs, num_members=request.num_members)
    if request.start_from is None:
        return choose_settings(dataclasses.replace(inputs, may_have_teachers=_may_have_teachers(request)), overrides)
    return request.fine_tuning.choose_settings(inputs, overrides)


def _may_have_teachers(request: NewRunRequest) -> bool:
    trains_one_network = request.num_members == 1 and not request.workers
    return request.may_have_teachers and trains_one_network and request.start_from is None


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
