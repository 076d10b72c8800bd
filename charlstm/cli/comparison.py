"""What `compare` does: plan the trainings, make those that are missing, and write down how they came out."""

import csv
import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from charlstm.batching import Dataset, split_for_validation
from charlstm.checkpoint import load_checkpoint
from charlstm.cli import launch, plots
from charlstm.cli.console import comparison_display, say, warn
from charlstm.comparing import Outcome, matched, summaries
from charlstm.config import ModelConfig, TrainingConfig
from charlstm.corpus import Corpus, load_corpus
from charlstm.errors import RunError, TrainingError
from charlstm.files import write_atomically
from charlstm.history import History
from charlstm.interruption import Interruption
from charlstm.machine import fastest_precision, num_cores
from charlstm.planning import SEQUENCE_LENGTH, Situation, characters_trained, choose, make_configs
from charlstm.runfolder import RunFolder
from charlstm.vocabulary import Vocabulary

if TYPE_CHECKING:
    from charlstm.cli.console import ComparisonDisplay

PLAN = "plan.json"  # file of the folder


@dataclass(frozen=True)
class Wanted:
    """What was asked for."""

    texts: list[str]
    cells: list[str]
    repeats: int
    equal: str
    given: dict[str, Any]
    folder: Path
    plot: Path


@dataclass(frozen=True)
class Plan:
    """What all trainings have in common, so that they can be gone on with."""

    text_sha256: str
    equal: str
    model: ModelConfig  # of the LSTM that the others are measured by
    training: TrainingConfig

    def to_json(self) -> dict[str, Any]:
        return {
            "text_sha256": self.text_sha256,
            "equal": self.equal,
            "model": self.model.to_json(),
            "training": self.training.to_json(),
        }

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> "Plan":
        return cls(
            facts["text_sha256"],
            facts["equal"],
            ModelConfig.from_json(facts["model"]),
            TrainingConfig.from_json(facts["training"]),
        )


def run_comparison(wanted: Wanted, *, overwrite: bool) -> tuple[dict[str, Any], list[Outcome]]:
    """Train what has not been trained yet; returns what stands in comparison.json, and the outcomes.

    Ends the command with the signal's exit code when it is interrupted.
    """
    corpus = load_corpus(wanted.texts, tell=say)
    run = RunFolder(wanted.folder)
    run.make()
    with launch.owned(run) as interruption:
        if overwrite:
            _clear(wanted.folder)
        material = _Material(corpus, interruption)
        plan = _plan(wanted, material)
        for cell in wanted.cells:
            matched(plan.model, cell, len(material.vocabulary))  # refuses what cannot be matched, before anything else
        outcomes: list[Outcome] = []
        with comparison_display(total=len(wanted.cells) * wanted.repeats) as display:
            for outcome in _outcomes(wanted, plan, material, display):
                outcomes.append(outcome)
                display.show(outcomes)
                _write(wanted, plan, outcomes)
        if interruption.signal_number is not None:
            warn("stopped; nothing is lost, the same command goes on with it")
            raise typer.Exit(interruption.exit_code)
    return _facts(plan, outcomes), outcomes


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


def _plan(wanted: Wanted, material: _Material) -> Plan:
    """The plan that was made when this comparison was begun, or a new one.

    Raises RunError if what was asked for is not what was begun.
    """
    path = wanted.folder / PLAN
    if path.exists():
        try:
            plan = Plan.from_json(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, KeyError, TypeError) as problem:
            raise RunError(f"{path} is damaged", hint="begin anew: --overwrite") from problem
        _refuse_another(wanted, material, plan)
        return plan
    plan = _new_plan(wanted, material)
    write_atomically(path, (json.dumps(plan.to_json(), indent=2) + "\n").encode())
    return plan


def _refuse_another(wanted: Wanted, material: _Material, plan: Plan) -> None:
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
            hint="begin anew with --overwrite, or give another folder with --out",
        )


def _new_plan(wanted: Wanted, material: _Material) -> Plan:
    """Settings for an LSTM, chosen as train chooses them."""
    precision = fastest_precision()
    given = {"precision": precision, "patience": 1000} | wanted.given
    with launch.tensorflow_started(quiet=False) as show:
        from charlstm.speed import measure_speed

        show("measuring how fast this machine trains")
        speed = measure_speed(precision=precision)
    situation = Situation(len(material.dataset.training), len(material.vocabulary), num_cores(), speed)
    chosen = choose(situation, given)
    if wanted.equal == "characters":
        epochs = characters_trained(situation, chosen) / situation.num_characters
        chosen |= {"epochs": float(f"{epochs:.3g}"), "max_time": None}
    model, training = make_configs(chosen)
    return Plan(material.corpus.digest, wanted.equal, model, training)


def _outcomes(wanted: Wanted, plan: Plan, material: _Material, display: "ComparisonDisplay") -> Iterator[Outcome]:
    """How each training came out, repeat by repeat, until a signal comes."""
    for repeat in range(wanted.repeats):
        for cell in wanted.cells:
            outcome = _outcome(wanted, plan, material, display, cell, repeat)
            if material.interruption.signal_number is not None:
                return
            if outcome:
                yield outcome


def _outcome(
    wanted: Wanted, plan: Plan, material: _Material, display: "ComparisonDisplay", cell: str, repeat: int
) -> Outcome | None:
    """How a training came out: found in its folder, or made now; None if it came to nothing."""
    run = RunFolder(wanted.folder / f"{cell.replace(':', '-')}-{repeat + 1}")
    config = matched(plan.model, cell, len(material.vocabulary))
    checkpoint = None
    if run.has_checkpoint:
        checkpoint, trouble = load_checkpoint(run)
        if trouble:
            warn(trouble)
    history = History.from_json(checkpoint.facts["history"]) if checkpoint else History()
    if not history.finished:
        display.begin(cell, repeat)
        with launch.tensorflow_started(quiet=True):
            import keras

            from charlstm.training import Training

            keras.backend.clear_session()
        run.make()
        training = Training(
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
            training.go(display, material.interruption)
        except TrainingError as problem:
            warn(f"{cell}: {problem}")
            return None
        history = training.history
    if not history.evaluations:
        return None
    return Outcome.of(
        history,
        config,
        repeat=repeat,
        vocabulary_size=len(material.vocabulary),
        characters_per_epoch=len(material.dataset.training),
    )


def _facts(plan: Plan, outcomes: list[Outcome]) -> dict[str, Any]:
    return {
        "plan": plan.to_json(),
        "cells": [summary.to_json() for summary in summaries(outcomes)],
        "trainings": [outcome.to_json() | {"curve": outcome.curve} for outcome in outcomes],
    }


def _write(wanted: Wanted, plan: Plan, outcomes: list[Outcome]) -> None:
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


def _clear(folder: Path) -> None:
    """Remove an earlier comparison, and nothing else."""
    for name in (PLAN, "comparison.json", "comparison.csv", "comparison.svg"):
        (folder / name).unlink(missing_ok=True)
    for run in [path for path in folder.iterdir() if path.is_dir() and RunFolder(path).is_taken]:
        RunFolder(run).clear()
        if not any(path.name != ".lock" for path in run.iterdir()):
            shutil.rmtree(run)
