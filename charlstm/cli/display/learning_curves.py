"""The learning curves of runs, and what they show in words."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from charlstm.analysis.learning_curve import OVERFITTING, TOLERANCE, diagnose
from charlstm.cli.display.messages import loss, visible
from charlstm.cli.display.plots import Line, Panel
from charlstm.storage.evaluations import EvaluationFigures

X_LABELS = {"epochs": "epochs", "steps": "steps", "seconds": "seconds", "characters": "characters trained on"}


@dataclass(frozen=True)
class Curve:
    """The evaluations of a run."""

    name: str
    evaluations: Sequence[EvaluationFigures]
    characters_per_epoch: int = 0

    @property
    def best(self) -> int:
        """The index of the evaluation with the lowest validation loss."""
        return min(range(len(self.evaluations)), key=lambda index: self.evaluations[index].validation_nats)

    def positions(self, x: str) -> list[float]:
        """Return where the evaluations are on the axis x, one of X_LABELS."""
        match x:
            case "steps":
                return [evaluation.step for evaluation in self.evaluations]
            case "seconds":
                return [evaluation.seconds for evaluation in self.evaluations]
            case "characters":
                return [evaluation.epoch * self.characters_per_epoch for evaluation in self.evaluations]
            case _:
                return [evaluation.epoch for evaluation in self.evaluations]


def learning_panel(curves: Sequence[Curve], *, x: str, bits: bool, with_training: bool = True) -> Panel:
    """Return the losses of one run, or those of several runs with the training losses as thin lines.

    `with_training` False leaves the training losses of several runs out, for a terminal, which has no thin lines.
    """
    unit, scale = ("bits", 1 / math.log(2)) if bits else ("nats", 1.0)
    lines = []
    for curve in curves:
        positions = curve.positions(x)
        validation = [evaluation.validation_nats * scale for evaluation in curve.evaluations]
        train = [evaluation.train_nats * scale for evaluation in curve.evaluations]
        names = ("validation", "training") if len(curves) == 1 else (visible(curve.name), visible(curve.name))
        lines.append(Line(names[0], positions, validation, marked=curve.best))
        if with_training or len(curves) == 1:
            lines.append(Line(names[1], positions, train))
    if len(curves) == 1:
        title = f"loss of {visible(curves[0].name)}"
    else:
        title = "validation loss" + (" (thin: training loss)" if with_training else "")
    return Panel(lines, title, X_LABELS[x], f"{unit} per character")


def curve_lines(curve: Curve) -> list[str]:
    """Say in words what the curve of a run shows: its best evaluation, its networks, and overfitting or a plateau."""
    best = curve.evaluations[curve.best]
    lines = [f"{visible(curve.name)}: lowest validation loss {loss(best.validation_nats)}, at {_place(best)}"]
    pairs = itertools.pairwise(curve.evaluations)
    if ends := [f"{before.epoch:.2f}" for before, after in pairs if after.network != before.network]:
        lines.append(f"{visible(curve.name)}: another network begins at epoch {', '.join(ends)}")
    finding = diagnosis_line(curve.evaluations)
    return [*lines, f"{visible(curve.name)}: {finding}"] if finding else lines


def diagnosis_line(evaluations: Sequence[EvaluationFigures]) -> str:
    """Name overfitting or a plateau of the last network, and since when; empty if it has neither."""
    evaluations = [one for one in evaluations if one.network == evaluations[-1].network]
    train = [evaluation.train_nats for evaluation in evaluations]
    diagnosis = diagnose(train, [evaluation.validation_nats for evaluation in evaluations])
    if diagnosis is None:
        return ""
    since, last = evaluations[diagnosis.since], evaluations[-1]
    if diagnosis.kind == OVERFITTING:
        return (
            f"overfitting since epoch {since.epoch:.2f}: the training loss falls from {since.train_nats:.4f} to "
            f"{last.train_nats:.4f} nats, the validation loss rises from {since.validation_nats:.4f} to "
            f"{last.validation_nats:.4f}"
        )
    return f"plateau since epoch {since.epoch:.2f}: the validation loss has improved by less than {TOLERANCE:.1%}"


def _place(evaluation: EvaluationFigures) -> str:
    return f"epoch {evaluation.epoch:.2f}, step {evaluation.step:,}"
