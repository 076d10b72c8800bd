"""The record of a training run: its progress, its evaluations, and how long ago it last improved.

A history goes through JSON unchanged. Its keys on disk are fixed, so that older checkpoints can be read; where a field
has another name than its key, `to_json` and `from_json` map one to the other.
"""

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from charlstm.analysis.evaluation import Scores
from charlstm.errors import SettingError, shown
from charlstm.json_objects import check_is_object, has_type, object_from_json

RENAMED_KEYS = {  # field to key on disk
    "interval": "stretch",
    "evaluations_since_best": "waiting",
    "learning_rate_scale": "rate_scale",
}


@dataclass(frozen=True)
class Progress:
    """How far a run has come."""

    fraction_done: float  # of the plan
    step: int
    epoch: float
    seconds: float
    characters_per_second: float
    train_nats: float  # mean since the last evaluation
    network: int = 1  # which of them is trained: the teachers come first
    num_networks: int = 1
    teachers_generate: bool = False  # the student has not begun: its teachers generate text and predict it


@dataclass(frozen=True)
class Evaluation:
    """The result of one evaluation on the validation text."""

    step: int
    epoch: float
    seconds: float
    train_nats: float  # mean since the last evaluation, with dropout
    validation: Scores
    characters_per_second: float  # over the training steps since the last evaluation
    learning_rate: float
    sample: str
    is_best: bool
    gradient_norm: float | None = None  # mean since the last evaluation, before clipping; None: not known, or infinite
    logit_scale: float = 1.0  # that the logits were multiplied by
    network: int = 1  # which of the networks of a run with teachers

    def to_line(self) -> dict[str, float | None]:
        """Return the figures that one line of history.jsonl holds."""
        return {
            "step": self.step,
            "epoch": round(self.epoch, 4),
            "seconds": round(self.seconds, 3),
            "train_nats": self.train_nats,
            "validation_nats": self.validation.nats_per_character,
            "characters_per_second": round(self.characters_per_second, 1),
            "learning_rate": self.learning_rate,
            "gradient_norm": self.gradient_norm,
            "logit_scale": round(self.logit_scale, 6),
            "network": self.network,
        }

    def to_json(self) -> dict[str, Any]:
        """Return everything, as checkpoints hold it."""
        scores = self.validation
        counts = {"nats": scores.nats, "correct": scores.correct, "characters": scores.characters}
        return vars(self) | {"validation": counts}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read what `to_json` returned. Raises SettingError for anything else."""
        scores = object_from_json(Scores, values.get("validation"))
        return object_from_json(cls, values | {"validation": scores})


@dataclass
class Interval:
    """The training steps since the last evaluation."""

    steps: int = 0
    nats: float = 0.0
    seconds: float = 0.0  # of the timed steps only
    timed_steps: int = 0  # all but the first of a process, which builds the graph
    gradient_norms: float | None = 0.0  # their sum; None: one of them is not known, or infinite

    def add(self, nats: float, seconds: float | None, gradient_norm: float) -> None:
        self.steps, self.nats = self.steps + 1, self.nats + nats
        if self.gradient_norms is not None:
            total = self.gradient_norms + gradient_norm
            self.gradient_norms = total if math.isfinite(total) else None
        if seconds is not None:
            self.timed_steps, self.seconds = self.timed_steps + 1, self.seconds + seconds

    @property
    def mean_nats(self) -> float:
        return self.nats / self.steps

    @property
    def mean_gradient_norm(self) -> float | None:
        return None if self.gradient_norms is None else self.gradient_norms / self.steps

    @property
    def steps_per_second(self) -> float:
        return self.timed_steps / self.seconds if self.seconds else 0.0


@dataclass
class History:
    """The state of a run, apart from its arrays."""

    step: int = 0
    seconds: float = 0.0  # of training and evaluation, over all processes
    interval: Interval = field(default_factory=Interval)
    evaluations: list[Evaluation] = field(default_factory=list)
    evaluations_since_best: int = 0  # of this network; counted again from zero when the plan is changed
    network: int = 1  # that is trained; teachers come first
    network_step: int = 0  # where its training began
    network_seconds: float = 0.0
    num_taught: int | None = None  # characters of the training text that teachers predict for the student; None: all
    num_generated: int = 0  # characters that they generate and predict
    evaluation_cost: float = 0.0  # seconds of the last evaluation; reserved for the one at the end
    learning_rate_scale: float = 1.0  # factor of the learning rate: halved whenever the loss diverged
    logit_scale: float = 1.0  # of the next evaluation, see training/calibration.py
    first_nats: float | None = None  # loss of the first step
    recent_nats: float = 0.0  # running mean of the loss
    finished: bool = False

    def add(self, evaluation: Evaluation) -> None:
        """Append an evaluation and start the next interval."""
        self.evaluations.append(evaluation)
        self.evaluations_since_best = 0 if evaluation is self.best_of_network else self.evaluations_since_best + 1
        self.interval = Interval()

    def begin_network(self) -> None:
        """Start the next network, with its own losses, patience, learning rate and factor of the logits."""
        self.network, self.network_step, self.network_seconds = self.network + 1, self.step, self.seconds
        self.recent_nats, self.logit_scale, self.interval = self.first_nats or 0.0, 1.0, Interval()
        self.evaluations_since_best, self.learning_rate_scale = 0, 1.0

    @property
    def recent_train_nats(self) -> float:
        """The mean loss since the last evaluation, or until it if no step has been taken since; NaN without any."""
        if self.interval.steps:
            return self.interval.mean_nats
        return self.evaluations[-1].train_nats if self.evaluations else math.nan

    @property
    def best(self) -> Evaluation | None:
        return next((evaluation for evaluation in reversed(self.evaluations) if evaluation.is_best), None)

    @property
    def best_of_network(self) -> Evaluation | None:
        """The first evaluation with the lowest loss of the network that is trained."""
        own = [evaluation for evaluation in self.evaluations if evaluation.network == self.network]
        return min(own, key=lambda evaluation: evaluation.validation.nats_per_character, default=None)

    @property
    def evaluated_networks(self) -> set[int]:
        return {evaluation.network for evaluation in self.evaluations}

    def to_json(self) -> dict[str, Any]:
        values = vars(self) | {
            "interval": asdict(self.interval),
            "evaluations": [evaluation.to_json() for evaluation in self.evaluations],
        }
        return {RENAMED_KEYS.get(name, name): value for name, value in values.items()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read what `to_json` returned, in this version or an earlier one. Raises SettingError for anything else."""
        check_is_object(values)
        names = {key: name for name, key in RENAMED_KEYS.items()}
        fields = {names.get(key, key): value for key, value in values.items()}
        fields["interval"] = _interval_from_json(fields.get("interval"))
        evaluations = fields.get("evaluations")
        if not has_type(evaluations, list[dict[str, Any]]):
            raise SettingError(f"the evaluations are {shown(evaluations)}, but they must be a list of objects")
        fields["evaluations"] = [Evaluation.from_json(evaluation) for evaluation in fields["evaluations"]]
        return object_from_json(cls, fields)


def _interval_from_json(values: Any) -> Interval:
    """Read an interval of this version, or of an earlier one, which did not sum norms of gradients."""
    check_is_object(values)
    return object_from_json(Interval, {"gradient_norms": None, **values})
