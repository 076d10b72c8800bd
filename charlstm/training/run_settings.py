"""Choose the settings of a new run, on the machine that it will be trained on."""

import dataclasses

from charlstm.libraries import can_compile
from charlstm.machine import num_cores
from charlstm.training.auto_config import AutoConfigInputs, Settings, choose_settings, needs_throughput
from charlstm.training.preparation import prepare
from charlstm.training.reporting import RunReporter
from charlstm.training.run_request import NewRunRequest
from charlstm.training.startup import Startup, tensorflow_ready
from charlstm.training.training_data import TrainingData


def choose_run_settings(request: NewRunRequest, reporter: RunReporter) -> Settings:
    """Return the settings that a run would be trained with if it started now, by their fields, without training it.

    Those of no effect on other choices may be left out: they have their defaults. Raises CharLSTMError like
    `train_new_run`.
    """
    request, _, data = prepare(request, reporter)
    overrides = request.overrides.settings
    with tensorflow_ready(reporter, precision=overrides.get("precision")) as startup:
        overrides |= {"precision": startup.precision} | data.split_settings
        return choose_for_request(request, measured_inputs(request, data, overrides, startup), overrides)


def measured_inputs(
    request: NewRunRequest, data: TrainingData, overrides: Settings, startup: Startup
) -> AutoConfigInputs:
    """Return what settings are chosen by; the speed of this machine only if one of them depends on it."""
    throughput = None
    if needs_throughput(overrides, may_have_teachers=_may_have_teachers(request)):
        from charlstm.training.throughput import best_throughput

        startup.show_status("measuring how fast this machine trains")
        throughput = best_throughput(precision=startup.precision)
    return AutoConfigInputs(len(data.dataset.training), len(data.vocabulary), num_cores(), throughput)


def choose_for_request(request: NewRunRequest, inputs: AutoConfigInputs, overrides: Settings) -> Settings:
    """Return all settings: those that are fixed, those for a run that starts from a model, and a choice of the rest."""
    inputs = dataclasses.replace(inputs, num_members=request.num_members)
    if request.start_from is None:
        return choose_settings(dataclasses.replace(inputs, may_have_teachers=_may_have_teachers(request)), overrides)
    return request.fine_tuning.choose_settings(inputs, overrides)


def _may_have_teachers(request: NewRunRequest) -> bool:
    trains_one_network = request.num_members == 1 and not request.workers and request.start_from is None
    return request.may_have_teachers and trains_one_network and can_compile()  # else they generate too slowly
