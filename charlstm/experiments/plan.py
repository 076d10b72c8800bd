"""The plan of a comparison: what was asked for, and the settings that all its runs share."""

import json
import math
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from charlstm.atomic_files import read_regular_file, write_atomically
from charlstm.cells.registry import get_cell
from charlstm.config import ModelConfig, TrainingConfig
from charlstm.durations import format_duration
from charlstm.errors import RunError, SettingError
from charlstm.json_objects import has_type, object_from_json, parse_json
from charlstm.machine import num_cores
from charlstm.text.decoding_options import DecodingOptions
from charlstm.text.parts import PartsRequest
from charlstm.training.auto_config import (
    DEFAULT_SEQUENCE_LENGTH,
    MIN_WIDE_BATCH_SIZE,
    AutoConfigInputs,
    Settings,
    choose_settings,
    expected_training_characters,
    make_configs,
)
from charlstm.training.overrides import Overrides
from charlstm.training.reporting import StartupReporter
from charlstm.training.startup import tensorflow_ready
from charlstm.training.training_data import TrainingData

BUDGETS = ("time", "epochs", "steps", "characters")  # what all runs have the same amount of
AMOUNTS = ("epochs", "steps")  # budgets that a number may be given for
PLAN_FILE = "plan.json"
MAX_PLAN_BYTES = 1 << 20
MAX_REPEATS = 1000  # of each cell
NEVER_STOP_EARLY = 1000  # evaluations without improvement


@dataclass(frozen=True, kw_only=True)
class ComparisonRequest:
    """What to compare, on what, and where to save it."""

    texts: list[str]
    cells: list[str]
    num_repeats: int
    budget: str
    overrides: Overrides
    folder: Path
    amount: float | None = None  # epochs or steps of each run; None: those that an LSTM is expected to take in max_time
    overwrite: bool = False
    decoding: DecodingOptions = field(default_factory=DecodingOptions)  # of the texts
    parts: PartsRequest = field(default_factory=PartsRequest)  # how the text is divided
    plot: Path | None = None  # the picture, if the user named it
    logs: tuple[str, ...] = ()  # names of LOGS, which each run writes

    def __post_init__(self) -> None:
        if self.budget not in BUDGETS:
            raise SettingError(
                f"`equal` is {self.budget!r}, but it must be one of {', '.join(BUDGETS)}", hint="time is the default"
            )
        if self.amount is not None and not (self.budget in AMOUNTS and 0 < self.amount < math.inf):
            raise SettingError(f"`{self.budget}` is {self.amount}, but it must be above 0", hint="try `epochs` 5")


@dataclass(frozen=True, kw_only=True)
class ComparisonPlan:
    """The settings that all runs of a comparison share, and all runs that were ever asked for."""

    text_sha256: str
    budget: str
    model: ModelConfig  # of the LSTM whose number of parameters the other cells match
    training: TrainingConfig
    cells: list[str]
    num_repeats: int
    decoding: DecodingOptions = field(default_factory=DecodingOptions)
    plot: str | None = None  # the full path of the picture, if the user named it
    test_sha256: str | None = None  # None: there is no test part

    def to_json(self) -> dict[str, Any]:
        values = {
            "text_sha256": self.text_sha256,
            "equal": self.budget,
            "model": self.model.to_json(),
            "training": self.training.to_json(),
            "cells": self.cells,
            "repeats": self.num_repeats,
        }
        values |= {"test_sha256": self.test_sha256} if self.test_sha256 else {}
        values |= {"reading": self.decoding.to_json()} if self.decoding != DecodingOptions() else {}
        return values | ({"plot": self.plot} if self.plot else {})

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "ComparisonPlan":
        types = {"text_sha256": str, "equal": str, "cells": list[str], "repeats": int}
        has_types = all(has_type(values[name], kind) for name, kind in types.items())
        if not (has_types and all(has_type(values.get(name), str | None) for name in ("plot", "test_sha256"))):
            raise TypeError("a value has another type")
        if not 1 <= values["repeats"] <= MAX_REPEATS:
            raise ValueError("there are too many repeats, or none")
        for cell in values["cells"]:
            get_cell(cell)  # raises for any other name: it becomes the name of a folder
        return cls(
            text_sha256=values["text_sha256"],
            budget=values["equal"],
            model=ModelConfig.from_json(values["model"]),
            training=TrainingConfig.from_json(values["training"]),
            cells=values["cells"],
            num_repeats=values["repeats"],
            decoding=object_from_json(DecodingOptions, values.get("reading", {})),
            plot=values.get("plot"),
            test_sha256=values.get("test_sha256"),
        )

    @classmethod
    def load(cls, folder: Path) -> "ComparisonPlan | None":
        """Read the plan of a folder, if it has one. Raises RunError if the file is damaged."""
        path = folder / PLAN_FILE
        if not os.path.lexists(path):
            return None
        try:
            return cls.from_json(parse_json(read_regular_file(path, max_bytes=MAX_PLAN_BYTES).decode()))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, SettingError) as error:
            raise RunError(
                f"{path} is damaged", hint="remove it, or compare in another folder with `output`"
            ) from error

    def draws(self, plot: Path) -> bool:
        """Return whether the user has had this comparison draw a picture here before."""
        return self.plot == os.path.abspath(plot)

    def save(self, folder: Path) -> None:
        write_atomically(folder / PLAN_FILE, (json.dumps(self.to_json(), indent=2) + "\n").encode())


def extend_plan(
    plan: ComparisonPlan,
    request: ComparisonRequest,
    text_sha256: str,
    num_characters: int,
    *,
    test_sha256: str | None = None,
) -> ComparisonPlan:
    """Return an existing plan with the cells and repeats of a request added.

    `num_characters` are in the training text. Raises RunError if the request differs in anything else, or the text has
    changed.
    """
    planned = plan.model.to_json() | plan.training.to_json() | {"equal": plan.budget} | _form_of(plan.decoding)
    requested = request.overrides.settings | {"equal": request.budget} | _form_of(request.decoding)
    if plan.budget != "time":
        requested.pop("max_time", None)  # it has been converted to epochs
    changed = [f"`{name}`" for name, value in requested.items() if planned.get(name) != value]
    planned_amount = plan.training.epochs if plan.budget == "epochs" else num_steps(plan, num_characters)
    if request.amount is not None and request.budget == plan.budget and request.amount != planned_amount:
        changed.append(f"`{request.budget}`")
    if text_sha256 != plan.text_sha256:
        changed.append("text")
    if test_sha256 != plan.test_sha256:
        changed.append("test part")
    if changed:
        raise RunError(
            f"{request.folder} holds a comparison with another {changed[0]}",
            hint="replace it with `overwrite`, or choose another folder with `output`",
        )
    cells = list(dict.fromkeys([*plan.cells, *request.cells]))
    repeats = max(plan.num_repeats, request.num_repeats)
    return replace(plan, cells=cells, num_repeats=repeats, plot=_full_path(request.plot) or plan.plot)


def _form_of(decoding: DecodingOptions) -> dict[str, Any]:
    """Return what models remember of how their text was read; the rest shows in the text."""
    return {"normalize": decoding.normalize, "lowercase": decoding.lowercase}


def _full_path(plot: Path | None) -> str | None:
    return None if plot is None else os.path.abspath(plot)


def num_steps(plan: ComparisonPlan, num_characters: int) -> int:
    """Return the steps of each run over a training text of `num_characters`, if they are planned in epochs."""
    training = plan.training
    return round((training.epochs or 0) * num_characters / (training.batch_size * training.sequence_length))


def describe_budget(plan: ComparisonPlan, num_characters: int) -> str:
    """Return in words what all runs have the same amount of, and how much."""
    training = plan.training
    if plan.budget == "time":
        return f"equal time: {format_duration(training.max_time or 0)} for each network"
    amounts = {
        "epochs": f"{training.epochs:g}",
        "steps": f"{num_steps(plan, num_characters):,}",
        "characters": f"{(training.epochs or 0) * num_characters:,.0f}",
    }
    return f"equal {plan.budget}: {amounts[plan.budget]} for each network"


def new_plan(request: ComparisonRequest, data: TrainingData, reporter: StartupReporter) -> ComparisonPlan:
    """Choose the settings of an LSTM as for a single run, from the speed of this machine if they depend on it."""
    with tensorflow_ready(reporter, precision=None) as startup:
        from charlstm.training.throughput import best_throughput

        throughput = None
        if request.amount is None:
            startup.show_status("measuring how fast this machine trains")
            throughput = best_throughput(precision=startup.precision)
    inputs = AutoConfigInputs(len(data.dataset.training), len(data.vocabulary), num_cores(), throughput)
    chosen = {
        "precision": startup.precision,
        "patience": NEVER_STOP_EARLY,
        "validation_split": data.dataset.validation_split,
    }
    settings = _choose_settings(request, inputs, chosen | request.overrides.settings)
    model, training = make_configs(settings)
    return ComparisonPlan(
        text_sha256=data.corpus.digest,
        budget=request.budget,
        model=model,
        training=training,
        cells=request.cells,
        num_repeats=request.num_repeats,
        decoding=request.decoding,
        plot=_full_path(request.plot),
        test_sha256=data.test_sha256,
    )


def _choose_settings(request: ComparisonRequest, inputs: AutoConfigInputs, overrides: Settings) -> Settings:
    """Return the settings of each run, with the number of epochs that it gets unless all have the same time."""
    if request.budget == "time":
        return choose_settings(inputs, overrides)
    if request.amount is None:
        settings = choose_settings(inputs, overrides)
        epochs = float(f"{expected_training_characters(inputs, settings) / inputs.num_characters:.3g}")
    elif request.budget == "epochs":
        epochs = request.amount
        settings = choose_settings(inputs, overrides | {"epochs": epochs})
    else:
        guess = request.amount * MIN_WIDE_BATCH_SIZE * DEFAULT_SEQUENCE_LENGTH / inputs.num_characters
        settings = choose_settings(inputs, overrides | {"epochs": guess})
        epochs = request.amount * settings["batch_size"] * settings["sequence_length"] / inputs.num_characters
    return settings | {"epochs": epochs, "max_time": None}
