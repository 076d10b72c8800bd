"""Several networks as one model: a run whose members are runs of their own, in the folders member-0, member-1, ...

The probabilities that they give to the next character are averaged. ensemble.json says how many members there are to
be and, once all are trained, how well they predict the validation text.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from charlstm.atomic_files import open_regular, write_atomically
from charlstm.errors import RunError, SettingError
from charlstm.json_objects import object_from_json, parse_json
from charlstm.storage.find_runs import find_model, newest_model, under_runs
from charlstm.storage.run_folder import RUNS, RunFolder

MAX_MEMBERS = 32
MAX_BYTES = 1 << 16


@dataclass(frozen=True, kw_only=True)
class EnsembleRecord:
    """The content of ensemble.json; losses are in nats per character of the validation text."""

    num_members: int
    member_nats: Sequence[float] | None = None  # of each member; None: not all are trained
    average_nats: float | None = None  # of their average
    logit_scale: float = 1.0  # of the members' logits where they are averaged: see `experiments/calibration.py`

    def __post_init__(self) -> None:
        check_num_members(self.num_members)
        if not 0 < self.logit_scale < math.inf:
            raise SettingError(f"its logit_scale is {self.logit_scale}")
        if self.member_nats is not None and len(self.member_nats) != self.num_members:
            raise SettingError(f"it has {len(self.member_nats)} losses of {self.num_members} members")

    def save(self, run: RunFolder) -> None:
        """Write the file. Raises RunError if that fails."""
        write_atomically(run.ensemble, (json.dumps(asdict(self), indent=2) + "\n").encode())


def check_num_members(num_members: int) -> None:
    """Raise SettingError for a number of members that no model has."""
    if not 2 <= num_members <= MAX_MEMBERS:
        raise SettingError(
            f"`members` is {num_members}, but it must be at least 2 and at most {MAX_MEMBERS}", hint="try `members` 3"
        )


def read_ensemble(run: RunFolder) -> EnsembleRecord:
    """Return what is recorded of a run with members. Raises RunError if the file is missing or damaged."""
    try:
        with open_regular(run.ensemble) as file:
            return object_from_json(EnsembleRecord, parse_json(file.read(MAX_BYTES).decode()))
    except (OSError, ValueError, SettingError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise RunError(f"{run.ensemble} cannot be read: {reason}", hint="name a member instead: member-0") from problem


def averaging_scale(models: Sequence[Path]) -> float:
    """Return the factor of the logits of the models that `find_models` found; 1 for one alone. Raises RunError."""
    return read_ensemble(RunFolder(models[0].parent).whole).logit_scale if len(models) > 1 else 1.0


def find_models(run: str | Path | None) -> list[Path]:
    """Return the model files of a run, one for each of its members, as `find_model` finds the one of other runs.

    Raises RunError if there is none, or a member has not been trained yet.
    """
    newest = newest_model() if run is None else None
    folder = RunFolder(newest.parent).whole if newest else RunFolder(RUNS if run is None else under_runs(run))
    if not folder.members:
        return [find_model(run)]
    paths = [folder.member(index).model for index in range(read_ensemble(folder).num_members)]
    if missing := next((path for path in paths if not path.exists()), None):
        raise RunError(
            f"{folder.path} has {len(paths)} members, and {missing.parent.name} has no model yet",
            hint=f"continue the run with `resume`, or name one that has: {folder.member(0).path}",
        )
    return paths
