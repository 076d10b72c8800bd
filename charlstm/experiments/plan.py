"""The plan of a comparison: what was asked for, and the settings that all its runs share."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from charlstm.atomic_files import write_atomically
from charlstm.config import ModelConfig, TrainingConfig
from charlstm.errors import RunError, SettingError
from charlstm.machine import num_cores
from charlstm.training.auto_config import (
    AutoConfigInputs,
    choose_settings,
    expected_training_characters,
    make_configs,
)
from charlstm.training.overrides import Overrides
from charlstm.training.reporting import StartupReporter
from charlstm.training.startup import tensorflow_ready
from charlstm.training.training_data import TrainingData

BUDGETS = ("time", "characters")  # what all runs have the same amount of
PLAN_FILE = "plan.json"
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
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.budget not in BUDGETS:
            raise SettingError(
                f"`equal` is {self.budget!r}, but it must be one of {', '.join(BUDGETS)}", hint="time is the default"
            )


@dataclass(frozen=True, kw_only=True)
class ComparisonPlan:
    """The settings that all runs of a comparison share, and all runs that were ever asked for."""

    text_sha256: str
    budget: str
    model: ModelConfig  # of the LSTM whose number of parameters the other cells match
    training: TrainingConfig
    cells: list[str]
    num_repeats: int

    def to_json(self) -> dict[str, Any]:
        return {
            "text_sha256": self.text_sha256,
            "equal": self.budget,
            "model": self.model.to_json(),
            "training": self.training.to_json(),
            "cells": self.cells,
            "repeats": self.num_repeats,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "ComparisonPlan":
        return cls(
            text_sha256=values["text_sha256"],
            budget=values["equal"],
            model=ModelConfig.from_json(values["model"]),
            training=TrainingConfig.from_json(values["training"]),
            cells=values["cells"],
            num_repeats=values["repeats"],
        )

    @classmethod
    def load(cls, folder: Path) -> "ComparisonPlan | None":
        """Read the plan of a folder, if it has one. Raises RunError if the file is damaged."""
        path = folder / PLAN_FILE
        if not path.exists():
            return None
        try:
            return cls.from_json(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, SettingError) as error:
            raise RunError(
                f"{path} is damaged", hint="remove it, or compare in another folder with `output`"
            ) from error

    def save(self, folder: Path) -> None:
        write_atomically(folder / PLAN_FILE, (json.dumps(self.to_json(), indent=2) + "\n").encode())


def extend_plan(plan: ComparisonPlan, request: ComparisonRequest, text_sha256: str) -> ComparisonPlan:
    """Return an existing plan with the cells and repeats of a request added.

    Raises RunError if the request differs in anything else, or the text has changed.
    """
    planned = plan.model.to_json() | plan.training.to_json() | {"equal": plan.budget}
    requested = request.overrides.settings | {"equal": request.budget}
    if plan.budget == "characters":
        requested.pop("max_time", None)  # it has been converted to epochs
    changed = [f"`{name}`" for name, value in requested.items() if planned.get(name) != value]
    if text_sha256 != plan.text_sha256:
        changed.append("text")
    if changed:
        raise RunError(
            f"{request.folder} holds a comparison with another {changed[0]}",
            hint="replace it with `overwrite`, or choose another folder with `output`",
        )
    cells = list(dict.fromkeys([*plan.cells, *request.cells]))
    return replace(plan, cells=cells, num_repeats=max(plan.num_repeats, request.num_repeats))


def new_plan(request: ComparisonRequest, data: TrainingData, reporter: StartupReporter) -> ComparisonPlan:
    """Choose the settings of an LSTM as for a single run, from the speed of this machine."""
    with tensorflow_ready(reporter, precision=None) as startup:
        from charlstm.training.throughput import measure_throughput

        startup.show_status("measuring how fast this machine trains")
        throughput = measure_throughput(precision=startup.precision)
    inputs = AutoConfigInputs(len(data.dataset.training), len(data.vocabulary), num_cores(), throughput)
    chosen = {
        "precision": startup.precision,
        "patience": NEVER_STOP_EARLY,
        "validation_split": data.dataset.validation_split,
    }
    overrides = chosen | request.overrides.settings
    settings = choose_settings(inputs, overrides)
    if request.budget == "characters":
        epochs = expected_training_characters(inputs, settings) / inputs.num_characters
        settings |= {"epochs": float(f"{epochs:.3g}"), "max_time": None}
    model, training = make_configs(settings)
    return ComparisonPlan(
        text_sha256=data.corpus.digest,
        budget=request.budget,
        model=model,
        training=training,
        cells=request.cells,
        num_repeats=request.num_repeats,
    )
