"""Give up trials that do worse than others did after the same part of their time."""

from typing import TYPE_CHECKING

from charlstm.analysis.evaluation import nats_to_bits
from charlstm.training.history import Evaluation
from charlstm.training.interruption import Interruption

if TYPE_CHECKING:
    import optuna

GRID = 20  # points of a trial's time at which losses are compared
NUM_WARMUP = 5  # points at which no trial is given up yet
NUM_UNPRUNED = 5  # complete trials before the first can be given up


def make_pruner(name: str) -> "optuna.pruners.BasePruner":
    """Return the pruner of a name in PRUNERS; its steps are points of the grid."""
    import optuna

    match name:
        case "median":
            return optuna.pruners.MedianPruner(n_startup_trials=NUM_UNPRUNED, n_warmup_steps=NUM_WARMUP)
        case "hyperband":
            return optuna.pruners.HyperbandPruner(min_resource=2, max_resource=GRID, reduction_factor=3)
        case _:
            return optuna.pruners.NopPruner()


class PruningWatch:
    """Reports the validation losses of a trial to its pruner, and stops the run if that gives it up.

    Evaluations come at other times in every trial. So the loss at each point of the grid, 1/20, 2/20 ... of the time or
    the epochs that all trials have, is interpolated between the evaluations around it.
    """

    def __init__(
        self,
        trial: "optuna.Trial",
        interruption: Interruption,
        *,
        epochs: float | None,
        max_time: float | None,
        last_step: int = 0,
    ) -> None:
        """`last_step` is the last point of the grid that is known from an earlier try; `max_time` is in seconds."""
        self._trial, self._interruption = trial, interruption
        self._epochs, self._max_time, self._step = epochs, max_time, last_step
        self._last: tuple[float, float] | None = None  # how much of the run was done at the last evaluation, and bits
        self.is_pruned = False

    def __call__(self, evaluation: Evaluation) -> None:
        done = self._fraction_done(evaluation)
        now = done, nats_to_bits(evaluation.validation.nats_per_character)
        while self._step + 1 <= done * GRID + 1e-9:
            self._step += 1
            self._trial.report(_interpolated(self._last or now, now, self._step / GRID), self._step)
            if done < 1 and self._interruption.signal_number is None and self._trial.should_prune():
                self.is_pruned = True
                self._interruption.stop()
                return
        self._last = now

    def _fraction_done(self, evaluation: Evaluation) -> float:
        by_time = evaluation.seconds / self._max_time if self._max_time else 0.0
        by_epochs = evaluation.epoch / self._epochs if self._epochs else 0.0
        return min(1.0, max(by_time, by_epochs))


def _interpolated(before: tuple[float, float], after: tuple[float, float], place: float) -> float:
    (x0, y0), (x1, y1) = before, after
    return y1 if x1 <= x0 else y0 + (y1 - y0) * (place - x0) / (x1 - x0)
