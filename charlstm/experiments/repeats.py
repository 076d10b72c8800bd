"""Train the same settings with several random seeds, one run after the other; complete runs are not done again."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

from charlstm.analysis.evaluation import nats_to_bits
from charlstm.atomic_files import write_atomically
from charlstm.errors import RunError, TrainingError
from charlstm.experiments.final_test import FinalTest, report_test
from charlstm.experiments.seeds import RunSettings, is_complete, random_seeds, same_overrides, with_random_seed
from charlstm.experiments.shared_text import changed_parts, read_shared_text
from charlstm.experiments.single_run import (
    ExperimentReporter,
    OneOfManyReporter,
    check_can_be_repeated,
    finish_run,
    model_path,
    run_below,
    with_shared_logs,
)
from charlstm.experiments.statistics import Estimate
from charlstm.json_objects import object_from_json
from charlstm.storage.evaluations import EvaluationFigures, read_evaluations
from charlstm.storage.run_folder import RunFolder
from charlstm.storage.run_housekeeping import remove_run
from charlstm.storage.run_summary import is_run, read_settings
from charlstm.text.decoding_options import DecodingOptions
from charlstm.text.parts import Parts
from charlstm.training.interruption import Interruption
from charlstm.training.run_request import NewRunRequest

RESULTS_FILE = "repeats.json"
MAX_RUNS = 1000


@dataclass(frozen=True, kw_only=True)
class RepeatRequest:
    """How often to train what."""

    run: NewRunRequest  # the first one; its folder is that of all runs, each of which has one below it
    num_runs: int

    def folder(self, random_seed: int) -> RunFolder:
        return run_below(self.run.folder.path, f"seed-{random_seed}")


@dataclass(frozen=True)
class RepeatedRun:
    """A complete run."""

    random_seed: int
    folder: RunFolder
    evaluations: list[EvaluationFigures]

    @property
    def best(self) -> EvaluationFigures:
        return min(self.evaluations, key=lambda evaluation: evaluation.validation_nats)

    @property
    def bits(self) -> float:
        """Validation bits per character of the best model."""
        return nats_to_bits(self.best.validation_nats)

    def to_json(self) -> dict[str, Any]:
        return {
            "random_seed": self.random_seed,
            "folder": str(self.folder.path),
            "validation_bits": self.bits,
            "validation_nats": self.best.validation_nats,
            "best_epoch": self.best.epoch,
            "epochs": self.evaluations[-1].epoch,
            "seconds": self.evaluations[-1].seconds,
        }


@dataclass(frozen=True)
class RepeatResult:
    """The complete runs, and the signal that interrupted the others, if any."""

    runs: list[RepeatedRun]
    signal_number: int | None = None
    test: FinalTest | None = None  # of the best run; None: there is no test part, or no end yet

    @property
    def bits(self) -> Estimate:
        return Estimate.of([run.bits for run in self.runs])

    def to_json(self) -> dict[str, Any]:
        results = {"bits": self.bits.to_json() if self.runs else None, "runs": [run.to_json() for run in self.runs]}
        return results | ({"test": self.test.to_json()} if self.test else {})

    def save(self, folder: RunFolder) -> None:
        write_atomically(folder.path / RESULTS_FILE, (json.dumps(self.to_json(), indent=2) + "\n").encode())


class RepeatReporter(ExperimentReporter, Protocol):
    """Receives the progress of repeated runs."""

    def on_run_start(self, random_seed: int, number: int) -> None:
        """Receive which run starts; its number counts from 1, and counts runs that were complete before."""
        ...

    def on_run_end(self, runs: list[RepeatedRun]) -> None:
        """Receive the complete runs so far, the newest last."""
        ...


def run_repeats(request: RepeatRequest, reporter: RepeatReporter) -> RepeatResult:
    """Train with each random seed, unless that was done earlier, and write the results after each run.

    The first run chooses the settings that are not fixed, and the others have the same. A run whose loss keeps
    diverging is left out, with a warning. At the end the run with the lowest validation loss is scored on the test
    part, if there is one. Raises CharLSTMError for everything that the user can fix.
    """
    check_can_be_repeated(request.run)
    request = replace(request, run=with_shared_logs(request.run))
    earlier = None if request.run.overwrite else _settings_of_earlier_runs(request.run.folder)
    if earlier:
        _check_agreement(request.run, earlier)
    elif request.run.overwrite:
        read_shared_text(request.run)  # raises in time
        for earlier_run in filter(is_run, _runs_in(request.run.folder)):
            remove_run(earlier_run)
        request.run.folder.remove_logs()
    runs = list[RepeatedRun]()
    with Interruption() as interruption:
        for run in _complete_runs(request, earlier, reporter, interruption):
            runs.append(run)
            RepeatResult(runs).save(request.run.folder)
            reporter.on_run_end(list(runs))
    if interruption.signal_number is not None or not runs:
        return RepeatResult(runs, interruption.signal_number)
    result = RepeatResult(runs, test=report_test(min(runs, key=lambda run: run.bits).folder))
    result.save(request.run.folder)
    return result


def _complete_runs(
    request: RepeatRequest, earlier: RunSettings | None, reporter: RepeatReporter, interruption: Interruption
) -> Iterator[RepeatedRun]:
    """Yield each run once it is complete, until a signal comes."""
    run_reporter = OneOfManyReporter(reporter)
    for number, random_seed in enumerate(random_seeds(request.run, request.num_runs), start=1):
        if interruption.signal_number is not None:
            return
        folder = request.folder(random_seed)
        if not is_complete(folder):
            reporter.on_run_start(random_seed, number)
            run = _with_settings(request.run, earlier) if earlier else request.run
            run = with_random_seed(run, random_seed, folder)
            try:
                finish_run(run, run_reporter)
            except TrainingError as error:
                reporter.on_warning(f"random seed {random_seed}: {error}")
                continue
            finally:
                interruption.signal_number = interruption.signal_number or run.interruption.signal_number
        if interruption.signal_number is not None:
            return
        earlier = earlier or read_settings(folder)
        yield RepeatedRun(random_seed, folder, read_evaluations(folder))


def _runs_in(folder: RunFolder) -> list[RunFolder]:
    return [RunFolder(path) for path in sorted(folder.path.glob("seed-*")) if path.is_dir() and not path.is_symlink()]


def _settings_of_earlier_runs(folder: RunFolder) -> RunSettings | None:
    """Return the settings of a run in the folder, which those of all others are the same as; None if there is none."""
    for run in _runs_in(folder):
        try:
            settings = read_settings(run)
            if {"model", "training", "text", "origin"} <= settings.keys():
                return settings
        except (OSError, ValueError):
            continue
    return None


def _check_agreement(run: NewRunRequest, settings: RunSettings) -> None:
    """Raise RunError if the runs in the folder were trained with other settings, or on another text or other parts."""
    text, reading = settings["text"], settings["text"]["reading"]
    trained = {"teachers": 0} | settings["model"] | settings["training"]  # earlier versions had no teachers
    trained |= {name: reading[name] for name in ("normalize", "lowercase")}
    fixed = run.overrides.settings | {"normalize": run.normalize, "lowercase": run.decoding.lowercase or None}
    fixed.pop("random_seed", None)
    changed = [f"`{name}`" for name, value in fixed.items() if value is not None and trained.get(name) != value]
    if not run.may_start_from_shipped and settings["origin"].get("start_from") != model_path(run.start_from):
        changed.append("`start_from`")
    decoding = object_from_json(DecodingOptions, reading)
    changed += changed_parts(text["sha256"], Parts.from_json(text.get("parts")), read_shared_text(run, decoding))
    if changed:
        raise RunError(
            f"{run.folder.path} holds runs with another {changed[0]}",
            hint="replace them with `overwrite`, or choose another folder with `output`",
        )


def _with_settings(run: NewRunRequest, settings: RunSettings) -> NewRunRequest:
    """Return the request for a run that is like an earlier one in everything but its random seed."""
    overrides, origin = same_overrides(settings, run.parts), settings["origin"]
    return replace(run, overrides=overrides, start_from=origin.get("start_from"), may_start_from_shipped=False)
