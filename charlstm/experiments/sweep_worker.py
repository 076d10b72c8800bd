"""One process that works at a sweep: it begins a trial, trains it, and says how it ended, until all are done."""

import time
import zlib
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from charlstm.analysis.evaluation import nats_to_bits
from charlstm.config import TrainingConfig
from charlstm.errors import RunError, SettingError, TrainingError
from charlstm.experiments.pruning import PruningWatch, make_pruner
from charlstm.experiments.search_space import Value
from charlstm.experiments.single_run import ExperimentReporter, OneOfManyReporter, finish_run
from charlstm.experiments.study import SharedStudy, is_retry, number_of
from charlstm.experiments.sweep_outcomes import (
    AUTOMATIC,
    CURVE,
    PROBLEM,
    RUNNING,
    USED,
    Trial,
    best_trial,
    read_trials,
    trial_folder,
)
from charlstm.experiments.sweep_plan import SweepPlan, SweepRequest
from charlstm.storage.evaluations import EvaluationFigures, read_evaluations
from charlstm.storage.run_folder import RunFolder
from charlstm.storage.run_housekeeping import remove_run
from charlstm.storage.run_summary import is_run
from charlstm.training.auto_config import Settings
from charlstm.training.interruption import Interruption
from charlstm.training.overrides import Overrides

if TYPE_CHECKING:
    import optuna

POLL_EVERY = 0.5  # seconds, while the last trials are those of other processes
NUM_RANDOM_TRIALS = 10  # before TPE has enough of them to learn from


class SweepReporter(ExperimentReporter, Protocol):
    """Receives the progress of a sweep and of the trial that this process trains now."""

    def on_plan(self, plan: SweepPlan) -> None: ...

    def on_trials(self, trials: list[Trial]) -> None:
        """Receive all trials so far, those of other processes included."""
        ...

    def on_trial_start(self, number: int, values: dict[str, Value], num_done: int) -> None:
        """Receive which trial starts, with the settings that are varied, and how many are done."""
        ...

    def on_trial_end(self, number: int, bits: float | None, *, is_pruned: bool) -> None:
        """Receive the lowest loss of a trial that is done, in bits per character; None if it has none."""
        ...

    def on_waiting(self, num_running: int) -> None:
        """Learn that nothing is left to begin, and how many trials of other processes are not done yet."""
        ...


class SweepWorker:
    """Trains trials one after the other, as one of the processes that work at a sweep."""

    def __init__(
        self,
        request: SweepRequest,
        plan: SweepPlan,
        shared: SharedStudy,
        reporter: SweepReporter,
        run_reporter: OneOfManyReporter,
        interruption: Interruption,
    ) -> None:
        self._request, self._plan, self._shared = request, plan, shared
        self._reporter, self._run_reporter, self._interruption = reporter, run_reporter, interruption
        self._study, self._folder = shared.study, request.run.folder.path

    @property
    def trials(self) -> list[Trial]:
        return read_trials(self._study, self._folder)

    def run(self) -> None:
        """Train until all trials are done, or a signal comes."""
        is_waiting = False
        while self._interruption.signal_number is None:
            with ExitStack() as turn:
                turn.enter_context(self._shared.turn())
                self._shared.retry_lost_trials()
                self._remove_other_models()
                trials = self.trials
                self._reporter.on_trials(trials)
                num_done = sum(trial.is_done for trial in trials)
                num_running = sum(trial.state == RUNNING for trial in trials)
                if num_done >= self._request.num_trials:
                    return
                if num_done + num_running < self._request.num_trials:
                    is_waiting = False
                    self._train_next(turn, num_done)
                    continue
            if not is_waiting:
                is_waiting = True
                self._reporter.on_waiting(num_running)
            time.sleep(POLL_EVERY)

    def _train_next(self, turn: ExitStack, num_done: int) -> None:
        """Begin a trial in this turn, and train it after the turn has ended."""
        number = -1

        def objective(trial: "optuna.Trial") -> float:
            nonlocal number
            number = trial.number
            self._shared.sign(trial)
            turn.close()
            return self._train(trial, num_done)

        try:
            self._study.optimize(objective, n_trials=1)
        except BaseException as error:
            if number >= 0:
                self._shared.give_back(number)
            if not isinstance(error, _StoppedError):
                raise

    def _train(self, trial: "optuna.Trial", num_done: int) -> float:
        """Train a trial, and return its lowest validation loss in bits per character.

        Raises TrialPruned if it is given up, and _StoppedError if a signal stops it.
        """
        from optuna.exceptions import TrialPruned

        trials = self._study.get_trials(deepcopy=False)
        frozen = trials[trial.number]
        number = number_of(frozen, trials)
        folder = trial_folder(self._folder, number)
        self._study.sampler = self._make_sampler(number)
        self._study.pruner = make_pruner("none" if number == AUTOMATIC else self._plan.pruner)
        values = {dimension.field: dimension.suggest(trial) for dimension in self._plan.dimensions}
        trial.set_user_attr(USED, values)
        self._reporter.on_trial_start(number, values, num_done)
        if not is_retry(frozen) and is_run(folder):  # of an earlier study
            remove_run(folder)
        settings, interruption = self._plan.settings | values, Interruption()
        watch = self._run_reporter.watch = PruningWatch(
            trial,
            interruption,
            epochs=settings.get("epochs"),
            max_time=settings.get("max_time"),
            last_step=frozen.last_step or 0,
        )
        problem = self._finish_run(folder, settings, interruption)
        if interruption.signal_number is not None and not watch.is_pruned:
            self._interruption.signal_number = interruption.signal_number
        if self._interruption.signal_number is not None:
            raise _StoppedError
        curve = [(round(e.seconds, 3), nats_to_bits(e.validation_nats)) for e in _evaluations(folder)]
        trial.set_user_attr(CURVE, curve)
        if problem:
            self._reporter.on_warning(f"trial {number}: {problem}")
            trial.set_user_attr(PROBLEM, problem)
        bits = min((bits for _, bits in curve), default=None)
        is_pruned = watch.is_pruned or bool(problem) or bits is None
        self._reporter.on_trial_end(number, bits, is_pruned=is_pruned)
        if is_pruned or bits is None:
            raise TrialPruned
        return bits

    def _finish_run(self, folder: RunFolder, settings: Settings, interruption: Interruption) -> str:
        """Train the run of a trial, and return why that failed if its settings are the reason."""
        if self._interruption.signal_number is not None:  # it came while the trial was drawn
            return ""
        try:
            run = replace(
                self._request.run,
                folder=folder,
                overrides=Overrides(settings),
                overwrite=False,
                interruption=interruption,
            )
            finish_run(run, self._run_reporter)
        except (TrainingError, SettingError, MemoryError) as error:
            if not self._folder.is_dir():
                raise
            return str(error) or "there is not enough memory"
        except SystemExit:
            if interruption.stops_gracefully:  # this is the second signal
                raise
        return ""

    def _make_sampler(self, number: int) -> "optuna.samplers.BaseSampler":
        """Return the sampler of a trial: what it draws depends on the random seed and the trials before it alone."""
        import optuna

        random_seed = self._plan.settings.get("random_seed", TrainingConfig.random_seed)
        seed = zlib.crc32(f"{random_seed} {number}".encode())
        return optuna.samplers.TPESampler(n_startup_trials=NUM_RANDOM_TRIALS, seed=seed)

    def _remove_other_models(self) -> None:
        """Remove the runs of all trials that are done but the best, unless they are to be kept; their logs stay."""
        if self._request.keep_models:
            return
        trials = self.trials
        best = best_trial(trials)
        for trial in trials:
            if trial.is_done and trial != best and is_run(trial.folder):
                remove_run(trial.folder, keeps_logs=True)


class _StoppedError(Exception):
    """A signal has stopped the trial."""


def _evaluations(run: RunFolder) -> list[EvaluationFigures]:
    """Return the evaluations of a run; none of one that failed before the first."""
    try:
        return read_evaluations(run)
    except RunError:
        return []
