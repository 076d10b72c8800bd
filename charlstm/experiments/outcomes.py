"""Networks of different cells beside each other: the same number of parameters, and the same time or characters."""

from dataclasses import dataclass, replace
from statistics import mean, median
from typing import Any

from charlstm.analysis.evaluation import nats_to_bits
from charlstm.cells.shapes import num_parameters
from charlstm.config import ModelConfig
from charlstm.errors import SettingError
from charlstm.training.history import Evaluation, History

CLOSE = 0.02  # the share by which numbers of parameters may differ
MOST_UNITS = 16_384
LONGEST_LINE = 60  # characters of a sample's line that is shown


def match_parameter_count(config: ModelConfig, cell: str, vocabulary_size: int) -> ModelConfig:
    """The same network of another cell, with as many units as give the nearest number of parameters.

    Raises SettingError if none comes within 2 %.
    """
    wanted = num_parameters(config, vocabulary_size)

    def size(units: int) -> int:
        return num_parameters(replace(config, cell=cell, units=units), vocabulary_size)

    low, high = 1, MOST_UNITS
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if size(middle) < wanted else (low, middle)
    units = min((units for units in (low - 1, low) if units), key=lambda units: abs(size(units) - wanted))
    if abs(size(units) - wanted) > CLOSE * wanted:
        raise SettingError(
            f"no {cell} network comes within {CLOSE:.0%} of {wanted:,} parameters: {units} units have {size(units):,}",
            hint="give more `units`",
        )
    return replace(config, cell=cell, units=units)


@dataclass(frozen=True)
class Outcome:
    """How one training of one cell came out."""

    cell: str
    repeat: int
    config: ModelConfig
    parameters: int
    characters_per_epoch: int
    evaluations: list[Evaluation]

    @classmethod
    def of(
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
    def speed(self) -> float:
        """Characters a second, the median over evaluations."""
        return median(evaluation.characters_per_second for evaluation in self.evaluations)

    @property
    def curve(self) -> list[tuple[float, float, float]]:
        """Seconds, characters read, and validation bits per character at each evaluation."""
        return [
            (e.seconds, e.epoch * self.characters_per_epoch, nats_to_bits(e.validation.nats_per_character))
            for e in self.evaluations
        ]

    def to_json(self) -> dict[str, Any]:
        return {
            "cell": self.cell,
            "repeat": self.repeat,
            "units": self.config.units,
            "layers": self.config.num_layers,
            "parameters": self.parameters,
            "characters_per_second": round(self.speed, 1),
            "validation_bits": self.bits,
            "validation_nats": self.best.validation.nats_per_character,
            "seconds": round(self.evaluations[-1].seconds, 1),
            "epochs": round(self.evaluations[-1].epoch, 3),
            "line": best_line(self.best.sample),
        }


@dataclass(frozen=True)
class Summary:
    """All repeats of one cell."""

    cell: str
    units: int
    parameters: int
    characters_per_second: float
    bits: float  # the mean over repeats
    spread: float  # half the way from the lowest to the highest
    repeats: int
    line: str

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))


def summaries(outcomes: list[Outcome]) -> list[Summary]:
    """One for each cell, the best first."""
    found = []
    for cell in dict.fromkeys(outcome.cell for outcome in outcomes):
        own = [outcome for outcome in outcomes if outcome.cell == cell]
        bits = [outcome.bits for outcome in own]
        found.append(
            Summary(
                cell=cell,
                units=own[0].config.units,
                parameters=own[0].parameters,
                characters_per_second=median(outcome.speed for outcome in own),
                bits=mean(bits),
                spread=(max(bits) - min(bits)) / 2,
                repeats=len(own),
                line=best_line(min(own, key=lambda outcome: outcome.bits).best.sample),
            )
        )
    return sorted(found, key=lambda summary: summary.bits)


def best_line(sample: str) -> str:
    """The longest whole line of a sample that is short enough to be shown."""
    lines = [line.strip() for line in sample.split("\n")[:-1]] or [sample[:LONGEST_LINE]]
    short = [line for line in lines if len(line) <= LONGEST_LINE] or [lines[0][:LONGEST_LINE]]
    return max(short, key=len)
