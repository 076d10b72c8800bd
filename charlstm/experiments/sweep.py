"""Search for good settings with Optuna: each trial is a run like that of `train`, and is judged by its validation loss.

Any number of processes can work at one sweep: what they share is the study, see `study`.
"""

import contextlib
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from charlstm.errors import RunError
from charlstm.experiments.final_test import FinalTest, report_test
from charlstm.experiments.shared_text import read_shared_text
from charlstm.experiments.single_run import OneOfManyReporter, check_can_be_repeated, run_below, with_shared_logs
from charlstm.experiments.study import (
    JOURNAL_FILE,
    WORKERS,
    SharedStudy,
    check_has_no_links,
    open_storage,
    optuna_imported,
    registered_worker,
    storage_errors,
)
from charlstm.experiments.sweep_outcomes import Trial, best_trial, importances, read_trials
from charlstm.experiments.sweep_plan import SweepPlan, SweepRequest, check_agreement, new_plan
from charlstm.experiments.sweep_worker import SweepReporter, SweepWorker
from charlstm.json_objects import object_from_json
from charlstm.storage.lock import is_locked
from charlstm.storage.run_housekeeping import remove_run
from charlstm.storage.run_summary import is_run
from charlstm.text.part_reader import DividedText
from charlstm.training.interruption import Interruption
from charlstm.training.startup import created_folder

if TYPE_CHECKING:
    import optuna

PLAN = "plan"  # attribute of the study
PLAN_TIMEOUT = 10.0  # seconds between the beginning of a study and its plan; after more, its process has died
POLL_EVERY = 0.1  # seconds, for the plan of a process that has just begun the study


@dataclass(frozen=True)
class SweepResult:
    """The trials of a sweep, and the signal that interrupted it, if any."""

    plan: SweepPlan
    trials: list[Trial]
    importances: dict[str, float]
    signal_number: int | None = None
    test: FinalTest | None = None  # of the best trial; None: there is no test part, no run of it here, or no end yet

    @property
    def best(self) -> Trial | None:
        return best_trial(self.trials)

    def to_json(self) -> dict[str, Any]:
        results = {
            "text_sha256": self.plan.text_sha256,
            "chosen": self.plan.settings,
            "space": self.plan.space,
            "pruner": self.plan.pruner,
            "best": self.best and self.best.number,
            "importances": self.importances,
            "trials": [trial.to_json() for trial in self.trials],
        }
        return results | ({"test": self.test.to_json()} if self.test else {})


def run_sweep(request: SweepRequest, reporter: SweepReporter) -> SweepResult:
    """Train trials until as many as requested are done, by this process and others together.

    At the end the best trial is scored on the test part, if there is one. A sweep is continued, or joined by another
    process, by the same request. Raises CharLSTMError for everything the user can fix.
    """
    check_can_be_repeated(request.run)
    request = replace(request, run=with_shared_logs(request.run))
    folder = request.run.folder
    text = read_shared_text(request.run)
    with ExitStack() as stack:
        stack.enter_context(optuna_imported())
        stack.enter_context(created_folder(folder))
        check_has_no_links(folder.path)
        if request.run.overwrite:
            _remove_sweep(request)
        worker = stack.enter_context(registered_worker(folder.path))
        interruption = stack.enter_context(Interruption())
        run_reporter = OneOfManyReporter(reporter)
        stack.enter_context(storage_errors(request.storage, folder.path))
        interruption.stops_gracefully = False  # there is nothing to save yet
        study, plan = _open_study(request, text, run_reporter)
        interruption.stops_gracefully = True
        reporter.on_plan(plan)
        shared = SharedStudy(study, folder.path, has_heartbeats=request.storage is not None, worker=worker)
        sweep = SweepWorker(request, plan, shared, reporter, run_reporter, interruption)
        sweep.run()
        test = None
        if plan.has_test_part and interruption.signal_number is None:
            interruption.stops_gracefully = False  # all is saved
            with shared.turn():  # so that no other process removes the run
                test = _test_best(sweep.trials)
        return SweepResult(plan, sweep.trials, importances(study), interruption.signal_number, test)


def show_sweep(request: SweepRequest) -> SweepResult:
    """Return the trials so far, without training. Raises RunError if there is no such sweep."""
    folder = request.run.folder.path
    with optuna_imported(), storage_errors(request.storage, folder):
        study = _load_study(request)
        if study is None or PLAN not in study.user_attrs:
            raise RunError(f"there is no sweep in {folder}", hint="start it: leave `show` out")
        plan = object_from_json(SweepPlan, study.user_attrs[PLAN])
        return SweepResult(plan, read_trials(study, folder), importances(study))


def _test_best(trials: list[Trial]) -> FinalTest | None:
    """Score the best trial on its test part; None if there is none, or if its run is on another machine."""
    best = best_trial(trials)
    return report_test(best.folder) if best and is_run(best.folder) else None


def _open_study(
    request: SweepRequest, text: DividedText, reporter: OneOfManyReporter
) -> "tuple[optuna.Study, SweepPlan]":
    """Return the study of a sweep and its plan; both are made now, unless a process has done that before.

    Of several processes that begin a sweep at once one makes the study, and the others take its plan.
    """
    import optuna

    study = _load_study(request)
    if study is None:
        plan = new_plan(request, text, reporter)
        storage = open_storage(request.storage, request.run.folder.path)
        try:
            study = optuna.create_study(storage=storage, study_name=_study_name(request), direction="minimize")
            return study, _save_plan(study, plan)
        except optuna.exceptions.DuplicatedStudyError:
            study = optuna.load_study(storage=storage, study_name=_study_name(request))
    end = time.monotonic() + PLAN_TIMEOUT
    while PLAN not in study.user_attrs:
        if time.monotonic() > end:
            return study, _save_plan(study, new_plan(request, text, reporter))
        time.sleep(POLL_EVERY)
    plan = object_from_json(SweepPlan, study.user_attrs[PLAN])
    check_agreement(plan, request, text)
    return study, plan


def _save_plan(study: "optuna.Study", plan: SweepPlan) -> SweepPlan:
    study.enqueue_trial(plan.automatic_choice, skip_if_exists=True)
    study.set_user_attr(PLAN, asdict(plan))
    return plan


def _load_study(request: SweepRequest) -> "optuna.Study | None":
    """Return the study of a sweep; None if it has not been begun."""
    import optuna

    folder = request.run.folder.path
    if request.storage is None and not (folder / JOURNAL_FILE).exists():
        return None
    storage = open_storage(request.storage, folder)
    with contextlib.suppress(KeyError):
        return optuna.load_study(storage=storage, study_name=_study_name(request))
    return None


def _study_name(request: SweepRequest) -> str:
    return request.run.folder.path.absolute().name


def _remove_sweep(request: SweepRequest) -> None:
    """Remove the study and the runs of its trials, and nothing else. Raises RunError if a process works at it."""
    import optuna

    folder = request.run.folder.path
    if any(is_locked(place) for place in (folder / WORKERS).glob("*")):
        raise RunError(f"another process works at the sweep in {folder}", hint="stop it, or wait until it ends")
    for path in folder.glob("trial-*"):
        run = run_below(folder, path.name)
        if is_run(run) or any(file.exists() for file in run.log_files):
            remove_run(run)
    request.run.folder.remove_logs()
    if request.storage is None:
        (folder / JOURNAL_FILE).unlink(missing_ok=True)
    elif _load_study(request):
        storage = open_storage(request.storage, folder)
        optuna.delete_study(storage=storage, study_name=_study_name(request))
