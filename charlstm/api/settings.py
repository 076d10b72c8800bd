"""The keyword arguments of the public functions: settings by their field names, checked before they are used."""

import difflib
from collections.abc import Mapping, Sequence
from os import PathLike
from types import NoneType
from typing import Any, TypedDict, get_args, get_origin, get_type_hints

import numpy as np

from charlstm.config import AdaptationConfig
from charlstm.durations import parse_duration
from charlstm.errors import SettingError


class TrainingSettings(TypedDict, total=False):
    """The settings of a new run: the fields of ModelConfig and TrainingConfig, which explain them.

    The field `encoding`, of characters, is left out: only the preset "tutorial" sets it.

    A setting that is left out or None is chosen from the text, the time and the machine, or has its default.
    """

    cell: str | None
    num_layers: int | None
    units: int | None
    embedding_dim: int | None
    attention: int | None
    residual: bool | None
    window: int | None
    dropout: float | None
    recurrent_dropout: float | None
    sequence_length: int | None
    batch_size: int | None
    epochs: float | None
    max_time: float | str | None  # seconds, or a text such as "90s" or "5m"
    learning_rate: float | None
    schedule: str | None
    clip_norm: float | None
    clip_value: float | None
    weight_decay: float | None
    teachers: int | None
    calibration: bool | None
    validation: float | str | PathLike[str] | None  # a share of the text, or a file
    validation_split: str | None
    split_seed: int | None
    patience: int | None
    random_seed: int | None
    precision: str | None
    num_shards: int | None
    evaluate_every: int | None


class AdaptationSettings(TypedDict, total=False):
    """How a model learns what it reads, with `adapt`: the fields of AdaptationConfig, which explain them."""

    adapt_rate: float | None
    adapt_decay: float | None
    adapt_length: int | None


class GenerationSettings(AdaptationSettings, total=False):
    """How a text is sampled and where it ends: the fields of SamplingConfig and StopRules, which explain them."""

    length: int | None
    temperature: float | None
    top_k: int | None
    top_p: float | None
    min_p: float | None
    typical: float | None
    repetition_penalty: float | None
    repetition_window: int | None
    random_seed: int | None  # None: another one each time
    stop: str | Sequence[str] | None  # texts to stop before
    include_stop: bool | None
    lines: int | None
    paragraphs: int | None
    until_sentence: bool | None
    until_pause: bool | None
    max_time: float | str | None  # seconds, or a text such as "90s" or "5m"


def check_settings(settings: Mapping[str, Any], expected: type[Any]) -> dict[str, Any]:
    """Return the settings that are not None, as plain Python values of the types that a TypedDict declares.

    Scalars of NumPy become Python numbers, integers become floats where these are expected. Raises SettingError for an
    unknown setting and for a value of another type; the configs check the ranges.
    """
    types = get_type_hints(expected)
    checked = {}
    for name, value in settings.items():
        if name not in types:
            raise _unknown_setting(name, types)
        check_type(name, _plain(value), types[name])
        if value is not None:
            checked[name] = _converted(name, _plain(value), types[name])
    return checked


def adaptation_config(settings: Mapping[str, Any], *, adapt: bool) -> AdaptationConfig | None:
    """Return how a model learns what it reads, or None without `adapt`; then SettingError is raised for settings."""
    check_type("adapt", adapt, bool)
    checked = check_settings(settings, AdaptationSettings)
    if adapt:
        return AdaptationConfig(**checked)
    for name in checked:
        raise SettingError(f"`{name}` has no effect without `adapt`", hint=f"give `adapt`, or leave `{name}` out")
    return None


def check_type(name: str, value: object, expected: Any) -> None:
    """Raise SettingError unless a value has the expected type; an integer is a float as well, a bool is neither."""
    kinds = tuple(get_origin(kind) or kind for kind in get_args(expected) or (expected,))
    is_of_type = isinstance(value, (*kinds, int) if float in kinds else kinds)
    if not is_of_type or (isinstance(value, bool) and bool not in kinds):
        names = " or ".join(kind.__name__ for kind in kinds if kind is not NoneType)
        raise SettingError(f"`{name}` is {value!r}, but it must be of type {names}", hint=f"convert it to {names}")


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _converted(name: str, value: Any, expected: Any) -> Any:
    """Return a duration in words as seconds, and an integer as a float where one is expected: files tell them apart."""
    if name == "max_time" and isinstance(value, str):
        return _seconds(value)
    return float(value) if isinstance(value, int) and float in get_args(expected) else value


def _unknown_setting(name: str, types: Mapping[str, Any]) -> SettingError:
    similar = difflib.get_close_matches(name, types, n=1)
    hint = f"did you mean `{similar[0]}`?" if similar else f"settings are {', '.join(sorted(types))}"
    return SettingError(f"there is no setting `{name}`", hint=hint)


def _seconds(duration: str) -> float:
    try:
        return parse_duration(duration)
    except SettingError as problem:
        raise SettingError(f"`max_time`: {problem}", hint=problem.hint) from problem
