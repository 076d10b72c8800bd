"""The training loop: steps, evaluations, the best model kept, when to stop. It never prints; it reports."""

import dataclasses
import json
import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from charlstm.analysis.evaluation import evaluation_streams, window_streams
from charlstm.atomic_files import write_atomically
from charlstm.config import ModelConfig, SamplingConfig, TrainingConfig
from charlstm.errors import TrainingError
from charlstm.generation.generate import Request, generate
from charlstm.generation.stepper import make_stepper
from charlstm.machine import environment
from charlstm.storage.checkpoint import Checkpoint
from charlstm.storage.model_file import Model
from charlstm.storage.run_folder import RunFolder
from charlstm.text.batches import Dataset, Streams, Windows
from charlstm.text.corpus import Corpus
from charlstm.text.decoding import DecodingOptions
from charlstm.text.line_starts import find_line_starts
from charlstm.text.vocabulary import Vocabulary
from charlstm.training.finetuning import grown_weights
from charlstm.training.history import Evaluation, History, Interval, Listener, Progress
from charlstm.training.interruption import Interruption
from charlstm.training.run_writer import RunWriter
from charlstm.training.schedule import CHECKPOINT_EVERY, TrainingPlan, learning_rate
from charlstm.training.train_step import Trainer

SAMPLE_LENGTH = 240
DIVERGENCE_FACTOR = 2.0  # the loss has diverged when its running mean is so many times the first loss
LOSS_SMOOTHING = 0.1  # weight of the newest loss in the running mean
MAX_ROLLBACKS = 3  # before a training that explodes is given up
BEST = "best/"  # what the names of the best weights begin with in a checkpoint


@dataclass(frozen=True)
class TrainingResult:
    """How a training ended."""

    best: Evaluation | None
    seconds: float
    done: float  # share of the plan
    stopped_early: bool  # because the patience was out
    interrupted: bool


class TrainingRun:
    """One training run: everything it needs_gradient is kept in the run folder, which must exist.

    With a checkpoint it goes on from there; with `start` it begins with that model's weights, not with random ones.
    """

    def __init__(
        self,
        corpus: Corpus,
        vocabulary: Vocabulary,
        dataset: Dataset,
        model_config: ModelConfig,
        config: TrainingConfig,
        run: RunFolder,
        *,
        reading: DecodingOptions | None = None,
        unknown: str = "skip",
        checkpoint: Checkpoint | None = None,
        start: Model | None = None,
    ) -> None:
        self.corpus, self.vocabulary, self.folder = corpus, vocabulary, run
        self.reading, self.unknown = reading or DecodingOptions(), unknown
        self.model_config, self.config = model_config, config
        self.streams: Streams | Windows
        if model_config.window:
            self.streams = Windows(dataset.training, config.batch_size, model_config.window, config.random_seed)
            self.validation_streams = window_streams(dataset.validation, model_config.window)
        else:
            self.streams = Streams(dataset.training, config.batch_size, config.sequence_length)
            self.validation_streams = evaluation_streams(dataset.validation)
        self.line_starts = find_line_starts(dataset.training, vocabulary)
        self.plan = TrainingPlan.of(config, self.streams.steps_per_epoch)
        self.learner = Trainer(model_config, config, len(vocabulary))
        self.history = History()
        self.best_weights = self.learner.network.get_named_weights()
        if start:
            self.best_weights = grown_weights(start, vocabulary, self.best_weights)
            self.learner.network.set_named_weights(self.best_weights)
        if checkpoint:
            self._restore(checkpoint)
        self._began = time.perf_counter() - self.history.seconds
        self._is_warm = False  # the first step of a process builds the graph

    def run(
        self,
        listener: Listener,
        interruption: Interruption | None = None,
        *,
        checkpoint_every: float = CHECKPOINT_EVERY,
        waits_for_room: bool = False,
    ) -> TrainingResult:
        """Train to the end of the plan, until the patience is out, or until a signal comes.

        Raises RunError if the run's files cannot be written at the start or at the end, and TrainingError if the loss
        keeps exploding.
        """
        interruption = interruption or Interruption()
        writer = RunWriter(
            self.folder,
            checkpoint_every=checkpoint_every,
            on_warning=listener.on_warning,
            waits_for_room=waits_for_room,
        )
        writer.write_initial(self.checkpoint(), self.history, self.best_model())
        self.write_config()
        while self.done < 1 and not self.patience_is_exhausted and not interruption.signal_number:
            if self.take_steps():
                listener.on_step(self.progress())
                if self.evaluation_is_due:
                    self.evaluate(listener, writer)
            else:
                self.roll_back(listener)
            if writer.checkpoint_is_due:
                writer.write_checkpoint(self.checkpoint(), self.history)
        if not interruption.signal_number:
            if self.history.stretch.steps:
                self.evaluate(listener, writer)
            self.history.finished = True
        writer.write_final(self.checkpoint(), self.history, interruption)
        if self.history.finished and self.history.best is None:
            raise self._diverged()
        return TrainingResult(
            best=self.history.best,
            seconds=self.seconds,
            done=self.done,
            stopped_early=self.done < 1 and self.patience_is_exhausted,
            interrupted=interruption.signal_number is not None,
        )

    @property
    def done(self) -> float:
        return self.done_at(self.history.step)

    def done_at(self, step: int) -> float:
        return self.plan.done(step, self.seconds + self.history.evaluation_cost)

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._began

    @property
    def epoch(self) -> float:
        return self.history.step / self.streams.steps_per_epoch

    @property
    def patience_is_exhausted(self) -> bool:
        return self.history.waiting >= self.config.patience

    @property
    def evaluation_is_due(self) -> bool:
        stretch, cost = self.history.stretch, self.history.evaluation_cost
        return self.plan.evaluation_is_due(self.history.step, since=stretch.steps, seconds=stretch.seconds, cost=cost)

    def take_steps(self) -> bool:
        """Learn from the next batches; False if the loss has exploded."""
        first, stretch = self.history.step, self.history.stretch
        count = self.plan.steps_per_call(first, since=stretch.steps, per_second=stretch.steps_per_second)
        steps = range(first, first + count)
        batches, rates = np.stack([self.streams.batch(step) for step in steps]), list(map(self.learning_rate, steps))
        begin = time.perf_counter()
        losses = self.learner.train_steps(batches, step=first, learning_rates=rates)
        seconds = (time.perf_counter() - begin) / count if self._is_warm else None
        self._is_warm = True
        return all(self.record_loss(float(nats), seconds) for nats in losses)

    def record_loss(self, nats: float, seconds: float | None) -> bool:
        """Write down the loss of a step, and the seconds it took if that is known; False if it has exploded."""
        history = self.history
        history.step += 1
        if history.first_nats is None:
            history.first_nats = history.recent_nats = nats if math.isfinite(nats) else math.log(len(self.vocabulary))
        history.recent_nats += LOSS_SMOOTHING * (nats - history.recent_nats)
        if not math.isfinite(nats) or history.recent_nats > self.divergence_threshold:
            return False
        history.stretch.add(nats, seconds)
        return True

    @property
    def divergence_threshold(self) -> float:
        """The loss, in nats, from which on a training counts as exploded."""
        return DIVERGENCE_FACTOR * max(self.history.first_nats or 0.0, math.log(len(self.vocabulary))) + 0.5

    def learning_rate(self, step: int) -> float:
        highest = self.config.learning_rate
        rate = learning_rate(self.done_at(step), highest=highest, schedule=self.config.schedule)
        return rate * self.history.learning_rate_scale

    def roll_back(self, listener: Listener) -> None:
        """Begin again from the best weights, with a fresh optimizer and half the learning rate.

        Raises TrainingError when that has been done often enough.
        """
        history = self.history
        if history.learning_rate_scale <= 0.5**MAX_ROLLBACKS:
            raise self._diverged()
        history.learning_rate_scale /= 2
        history.recent_nats = history.first_nats or 0.0
        history.stretch = Interval()
        self.learner.reset_to(self.best_weights)
        place = f"step {history.best.step:,}" if history.best else "the start"
        listener.on_warning(
            f"the loss exploded at step {history.step:,}: going on from the weights of {place} with a learning rate "
            f"of {self.config.learning_rate * history.learning_rate_scale:g}"
        )

    def progress(self) -> Progress:
        return Progress(
            done=self.done,
            step=self.history.step,
            epoch=self.epoch,
            seconds=self.seconds,
            characters_per_second=self.speed,
            train_nats=self.history.stretch.mean_nats,
        )

    @property
    def speed(self) -> float:
        return self.history.stretch.steps_per_second * self.streams.characters_per_step

    def evaluate(self, listener: Listener, writer: RunWriter) -> None:
        """Score the validation text, write a sample, and keep the model if it is the best so far."""
        begin = time.perf_counter()
        history, best = self.history, self.history.best
        scores = self.learner.evaluate(self.validation_streams)
        weights = self.learner.network.get_named_weights()
        nats = scores.nats_per_character
        if not math.isfinite(nats) or (best is None and nats > 2 * self.divergence_threshold):
            self.roll_back(listener)
            return
        voice = make_stepper(Model(self.model_config, self.vocabulary, weights, {"settings": self.config.to_json()}))
        sampled = generate(voice, Request("", SamplingConfig(length=SAMPLE_LENGTH, random_seed=history.step)))
        evaluation = Evaluation(
            step=history.step,
            epoch=self.epoch,
            seconds=self.seconds,
            train_nats=history.stretch.mean_nats,
            validation=scores,
            characters_per_second=self.speed,
            learning_rate=self.learning_rate(history.step - 1),
            sample="".join(sampled),
            is_best=best is None or nats < best.validation.nats_per_character,
        )
        history.add(evaluation)
        if evaluation.is_best:
            self.best_weights = weights
        writer.write_evaluation(history, self.best_model() if evaluation.is_best else None)
        if len(history.evaluations) > 1:  # the first also builds the graph
            history.evaluation_cost = time.perf_counter() - begin
        listener.on_evaluation(evaluation)

    def best_model(self) -> Model | None:
        """The best model so far, with what its file says of its training."""
        best = self.history.best
        if best is None:
            return None
        facts = {
            "text": self.corpus.name,
            "text_characters": len(self.corpus),
            "text_sha256": self.corpus.digest,
            "settings": self.config.to_json(),
            "step": best.step,
            "epoch": best.epoch,
            "train_nats": best.train_nats,
            "validation": best.validation.to_json(),
            "openings": self.line_starts,
        }
        return Model(self.model_config, self.vocabulary, self.best_weights, facts)

    def checkpoint(self) -> Checkpoint:
        """Everything that is needed to go on from here, in this process or in another."""
        self.history.seconds = self.seconds
        best = {BEST + name: weight for name, weight in self.best_weights.items()}
        facts = self.settings() | {"history": self.history.to_json(), "environment": environment()}
        return Checkpoint(self.learner.arrays() | best, facts)

    def settings(self) -> dict[str, Any]:
        """What the run is, in JSON: its text, its alphabet, all its settings."""
        return {
            "text": {
                "name": self.corpus.name,
                "sources": self.corpus.sources,
                "reading": self.reading.to_json(),
                "unknown": self.unknown,
                "characters": len(self.corpus),
                "sha256": self.corpus.digest,
            },
            "vocabulary": self.vocabulary.to_json(),
            "model": self.model_config.to_json(),
            "training": self.config.to_json(),
        }

    def write_config(self) -> None:
        write_atomically(self.folder.config, (json.dumps(self.settings(), indent=2) + "\n").encode())

    def _restore(self, checkpoint: Checkpoint) -> None:
        self.history = History.from_json(checkpoint.metadata["history"])
        self.learner.restore({name: a for name, a in checkpoint.arrays.items() if not name.startswith(BEST)})
        self.best_weights = {name: checkpoint.arrays[BEST + name] for name in self.best_weights}
        before = TrainingConfig.from_json(checkpoint.metadata["training"])
        if self.config != dataclasses.replace(before, evaluate_every=self.config.evaluate_every):
            self.history.finished, self.history.waiting = False, 0

    def _diverged(self) -> TrainingError:
        best = self.history.best
        kept = f"; the best model, of step {best.step:,}, is kept: {self.folder.model}" if best else ""
        return TrainingError(
            f"the training diverged: its loss exploded {MAX_ROLLBACKS + 1} times{kept}",
            hint=f"train with a lower `learning_rate`: it was {self.config.learning_rate:g}",
        )
