"""The plan of a sweep: what is varied, and the settings that all its trials share. It is kept in the study itself."""

from dataclasses import dataclass, replace
from typing import Any

from charlstm.config import ModelConfig, TrainingConfig
from charlstm.errors import RunError, SettingError, did_you_mean
from charlstm.experiments.search_space import Dimension, Value, default_space
from charlstm.experiments.shared_text import changed_parts
from charlstm.experiments.single_run import OneOfManyReporter, model_path
from charlstm.text.part_reader import DividedText
from charlstm.text.parts import Parts
from charlstm.training.auto_config import Settings
from charlstm.training.overrides import Overrides
from charlstm.training.run_request import NewRunRequest
from charlstm.training.run_settings import choose_run_settings

PRUNERS = ("median", "hyperband", "none")
DEFAULT_MAX_TIME = 120.0  # seconds


@dataclass(frozen=True, kw_only=True)
class SweepRequest:
    """What to vary, on what text, and how often."""

    run: NewRunRequest  # every trial; its folder is that of the sweep, and its settings are fixed
    num_trials: int  # that are to be finished or pruned, those of other processes and of earlier ones included
    space: list[Dimension] | None = None  # None: that of the study, or the default one
    pruner: str | None = None  # one of PRUNERS; None: that of the study, or the first one
    storage: str | None = None  # the URL of a database; None: a journal in the folder
    keep_models: bool = False  # of all trials, and not only of the best one

    def __post_init__(self) -> None:
        if self.pruner is not None and self.pruner not in PRUNERS:
            otherwise = f"pruners are: {', '.join(PRUNERS)}"
            raise SettingError(
                f"there is no `pruner` {self.pruner!r}", hint=did_you_mean(self.pruner, PRUNERS, otherwise=otherwise)
            )
        for dimension in self.space or ():
            if dimension.field in self.run.overrides.settings:
                raise SettingError(
                    f"`{dimension.field}` is given, and also in the space of `space`", hint="leave one of them out"
                )


@dataclass(frozen=True, kw_only=True)
class SweepPlan:
    """What all trials have in common."""

    text_sha256: str
    reading: dict[str, Any]  # how the text is read
    start_from: str | None  # the full path of a model
    min_count: int
    settings: dict[str, Any]  # the automatic choice, which the trials vary
    space: list[dict[str, Any]]
    pruner: str
    parts: dict[str, Any] | None = None  # where the parts of the text are; None: it was not divided

    @property
    def dimensions(self) -> list[Dimension]:
        return [Dimension.from_json(values) for values in self.space]

    @property
    def has_test_part(self) -> bool:
        return "test" in (self.parts or {})

    @property
    def automatic_choice(self) -> dict[str, Value]:
        """The values of the first trial: what `train` would choose for one network, or the closest in the space."""
        chosen = default_settings() | self.settings
        return {dimension.field: dimension.nearest(chosen[dimension.field]) for dimension in self.dimensions}


def new_plan(request: SweepRequest, text: DividedText, reporter: OneOfManyReporter) -> SweepPlan:
    """Choose the settings that are not fixed, by the speed of this machine if they depend on it, and the space."""
    fixed = request.run.overrides.settings
    length = {} if fixed.keys() & {"epochs", "max_time"} else {"max_time": DEFAULT_MAX_TIME}
    run = replace(request.run, overrides=Overrides(fixed | length))
    chosen = {name: value for name, value in choose_run_settings(run, reporter).items() if value is not None}
    if "num_shards" not in fixed:
        chosen.pop("num_shards")  # it follows the batch size and the cores of each machine
    if text.has_own_validation:
        del chosen["validation"], chosen["validation_split"]  # they follow from the parts
    space = request.space or default_space(chosen, fixed, has_shape=run.start_from is not None)
    if not space:
        raise SettingError("all settings of the default space are fixed", hint="leave one out, or give a `space`")
    return SweepPlan(
        text_sha256=text.corpus.digest,
        reading=request.run.decoding.to_json(),
        start_from=model_path(request.run.start_from),
        min_count=request.run.min_count,
        settings=chosen,
        space=[dimension.to_json() for dimension in space],
        pruner=request.pruner or PRUNERS[0],
        parts=text.parts.to_json() if text.parts else None,
    )


def check_agreement(plan: SweepPlan, request: SweepRequest, text: DividedText) -> None:
    """Raise RunError if a study was begun with another text, part, space or setting than the request."""
    run = request.run
    given = run.overrides.settings | {
        "start_from": model_path(run.start_from),
        "min_count": run.min_count,
        "pruner": request.pruner or plan.pruner,
        **{name: run.decoding.to_json()[name] for name in ("normalize", "lowercase")},
    }
    planned = default_settings() | {"epochs": None} | plan.reading | plan.settings
    planned |= {"start_from": plan.start_from, "min_count": plan.min_count, "pruner": plan.pruner}
    varied = {dimension.field for dimension in plan.dimensions}
    changed = [f"`{name}`" for name, value in given.items() if name in varied or planned.get(name) != value]
    if request.space is not None and [dimension.to_json() for dimension in request.space] != plan.space:
        changed.append("`space`")
    changed += changed_parts(plan.text_sha256, Parts.from_json(plan.parts), text)
    if changed:
        raise RunError(
            f"{run.folder.path} holds a sweep with another {changed[0]}",
            hint="start over with `overwrite`, or choose another folder with `output`",
        )


def default_settings() -> Settings:
    """Return the settings that a run has which fixes none, apart from those that are chosen."""
    return ModelConfig().to_json() | TrainingConfig().to_json()
