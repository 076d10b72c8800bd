"""The trials of a sweep as they are in its study, and which settings matter."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charlstm.experiments.search_space import Value
from charlstm.experiments.single_run import run_below
from charlstm.experiments.study import number_of
from charlstm.storage.run_folder import RunFolder

if TYPE_CHECKING:
    import optuna

USED, CURVE, PROBLEM = "settings", "curve", "problem"  # attributes of a trial
AUTOMATIC = 0  # the number of the trial whose settings are the automatic choice
MIN_FOR_IMPORTANCE = 10  # complete trials
COMPLETE, PRUNED, RUNNING, WAITING = "complete", "pruned", "running", "waiting"


@dataclass(frozen=True)
class Trial:
    """One trial of a sweep."""

    number: int  # from 0; a trial that was retried keeps its number
    state: str
    values: dict[str, Value]  # of the settings that are varied
    bits: float | None  # per character of the validation text: the lowest so far
    curve: list[tuple[float, float]]  # seconds of training, bits
    problem: str  # why it was given up; empty: it was not
    folder: RunFolder  # which others than the best trial lose when they are done

    @property
    def is_automatic(self) -> bool:
        """Whether its settings are those that `train` would choose, or what the space has closest to them."""
        return self.number == AUTOMATIC

    @property
    def is_done(self) -> bool:
        return self.state in (COMPLETE, PRUNED)

    @property
    def seconds(self) -> float | None:
        return self.curve[-1][0] if self.curve else None

    def to_json(self) -> dict[str, Any]:
        return {
            "trial": self.number,
            "state": self.state,
            "automatic": self.is_automatic,
            "validation_bits": self.bits,
            "seconds": self.seconds,
            "settings": self.values,
            "curve": self.curve,
            "problem": self.problem or None,
        }


def read_trials(study: "optuna.Study", folder: Path) -> list[Trial]:
    """Return the trials in the order in which they began; of one that was retried only the last try."""
    from optuna.trial import TrialState

    tries = study.get_trials(deepcopy=False)
    last = [_trial(trial, number_of(trial, tries), folder) for trial in tries if trial.state != TrialState.FAIL]
    return sorted(last, key=lambda trial: trial.number)


def best_trial(trials: list[Trial]) -> Trial | None:
    """Return the complete trial with the lowest loss, the first of equals."""
    complete = [trial for trial in trials if trial.state == COMPLETE and trial.bits is not None]
    return min(complete, key=lambda trial: trial.bits or 0.0, default=None)


def importances(study: "optuna.Study") -> dict[str, float]:
    """Return the share that each setting has in how good a trial is, the largest first; nothing of too few trials.

    It is Optuna's PED-ANOVA (Watanabe, Bansal and Hutter 2023), of complete trials.
    """
    import optuna

    complete = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    if len(complete) < MIN_FOR_IMPORTANCE or len({trial.value for trial in complete}) < 2:
        return {}
    found = optuna.importance.get_param_importances(study)
    return dict(sorted(found.items(), key=lambda entry: -entry[1]))


def trial_folder(folder: Path, number: int) -> RunFolder:
    return run_below(folder, f"trial-{number:04d}")


def _trial(trial: "optuna.trial.FrozenTrial", number: int, folder: Path) -> Trial:
    curve = [(seconds, bits) for seconds, bits in trial.user_attrs.get(CURVE, [])]
    values = [bits for _, bits in curve] or list(trial.intermediate_values.values())
    return Trial(
        number=number,
        state=trial.state.name.lower(),
        values=trial.user_attrs.get(USED, trial.params),
        bits=min(values, default=None),
        curve=curve,
        problem=trial.user_attrs.get(PROBLEM, ""),
        folder=trial_folder(folder, number),
    )
