"""Start a new run: prepare it, choose the settings, train."""

import dataclasses
from typing import TYPE_CHECKING

from charlstm.cells.registry import get_cell
from charlstm.config import ModelConfig
from charlstm.errors import SettingError
from charlstm.generation.load import file_digest
from charlstm.storage.find_runs import find_model
from charlstm.storage.model_file import Model
from charlstm.storage.run_origin import RunOrigin
from charlstm.training.auto_config import make_configs
from charlstm.training.described_settings import describe_choice, describe_settings
from charlstm.training.logs.registry import check_logs
from charlstm.training.part_overlap import overlap_warnings
from charlstm.training.preparation import prepare
from charlstm.training.replaced_files import check_sources
from charlstm.training.reporting import RunReporter, TrainingResult
from charlstm.training.run_request import NewRunRequest
from charlstm.training.run_settings import choose_for_request, measured_inputs
from charlstm.training.startup import created_folder, locked_run, tensorflow_ready, train
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
        inputs = measured_inputs(request, data, overrides, startup)
        if request.workers:
            inputs = inputs.for_workers(len(request.workers))
        settings = choose_for_request(request, inputs, overrides)
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
