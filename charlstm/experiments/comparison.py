"""What `compare` does: plan the trainings, make those that are missing, and write down how they came out."""

import csv
import gc
import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from charlstm.atomic_files import write_atomically
from charlstm.cli import launch
from charlstm.cli.display import plots
from charlstm.cli.display.comparison_table import comparison_display
from charlstm.cli.display.messages import say, warn
from charlstm.config import ModelConfig, TrainingConfig
from charlstm.errors import RunError, SettingError, TrainingError
from charlstm.experiments.outcomes import Outcome, match_parameter_count, summaries
from charlstm.kernels import fastest_precision
from charlstm.machine import num_cores
from charlstm.storage.checkpoint import load_checkpoint
from charlstm.storage.run_folder import RunFolder
from charlstm.text.batches import Dataset, split_for_validation
from charlstm.text.corpus import Corpus, load_corpus
from charlstm.text.vocabulary import Vocabulary
from charlstm.training.auto_config import (
    SEQUENCE_LENGTH,
    AutoConfigInputs,
    choose,
    expected_training_characters,
    make_configs,
)
from charlstm.training.history import History
from charlstm.training.interruption import Interruption

if TYPE_CHECKING:
    from charlstm.cli.display.comparison_table import ComparisonDisplay

PLAN_FILE = "plan.json"  # file of the folder


@dataclass(frozen=True)
class ComparisonRequest:
    """What was asked for."""

    texts: list[str]
    cells: list[str]
    repeats: int
    equal: str
    given: dict[str, Any]
    folder: Path
    plot: Path


@dataclass(frozen=True)
class ComparisonPlan:
    """What all trainings have in common, so that they can be gone on with, and all that were ever asked for."""

    text_sha256: str
    equal: str
    model: ModelConfig  # of the LSTM that the others are measured by
    training: TrainingConfig
    cells: list[str]
    repeats: int

    def to_json(self) -> dict[str, Any]:
        return vars(self) | {"model": self.model.to_json(), "training": self.training.to_json()}

    @classmethod
    def load(cls, path: Path) -> "ComparisonPlan":
        """Raises RunError for a file that is not what was written."""
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
            model, training = ModelConfig.from_json(facts["model"]), TrainingConfig.from_json(facts["training"])
            return cls(**facts | {"model": model, "training": training})
        except (OSError, ValueError, KeyError, TypeError, AttributeError, SettingError) as problem:
            raise RunError(
                f"{path} is damaged", hint="remove it, or compare in another folder with `output`"
            ) from problem

    def save(self, path: Path) -> None:
        write_atomically(path, (json.dumps(self.to_json(), indent=2) + "\n").encode())


def run_comparison(wanted: ComparisonRequest, *, overwrite: bool) -> tuple[dict[str, Any], list[Outcome]]:
    """Train what has not been trained yet; returns what stands in comparison.json, and the outcomes.

    Ends the command with the signal's exit code when it is interrupted.
    """
    corpus = load_corpus(wanted.texts, on_message=say)
    if wanted.plot.parent != wanted.folder and not wanted.plot.parent.is_dir():
        raise RunError(f"there is no folder {wanted.plot.parent} for the plot", hint="make it first")
    run = RunFolder(wanted.folder)
    run.create()
    with launch.owned(run) as interruption:
        material = _Material(corpus, interruption)
        plan = _plan(wanted, material, overwrite=overwrite)
        outcomes = _found(plan, wanted, material)
        with comparison_display(total=len(wanted.cells) * wanted.repeats) as display:
            for outcome in _outcomes(wanted, plan, material, display):
                outcomes[outcome.cell, outcome.repeat] = outcome
                display.show(list(outcomes.values()))
                _write(wanted, plan, list(outcomes.values()))
        if interruption.signal_number is not None:
            warn("stopped; nothing is lost, the same command goes on with it")
            raise typer.Exit(interruption.exit_code)
    return _facts(plan, list(outcomes.values())), list(outcomes.values())


class _Material:
    """The text in the ids of its own alphabet, and the signals."""

    def __init__(self, corpus: Corpus, interruption: Interruption) -> None:
        self.corpus, self.interruption = corpus, interruption
        self.vocabulary = Vocabulary(corpus.characters)

    @cached_property
    def dataset(self) -> Dataset:
        return split_for_validation(
            self.corpus.ids, validation=TrainingConfig.validation, sequence_length=SEQUENCE_LENGTH
        )


def _plan(wanted: ComparisonRequest, material: _Material, *, overwrite: bool) -> ComparisonPlan:
    """The plan that was made when this comparison was begun, or a new one, with all that is asked for now.

    Raises RunError if what was asked for is not what was begun, and SettingError for cells that cannot be matched.
    Nothing is removed or written before that.
    """
    path = wanted.folder / PLAN_FILE
    begun = ComparisonPlan.load(path) if path.exists() else None
    if begun and not overwrite:
        _refuse_another(wanted, material, begun)
        cells = list(dict.fromkeys([*begun.cells, *wanted.cells]))
        plan = replace(begun, cells=cells, repeats=max(begun.repeats, wanted.repeats))
    else:
        plan = _new_plan(wanted, material)
    for cell in wanted.cells:
        match_parameter_count(plan.model, cell, len(material.vocabulary))
    if begun and overwrite:
        _clear(wanted.folder, begun)
    plan.save(path)
    return plan


def _found(plan: ComparisonPlan, wanted: ComparisonRequest, material: _Material) -> dict[tuple[str, int], Outcome]:
    """The outcomes of trainings that were asked for earlier and are not now."""
    found = {}
    for repeat in range(plan.repeats):
        for cell in plan.cells:
            run = _run_of(wanted.folder, cell, repeat)
            if (cell in wanted.cells and repeat < wanted.repeats) or not run.has_checkpoint:
                continue
            history = History.from_json(load_checkpoint(run)[0].metadata["history"])
            if history.finished and history.evaluations:
                found[cell, repeat] = _outcome_of(history, plan, material, cell, repeat)
    return found


def _run_of(folder: Path, cell: str, repeat: int) -> RunFolder:
    return RunFolder(folder / f"{cell.replace(':', '-')}-{repeat + 1}")


def _outcome_of(history: History, plan: ComparisonPlan, material: _Material, cell: str, repeat: int) -> Outcome:
    return Outcome.of(
        history,
        match_parameter_count(plan.model, cell, len(material.vocabulary)),
        repeat=repeat,
        vocabulary_size=len(material.vocabulary),
        characters_per_epoch=len(material.dataset.training),
    )


def _refuse_another(wanted: ComparisonRequest, material: _Material, plan: ComparisonPlan) -> None:
    begun = plan.model.to_json() | plan.training.to_json() | {"equal": plan.equal}
    asked = wanted.given | {"equal": wanted.equal}
    if plan.equal == "characters":
        asked.pop("max_time", None)
    changed = [name for name, value in asked.items() if begun.get(name) != value]
    if material.corpus.digest != plan.text_sha256:
        changed.append("the text")
    if changed:
        raise RunError(
            f"{wanted.folder} holds a comparison with another {changed[0].replace('_', ' ')}",
            hint="begin anew with `overwrite`, or give another folder with `output`",
        )


def _new_plan(wanted: ComparisonRequest, material: _Material) -> ComparisonPlan:
    """Settings for an LSTM, chosen as train chooses them."""
    precision = fastest_precision()
    given = {"precision": precision, "patience": 1000} | wanted.given
    with launch.tensorflow_started(quiet=False, precision=precision) as show:
        from charlstm.training.throughput import measure_throughput

        show("measuring how fast this machine trains")
        speed = measure_throughput(precision=precision)
    situation = AutoConfigInputs(len(material.dataset.training), len(material.vocabulary), num_cores(), speed)
    chosen = choose(situation, given)
    if wanted.equal == "characters":
        epochs = expected_training_characters(situation, chosen) / situation.num_characters
        chosen |= {"epochs": float(f"{epochs:.3g}"), "max_time": None}
    model, training = make_configs(chosen)
    return ComparisonPlan(material.corpus.digest, wanted.equal, model, training, wanted.cells, wanted.repeats)


def _outcomes(
    wanted: ComparisonRequest, plan: ComparisonPlan, material: _Material, display: "ComparisonDisplay"
) -> Iterator[Outcome]:
    """How each training came out, repeat by repeat, until a signal comes."""
    for repeat in range(wanted.repeats):
        for cell in wanted.cells:
            outcome = _outcome(wanted, plan, material, display, cell, repeat)
            if material.interruption.signal_number is not None:
                return
            if outcome:
                yield outcome


def _outcome(
    wanted: ComparisonRequest,
    plan: ComparisonPlan,
    material: _Material,
    display: "ComparisonDisplay",
    cell: str,
    repeat: int,
) -> Outcome | None:
    """How a training came out: found in its folder, or made now; None if it came to nothing."""
    run = _run_of(wanted.folder, cell, repeat)
    config = match_parameter_count(plan.model, cell, len(material.vocabulary))
    checkpoint = None
    if run.has_checkpoint:
        checkpoint, trouble = load_checkpoint(run)
        if trouble:
            warn(trouble)
    history = History.from_json(checkpoint.metadata["history"]) if checkpoint else History()
    if not history.finished:
        display.begin(cell, repeat)
        with launch.tensorflow_started(quiet=True, precision=fastest_precision()):
            import keras

            from charlstm.training.loop import TrainingRun

            keras.backend.clear_session()
            gc.collect()
        run.create()
        training = TrainingRun(
            material.corpus,
            material.vocabulary,
            material.dataset,
            config,
            replace(plan.training, random_seed=plan.training.random_seed + repeat),
            run,
            checkpoint=checkpoint,
        )
        material.interruption.can_wait = True
        try:
            training.run(display, material.interruption)
        except TrainingError as problem:
            warn(f"{cell}: {problem}")
            return None
        history = training.history
    return _outcome_of(history, plan, material, cell, repeat) if history.evaluations else None


def _facts(plan: ComparisonPlan, outcomes: list[Outcome]) -> dict[str, Any]:
    return {
        "plan": plan.to_json(),
        "cells": [summary.to_json() for summary in summaries(outcomes)],
        "trainings": [outcome.to_json() | {"curve": outcome.curve} for outcome in outcomes],
    }


def _write(wanted: ComparisonRequest, plan: ComparisonPlan, outcomes: list[Outcome]) -> None:
    """The results so far, as JSON, as a table and as a plot."""
    facts = json.dumps(_facts(plan, outcomes), indent=2) + "\n"
    write_atomically(wanted.folder / "comparison.json", facts.encode())
    rows = [outcome.to_json() for outcome in outcomes]
    table = io.StringIO()
    writer = csv.DictWriter(table, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(wanted.folder / "comparison.csv", table.getvalue().encode())
    plots.save_plot(wanted.plot, _panels(outcomes))


def _panels(outcomes: list[Outcome]) -> list[plots.Panel]:
    panels = []
    for place, what in ((0, "seconds"), (1, "characters read")):
        lines = [
            plots.Line(outcome.cell, [point[place] for point in outcome.curve], [point[2] for point in outcome.curve])
            for outcome in outcomes
        ]
        panels.append(plots.Panel(lines, f"validation loss over {what}", what, "bits per character"))
    return panels


def _clear(folder: Path, plan: ComparisonPlan) -> None:
    """Remove the trainings and results of an earlier comparison, and nothing else."""
    for name in (PLAN_FILE, "comparison.json", "comparison.csv", "comparison.svg"):
        (folder / name).unlink(missing_ok=True)
    for repeat in range(plan.repeats):
        for cell in plan.cells:
            run = _run_of(folder, cell, repeat)
            if run.path.is_dir():
                run.clear()
                if not any(path.name != ".lock" for path in run.path.iterdir()):
                    shutil.rmtree(run.path)
