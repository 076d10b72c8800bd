"""The training loop: steps, evaluations, the best model kept, when to stop. It never prints; it reports."""

import json
import math
import time
from dataclasses import dataclass
from typing import Any, Protocol

from charlstm.batching import Dataset, Streams
from charlstm.checkpoint import save_checkpoint
from charlstm.config import ModelConfig, SamplingConfig, TrainingConfig
from charlstm.corpus import Corpus
from charlstm.errors import CharLSTMError
from charlstm.evaluation import Scores, evaluation_streams
from charlstm.generation import generate
from charlstm.learner import Learner
from charlstm.modelfile import Model, save_model
from charlstm.runfolder import RunFolder, write_atomically
from charlstm.schedule import Plan, learning_rate
from charlstm.vocabulary import Vocabulary

SAMPLE_LENGTH = 240


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

    def to_json(self) -> dict[str, float]:
        return {
            "step": self.step,
            "epoch": round(self.epoch, 4),
            "seconds": round(self.seconds, 3),
            "train_nats": self.train_nats,
            "validation_nats": self.validation.nats_per_character,
            "characters_per_second": round(self.characters_per_second, 1),
            "learning_rate": self.learning_rate,
        }


class Listener(Protocol):
    """Whoever wants to know how a training goes."""

    def on_step(self, progress: Progress) -> None: ...
    def on_evaluation(self, evaluation: Evaluation) -> None: ...


@dataclass(frozen=True)
class TrainingResult:
    """How a training ended."""

    best: Evaluation
    seconds: float
    stopped_early: bool


@dataclass
class Stretch:
    """The training steps since the last evaluation."""

    steps: int = 0
    nats: float = 0.0
    seconds: float = 0.0  # of the steps that were timed: the first builds the graph, and is not
    timed_steps: int = 0

    def add(self, nats: float, seconds: float | None) -> None:
        self.steps, self.nats = self.steps + 1, self.nats + nats
        if seconds is not None:
            self.timed_steps, self.seconds = self.timed_steps + 1, self.seconds + seconds

    @property
    def steps_per_second(self) -> float:
        return self.timed_steps / self.seconds if self.seconds else 0.0


class Training:
    """One training run: everything it learns is kept in the run folder, which must exist.

    Raises RunError if the folder cannot be written.
    """

    def __init__(
        self,
        corpus: Corpus,
        vocabulary: Vocabulary,
        dataset: Dataset,
        model_config: ModelConfig,
        config: TrainingConfig,
        run: RunFolder,
    ) -> None:
        self.corpus, self.vocabulary, self.run = corpus, vocabulary, run
        self.model_config, self.config = model_config, config
        self.streams = Streams(dataset.training, config.batch_size, config.sequence_length)
        self.validation_streams = evaluation_streams(dataset.validation)
        self.plan = Plan.of(config, self.streams.steps_per_epoch)
        self.learner = Learner(model_config, config, len(vocabulary))
        self.history: list[Evaluation] = []
        self.samples: list[str] = []
        self.best: Evaluation | None = None
        self.step = 0
        self.evaluation_cost = 0.0  # seconds that the last evaluation took; kept back for the one at the end

    def go(self, listener: Listener) -> TrainingResult:
        """Train to the end of the plan, or until the patience is out."""
        self.write_config()
        self.start = time.perf_counter()
        stretch = Stretch()
        while (done := self.done) < 1 and not self.patience_is_out:
            self.take_step(done, stretch)
            listener.on_step(self.progress(stretch))
            if self.plan.evaluation_is_due(stretch.steps, stretch.seconds, self.evaluation_cost):
                listener.on_evaluation(self.evaluate(done, stretch))
                stretch = Stretch()
        if stretch.steps:
            listener.on_evaluation(self.evaluate(done, stretch))
        if self.best is None:
            raise CharLSTMError("training diverged: no loss was finite", hint="try a lower --learning-rate")
        return TrainingResult(best=self.best, seconds=self.seconds, stopped_early=done < 1 and self.patience_is_out)

    @property
    def done(self) -> float:
        return self.plan.done(self.step, self.seconds + self.evaluation_cost)

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.start

    @property
    def epoch(self) -> float:
        return self.step / self.streams.steps_per_epoch

    @property
    def patience_is_out(self) -> bool:
        since_best = 0 if self.best is None else len(self.history) - 1 - self.history.index(self.best)
        return since_best >= self.config.patience

    def take_step(self, done: float, stretch: Stretch) -> None:
        batch = self.streams.batch(self.step)
        begin = time.perf_counter()
        rate = learning_rate(done, highest=self.config.learning_rate)
        nats = self.learner.train_step(batch, step=self.step, learning_rate=rate)
        stretch.add(nats, time.perf_counter() - begin if self.step else None)
        self.step += 1

    def progress(self, stretch: Stretch) -> Progress:
        return Progress(
            done=self.done,
            step=self.step,
            epoch=self.epoch,
            seconds=self.seconds,
            characters_per_second=self.speed(stretch),
            train_nats=stretch.nats / stretch.steps,
        )

    def speed(self, stretch: Stretch) -> float:
        return stretch.steps_per_second * self.streams.characters_per_step

    def evaluate(self, done: float, stretch: Stretch) -> Evaluation:
        """Score the validation text, write a sample, and keep everything that is worth keeping."""
        begin = time.perf_counter()
        scores = self.learner.evaluate(self.validation_streams)
        model = Model(self.model_config, self.vocabulary, self.learner.network.get_named_weights(), {})
        nats = scores.nats_per_character
        is_best = math.isfinite(nats) and (self.best is None or nats < self.best.validation.nats_per_character)
        evaluation = Evaluation(
            step=self.step,
            epoch=self.epoch,
            seconds=self.seconds,
            train_nats=stretch.nats / stretch.steps,
            validation=scores,
            characters_per_second=self.speed(stretch),
            learning_rate=learning_rate(done, highest=self.config.learning_rate),
            sample="".join(generate(model, "", SamplingConfig(length=SAMPLE_LENGTH, random_seed=self.step))),
            is_best=is_best,
        )
        self.history.append(evaluation)
        if is_best:
            self.best = evaluation
        self.keep(evaluation, model)
        if len(self.history) > 1:  # the first also builds the graph
            self.evaluation_cost = time.perf_counter() - begin
        return evaluation

    def keep(self, evaluation: Evaluation, model: Model) -> None:
        """Write the run folder's files; the model only if it is the best so far."""
        if evaluation.is_best:
            save_model(self.run.model, Model(model.config, model.vocabulary, model.weights, self.facts(evaluation)))
        save_checkpoint(self.run, self.learner.arrays(), {"step": self.step})
        self.samples.append(f"--- step {evaluation.step}, epoch {evaluation.epoch:.2f} ---\n{evaluation.sample}\n")
        write_atomically(self.run.samples, "\n".join(self.samples).encode())
        lines = [json.dumps(entry.to_json()) + "\n" for entry in self.history]
        write_atomically(self.run.history, "".join(lines).encode())

    def facts(self, evaluation: Evaluation) -> dict[str, Any]:
        """What the model file says of its training."""
        return {
            "text": self.corpus.name,
            "text_characters": len(self.corpus.text),
            "text_sha256": self.corpus.digest,
            "settings": self.config.to_json(),
            "step": evaluation.step,
            "epoch": evaluation.epoch,
            "train_nats": evaluation.train_nats,
            "validation": evaluation.validation.to_json(),
        }

    def write_config(self) -> None:
        settings = {
            "text": {
                "name": self.corpus.name,
                "sources": self.corpus.sources,
                "characters": len(self.corpus.text),
                "sha256": self.corpus.digest,
            },
            "vocabulary": {"size": len(self.vocabulary), "lowercase": self.vocabulary.lowercase},
            "model": self.model_config.to_json(),
            "training": self.config.to_json(),
        }
        write_atomically(self.run.config, (json.dumps(settings, indent=2) + "\n").encode())
