"""Preview the settings that training on a text would choose, without starting TensorFlow to measure the machine."""

import dataclasses
from typing import Any

from charlstm.config import PRECISIONS
from charlstm.durations import format_duration
from charlstm.machine import load_throughput, num_cores
from charlstm.storage.shipped_models import shipped_name
from charlstm.training.auto_config import AutoConfigInputs, choose_settings, default_max_time, make_configs
from charlstm.training.described_settings import describe_settings
from charlstm.training.preparation import prepare
from charlstm.training.presets import PRESET_ONLY, preset_settings
from charlstm.training.reporting import RunReporter
from charlstm.training.run_request import NewRunRequest
from charlstm.training.run_settings import choose_for_request
from charlstm.training.teacher_checks import workers_error

NOMINAL_THROUGHPUT = 7e10  # floating-point operations per second and core, until a run has measured it


def expected_throughput(precision: str | None = None) -> float:
    """Return the speed of this machine, in this precision or in the faster one: the best measured, or a usual one."""
    precisions = PRECISIONS if precision is None else (precision,)
    return load_throughput(*precisions) or NOMINAL_THROUGHPUT * num_cores()


def preview_settings(num_characters: int, vocabulary_size: int) -> str:
    """Return one line with the settings that would be chosen for a text of this size."""
    num_training = max(1, num_characters * 9 // 10)  # the rest is for validation
    inputs = AutoConfigInputs(num_training, vocabulary_size, num_cores(), expected_throughput(), may_have_teachers=True)
    seconds = default_max_time(num_training)
    return f"{describe_settings(choose_settings(inputs, {}), {}, inputs)}, about {format_duration(seconds)} of training"


def preview_new_run(
    request: NewRunRequest, reporter: RunReporter, *, num_workers: int = 1
) -> dict[str, tuple[Any, str]]:
    """Return the settings that a run would have, each with its source, without training.

    Choices follow the best speed that was measured on this machine, times the number of workers. Settings that only a
    preset has are left out. Raises CharLSTMError like `train_new_run`.
    """
    may_have_teachers = request.may_have_teachers and num_workers == 1
    request = dataclasses.replace(request, may_have_teachers=may_have_teachers)
    request, start_from, data = prepare(request, reporter)
    overrides = request.overrides.settings | data.split_settings
    if num_workers > 1 and overrides.get("teachers"):
        raise workers_error()
    throughput = expected_throughput(overrides.get("precision"))
    inputs = AutoConfigInputs(len(data.dataset.training), len(data.vocabulary), num_cores(), throughput)
    settings = choose_for_request(request, inputs.for_workers(num_workers), overrides)
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
