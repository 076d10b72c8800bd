"""What a training reports and remembers: its progress, its evaluations, and when it has stopped getting better."""

from dataclasses import asdict, dataclass, field
from typing import Any, Protocol, Self

from charlstm.analysis.evaluation import Scores


@dataclass(frozen=True)
class Progress:
    """Where a training stands."""

    done: float  # share of the plan, 0 to 1
    step: int
    epoch: float
    seconds: float
    characters_per_second: float
    train_nats: float  # mean since the last evaluation


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found."""

    step: int
    epoch: float
    seconds: float
    train_nats: float  # mean since the last evaluation, with dropout
    validation: Scores
    characters_per_second: float  # over the training steps since the last evaluation
    learning_rate: float
    sample: str
    is_best: bool

    def to_line(self) -> dict[str, float]:
        """What stands in the history of a run."""
        return {
            "step": self.step,
            "epoch": round(self.epoch, 4),
            "seconds": round(self.seconds, 3),
            "train_nats": self.train_nats,
            "validation_nats": self.validation.nats_per_character,
            "characters_per_second": round(self.characters_per_second, 1),
            "learning_rate": self.learning_rate,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The inverse of dataclasses.asdict."""
        return cls(**{**values, "validation": Scores(**values["validation"])})


class Listener(Protocol):
    """Whoever wants to know how a training goes."""

    def on_step(self, progress: Progress) -> None: ...
    def on_evaluation(self, evaluation: Evaluation) -> None: ...
    def on_warning(self, message: str) -> None: ...


@dataclass
class Interval:
    """The training steps since the last evaluation."""

    steps: int = 0
    nats: float = 0.0
    seconds: float = 0.0  # of the steps that were timed: the first of a process builds the graph, and is not
    timed_steps: int = 0

    def add(self, nats: float, seconds: float | None) -> None:
        self.steps, self.nats = self.steps + 1, self.nats + nats
        if seconds is not None:
            self.timed_steps, self.seconds = self.timed_steps + 1, self.seconds + seconds

    @property
    def mean_nats(self) -> float:
        return self.nats / self.steps

    @property
    def steps_per_second(self) -> float:
        return self.timed_steps / self.seconds if self.seconds else 0.0


@dataclass
class History:
    """All that a training remembers beside its weights; it goes through JSON unchanged."""

    step: int = 0
    seconds: float = 0.0  # of training and evaluation, over all processes
    stretch: Interval = field(default_factory=Interval)
    evaluations: list[Evaluation] = field(default_factory=list)
    waiting: int = 0  # evaluations since the best, or since the plan was made longer
    evaluation_cost: float = 0.0  # seconds that the last evaluation took; kept back for the one at the end
    learning_rate_scale: float = 1.0  # of the learning rate: halved when the loss exploded
    first_nats: float | None = None  # loss of the first step
    recent_nats: float = 0.0  # running mean of the loss
    finished: bool = False

    def add(self, evaluation: Evaluation) -> None:
        self.evaluations.append(evaluation)
        self.waiting = 0 if evaluation.is_best else self.waiting + 1
        self.stretch = Interval()

    @property
    def best(self) -> Evaluation | None:
        return next((evaluation for evaluation in reversed(self.evaluations) if evaluation.is_best), None)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        evaluations = [Evaluation.from_json(evaluation) for evaluation in values["evaluations"]]
        return cls(**{**values, "stretch": Interval(**values["stretch"]), "evaluations": evaluations})
