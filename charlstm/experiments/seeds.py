"""Runs that are alike in everything but their random seeds."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from charlstm.config import MAX_SEED, TrainingConfig
from charlstm.errors import SettingError
from charlstm.storage.run_folder import RunFolder
from charlstm.storage.run_summary import read_settings
from charlstm.text.parts import PartsRequest
from charlstm.training.interruption import Interruption
from charlstm.training.overrides import Overrides
from charlstm.training.run_request import NewRunRequest

RunSettings = Mapping[str, Any]  # the content of a run's config.json


def random_seeds(run: NewRunRequest, num_runs: int) -> range:
    """Return the random seed of a run and those that follow. Raises SettingError if the last would be too large."""
    first = run.overrides.settings.get("random_seed", TrainingConfig.random_seed)
    if first + num_runs - 1 > MAX_SEED:
        raise SettingError(f"`random_seed` is {first}, and later runs count up from it", hint="give a smaller one")
    return range(first, first + num_runs)


def with_random_seed(run: NewRunRequest, random_seed: int, folder: RunFolder) -> NewRunRequest:
    """Return the request for a run with this random seed in another folder, which can be interrupted by itself."""
    overrides = Overrides({**run.overrides.explicit, "random_seed": random_seed}, run.overrides.preset)
    return replace(run, folder=folder, overrides=overrides, overwrite=False, interruption=Interruption())


def same_overrides(settings: RunSettings, parts: PartsRequest) -> Overrides:
    """Return the overrides that train with the settings of a run on a text that is divided into these parts."""
    training = {"teachers": 0} | settings["training"]  # which earlier versions did not have
    same = {name: value for name, value in (settings["model"] | training).items() if value is not None}
    if parts.has_own_validation:  # then these follow from the parts
        del same["validation"], same["validation_split"]
    return Overrides(same)


def is_complete(run: RunFolder) -> bool:
    """Return whether a run has come to its end."""
    try:
        return read_settings(run).get("finished") is True
    except (OSError, ValueError):  # it has not been started, or not far
        return False
