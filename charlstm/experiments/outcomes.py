"""The outcomes of a comparison: one per run, and a summary per cell."""

from dataclasses import dataclass
from statistics import median
from typing import Any, NamedTuple

from charlstm.analysis.evaluation import nats_to_bits
from charlstm.cells.shapes import num_parameters
from charlstm.config import ModelConfig
from charlstm.experiments.statistics import Estimate
from charlstm.training.history import Evaluation, History

MAX_LINE_LENGTH = 60  # characters of a sample's line that are shown


class CurvePoint(NamedTuple):
    """One evaluation on the learning curve of a run."""

    seconds: float
    characters: float  # trained on so far
    bits: float  # per character of the validation text


@dataclass(frozen=True)
class Outcome:
    """The outcome of one run: the network, and its evaluations."""

    cell: str
    repeat: int
    config: ModelConfig
    num_parameters: int
    characters_per_epoch: int
    evaluations: list[Evaluation]

    @classmethod
    def from_history(
        cls, history: History, config: ModelConfig, *, repeat: int, vocabulary_size: int, characters_per_epoch: int
    ) -> "Outcome":
        size = num_parameters(config, vocabulary_size)
        return cls(config.cell, repeat, config, size, characters_per_epoch, history.evaluations)

    @property
    def best(self) -> Evaluation:
        return min(self.evaluations, key=lambda evaluation: evaluation.validation.nats_per_character)

    @property
    def bits(self) -> float:
        """Validation bits per character of the best model."""
        return nats_to_bits(self.best.validation.nats_per_character)

    @property
    def characters_per_second(self) -> float:
        """The median over evaluations."""
        return median(evaluation.characters_per_second for evaluation in self.evaluations)

    @property
    def curve(self) -> list[CurvePoint]:
        """The learning curve: one point for each evaluation."""
        return [
            CurvePoint(e.seconds, e.epoch * self.characters_per_epoch, nats_to_bits(e.validation.nats_per_character))
            for e in self.evaluations
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the row of this run in comparison.csv."""
        return {
            "cell": self.cell,
            "repeat": self.repeat,
            "units": self.config.units,
            "layers": self.config.num_layers,
            "parameters": self.num_parameters,
            "characters_per_second": round(self.characters_per_second, 1),
            "validation_bits": self.bits,
            "validation_nats": self.best.validation.nats_per_character,
            "seconds": round(self.evaluations[-1].seconds, 1),
            "epochs": round(self.evaluations[-1].epoch, 3),
            "line": best_line(self.best.sample),
        }


@dataclass(frozen=True)
class Summary:
    """The outcomes of all repeats of one cell."""

    cell: str
    units: int
    num_parameters: int
    characters_per_second: float  # median over repeats
    epochs: float  # of the training text that were read, median over repeats
    bits: Estimate  # per character of the validation text
    line: str  # from a sample of the best repeat

    def to_json(self) -> dict[str, Any]:
        return {
            "cell": self.cell,
            "units": self.units,
            "parameters": self.num_parameters,
            "characters_per_second": self.characters_per_second,
            "epochs": round(self.epochs, 3),
            "bits": self.bits.mean,
            "standard_deviation": self.bits.standard_deviation,
            "interval_95": self.bits.to_json()["interval_95"],
            "repeats": self.bits.num_runs,
            "line": self.line,
        }


def summarize(outcomes: list[Outcome]) -> list[Summary]:
    """Return one summary per cell, the best first."""
    cells = dict.fromkeys(outcome.cell for outcome in outcomes)
    summaries = [_summary([outcome for outcome in outcomes if outcome.cell == cell]) for cell in cells]
    return sorted(summaries, key=lambda summary: summary.bits.mean)


def best_line(sample: str) -> str:
    """Return the longest whole line of a sample that is short enough to show."""
    lines = [line.strip() for line in sample.split("\n")[:-1]] or [sample[:MAX_LINE_LENGTH]]
    short = [line for line in lines if len(line) <= MAX_LINE_LENGTH] or [lines[0][:MAX_LINE_LENGTH]]
    return max(short, key=len)


def _summary(repeats: list[Outcome]) -> Summary:
    best = min(repeats, key=lambda outcome: outcome.bits)
    return Summary(
        cell=best.cell,
        units=best.config.units,
        num_parameters=best.num_parameters,
        characters_per_second=median(outcome.characters_per_second for outcome in repeats),
        epochs=median(outcome.evaluations[-1].epoch for outcome in repeats),
        bits=Estimate.of([outcome.bits for outcome in repeats]),
        line=best_line(best.best.sample),
    )
