"""The settings that a sweep varies: read from a TOML file, or a space around those that are chosen for a text."""

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self, get_type_hints

from charlstm.cells.registry import get_cell
from charlstm.config import ModelConfig, TrainingConfig
from charlstm.errors import SettingError, did_you_mean, shown
from charlstm.json_objects import has_type, object_from_json
from charlstm.training.auto_config import Settings
from charlstm.training.overrides import Overrides
from charlstm.training.presets import PRESET_ONLY

Value = int | float | str
RANGE_KEYS = {"low", "high", "log", "step"}
EXAMPLE = "write lines such as units = [128, 256] or dropout = {low = 0, high = 0.6}"
ROUNDING = 1e-9  # of a number of steps
DIGITS = 3  # significant ones, of a value between the ends of a range
SHAPE = ("num_layers", "units")  # of the settings in the default space, those that a model to start from has itself
TYPES = {
    name: kind
    for name, kind in (get_type_hints(ModelConfig) | get_type_hints(TrainingConfig)).items()
    if name not in (*PRESET_ONLY, "teachers") and kind is not bool  # a trial is one network
}
SAME_FOR_ALL = ("epochs", "max_time", "evaluate_every", "validation", "validation_split", "split_seed", "random_seed")


@dataclass(frozen=True, kw_only=True)
class Dimension:
    """The values that one setting may take: a list of choices, or a range."""

    field: str  # of ModelConfig or TrainingConfig
    choices: list[int | float | str] | None = None
    low: float | None = None
    high: float | None = None
    log: bool = False  # drawn evenly by its logarithm
    step: float | None = None  # between the values of a range; None: any value, of an integer 1

    def __post_init__(self) -> None:
        if self.field not in TYPES:
            raise SettingError(f"there is no setting {self.field!r} to vary", hint="the study is damaged")
        if self.choices is None and (self.low is None or self.high is None):
            raise SettingError(f"{self.field!r} has neither choices nor a range", hint="the study is damaged")

    @property
    def is_integer(self) -> bool:
        return TYPES[self.field] is int

    @property
    def bounds(self) -> tuple[float, float]:
        """The ends of a range."""
        return self.low or 0.0, self.high or 0.0

    def suggest(self, trial: Any) -> Value:
        """Let a trial of Optuna draw a value."""
        if self.choices is not None:
            value: Value = trial.suggest_categorical(self.field, self.choices)
            return value
        low, high = self.bounds
        if self.is_integer:
            return int(trial.suggest_int(self.field, int(low), int(high), step=int(self.step or 1), log=self.log))
        drawn = float(trial.suggest_float(self.field, low, high, step=self.step, log=self.log))
        return min(high, max(low, float(f"{drawn:.{DIGITS}g}")))

    def nearest(self, value: Value) -> Value:
        """Return the value of the space that is closest to another; the first choice if none is close."""
        if self.choices is not None:
            numbers = [choice for choice in self.choices if not isinstance(choice, str)]
            if value in self.choices or isinstance(value, str) or not numbers:
                return value if value in self.choices else self.choices[0]
            return min(numbers, key=lambda choice: abs(choice - value))
        low, high = self.bounds
        number = min(high, max(low, float(value)))
        if self.step:
            number = low + round((number - low) / self.step) * self.step
        return round(number) if self.is_integer else round(number, 12)

    def ends(self) -> Sequence[Value]:
        """Return the values that must be valid for all others to be."""
        if self.choices is not None:
            return self.choices
        return [int(end) if self.is_integer else end for end in self.bounds]

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None and value is not False}

    @classmethod
    def from_json(cls, values: Any) -> Self:
        return object_from_json(cls, values)


def read_space(path: Path, names: Mapping[str, str]) -> list[Dimension]:
    """Read a search space; `names` are those that settings have in the file, and their fields.

    Raises SettingError, with the file and the key, for anything that is not a valid space.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(f"{path} cannot be read: {error.strerror or error}", hint="give a TOML file") from error
    except ValueError as error:  # the errors of TOML and of UTF-8
        raise SettingError(f"{path} is not TOML: {error}", hint=EXAMPLE) from error
    if not values:
        raise SettingError(f"{path} has no setting", hint=EXAMPLE)
    dimensions = list[Dimension]()
    for key, value in values.items():
        try:
            dimension = _dimension(key, value, names)
            if any(dimension.field == other.field for other in dimensions):
                raise SettingError("it is given twice", hint="remove one of the two")
            dimensions.append(dimension)
        except SettingError as error:
            raise SettingError(f"{path}: {key}: {error}", hint=error.hint) from error
    return dimensions


def _dimension(key: str, value: Any, names: Mapping[str, str]) -> Dimension:
    field = names.get(key.replace("_", "-"), key.replace("-", "_"))
    if field not in TYPES:
        known = sorted(name for name in names if names[name] not in SAME_FOR_ALL)
        otherwise = f"settings are: {', '.join(known)}"
        raise SettingError("there is no such setting", hint=did_you_mean(key, known, otherwise=otherwise))
    if field in SAME_FOR_ALL:
        raise SettingError("it is the same for all trials, which could not be compared", hint="give it as an option")
    if isinstance(value, list):
        dimension = _choices(field, value)
    elif isinstance(value, dict):
        dimension = _range(field, value)
    else:
        raise SettingError(f"it is {shown(value)}, but it must be a list of choices or a range", hint=EXAMPLE)
    for end in dimension.ends():
        Overrides({field: end})  # raises for a value that is out of range
        if field == "cell":
            get_cell(str(end))
    return dimension


def _choices(field: str, values: list[Any]) -> Dimension:
    for value in values:
        if not has_type(value, TYPES[field]):
            raise SettingError(f"it cannot be {shown(value)}", hint=f"give a list of {_kind(field)}")
    if not values or len(set(values)) < len(values):
        raise SettingError("its list is empty, or has a value twice", hint="list each choice once")
    return Dimension(field=field, choices=values)


def _range(field: str, values: dict[str, Any]) -> Dimension:
    if TYPES[field] not in (int, float):
        raise SettingError("it is no number, so it has no range", hint="give a list of choices")
    if unknown := values.keys() - RANGE_KEYS:
        raise SettingError(f"a range has no {', '.join(sorted(unknown))}", hint="give low, high, and log or step")
    if missing := {"low", "high"} - values.keys():
        raise SettingError(f"its range has no {', '.join(sorted(missing))}", hint="give low and high")
    for name, value in values.items():
        if not has_type(value, bool if name == "log" else TYPES[field]):
            kind = "true or false" if name == "log" else f"one of the {_kind(field)}"
            raise SettingError(f"{name} is {shown(value)}", hint=f"give {kind}")
    dimension = Dimension(field=field, **values)
    low, high = dimension.bounds
    if not low < high:
        raise SettingError(f"low is {low:g} and high is {high:g}", hint="give a higher value for high")
    if dimension.log and (low <= 0 or dimension.step is not None):
        raise SettingError("log needs a low above 0, and has no step", hint="leave log or step out")
    if dimension.step is not None and not 0 < dimension.step <= high - low:
        raise SettingError(f"step is {dimension.step:g}", hint="give a step above 0 that fits into the range")
    if dimension.step is None:
        return dimension
    num_steps = math.floor((high - low) / dimension.step + ROUNDING)
    return replace(dimension, high=round(low + num_steps * dimension.step, 12))


def _kind(field: str) -> str:
    return {int: "integers", float: "numbers"}.get(TYPES[field], "strings")


def default_space(chosen: Settings, fixed: Mapping[str, Any], *, has_shape: bool) -> list[Dimension]:
    """Return the space around the settings that were chosen for a text, without those that are fixed.

    With `has_shape` the shape of the network is that of a model to start from.
    """
    units, batch, length = int(chosen["units"]), int(chosen["batch_size"]), int(chosen["sequence_length"])
    step = 32 if units >= 128 else 8  # the choice is one of the values
    below, rate = step * max(1, units // (2 * step)), float(chosen["learning_rate"])
    dimensions = [
        Dimension(field="units", low=max(step, units - below), high=units + below, step=step),
        Dimension(field="num_layers", low=1, high=max(3, int(chosen["num_layers"]))),
        Dimension(field="dropout", low=0.0, high=0.6, step=0.01),
        Dimension(field="recurrent_dropout", low=0.0, high=0.6, step=0.01),
        Dimension(field="learning_rate", low=rate / 4, high=rate * 4, log=True),
        Dimension(field="batch_size", choices=[max(1, batch // 2), batch, batch * 2]),
        Dimension(field="sequence_length", choices=[max(2, length // 2), length, length * 2]),
    ]
    left_out = {*fixed, *(SHAPE if has_shape else ())}
    if not get_cell(chosen.get("cell", ModelConfig.cell)).may_have_recurrent_dropout:
        left_out |= {"recurrent_dropout"}
    return [one for one in dimensions if one.field not in left_out]
