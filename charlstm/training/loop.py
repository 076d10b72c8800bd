"""The training loop: steps, evaluations, the best model, early stopping. It never prints; it reports."""

import contextlib
import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charlstm.config import ModelConfig, TrainingConfig
from charlstm.errors import RunError
from charlstm.storage.checkpoint import Checkpoint
from charlstm.storage.model_file import Model
from charlstm.storage.run_folder import RunFolder
from charlstm.storage.run_origin import RunOrigin
from charlstm.training import snapshots
from charlstm.training.clock import TrainingClock
from charlstm.training.divergence import describe_rollback, divergence_error, keeps_diverging
from charlstm.training.evaluator import Evaluator
from charlstm.training.finetuning import extend_weights
from charlstm.training.history import History, Interval, Progress
from charlstm.training.interruption import Interruption
from charlstm.training.leading import LeadingTrainer, check_shards
from charlstm.training.learner import Learner
from charlstm.training.logs.logged_run import LoggedRun
from charlstm.training.logs.logging_reporter import LoggingReporter
from charlstm.training.networks import Networks
from charlstm.training.pace import Pace
from charlstm.training.reporting import TrainingReporter, TrainingResult
from charlstm.training.run_writer import RunWriter
from charlstm.training.schedule import CHECKPOINT_EVERY, TrainingPlan
from charlstm.training.teacher_checks import check_teachers
from charlstm.training.train_step import Trainer
from charlstm.training.training_data import TrainingData

if TYPE_CHECKING:
    from charlstm.training.workers import Workers


class TrainingRun:
    """One training run, saved in a run folder that must exist.

    It starts from random weights, from those of the model `start_from`, or exactly where `checkpoint` was made.
    """

    def __init__(
        self,
        data: TrainingData,
        model_config: ModelConfig,
        config: TrainingConfig,
        folder: RunFolder,
        *,
        checkpoint: Checkpoint | None = None,
        start_from: Model | None = None,
        origin: RunOrigin | None = None,
        workers: "Workers | None" = None,
    ) -> None:
        """Make the network. With other workers, which this process leads, they make it too."""
        self.data, self.model_config, self.config, self.folder = data, model_config, config, folder
        self.streams = data.training_streams(model_config, config)
        self.plan = TrainingPlan.from_config(config, self.streams.steps_per_epoch)
        self.trainer: Trainer | LeadingTrainer = Trainer(model_config, config, len(data.vocabulary), workers=workers)
        self.history = History()
        self.origin: RunOrigin | None = origin or RunOrigin.now()
        self.best_weights = self.trainer.network.get_named_weights()
        if start_from:
            self.best_weights = extend_weights(start_from, data.vocabulary, self.best_weights)
            self.trainer.network.set_named_weights(self.best_weights)
        self._networks = Networks(model_config, config, data.vocabulary, self.best_weights)
        if checkpoint:
            self._restore(checkpoint)
        if config.teachers:
            check_teachers(model_config.to_json(), len(data.dataset.training) * len(data.vocabulary), workers)
        if workers:
            check_shards(len(workers), config)
            self.trainer = LeadingTrainer(self.trainer, workers, self._settings())
        self._clock = TrainingClock(self.history.seconds)
        self._pace = Pace(self.plan, config, self.history, self._clock)
        self._learner = Learner(
            self.trainer, self.streams, self.history, self._clock, vocabulary_size=len(data.vocabulary)
        )
        validation_streams, configs = data.validation_streams(model_config), (model_config, config)
        self._has_evaluated = False
        self._evaluator = Evaluator(self.trainer, validation_streams, self.history, data.vocabulary, configs)

    def run(
        self,
        reporter: TrainingReporter,
        interruption: Interruption | None = None,
        *,
        checkpoint_every: float = CHECKPOINT_EVERY,
        waits_for_space: bool = False,
        logs: Sequence[str] = (),
        log_folder: Path | None = None,
    ) -> TrainingResult:
        """Train to the end of the plan, until patience runs out, or until a signal comes.

        With `waits_for_space` it waits as long as a full disk has no space for its last files. `logs` are names of
        LOGS; trackers put their files into `log_folder`, by default one in the run folder. Raises RunError if
        files cannot be written at the start or at the end, and TrainingError if the loss keeps diverging or the run
        folder has been removed.
        """
        interruption = interruption or Interruption()
        writer = RunWriter(
            self.folder,
            checkpoint_every=checkpoint_every,
            on_warning=reporter.on_warning,
            waits_for_space=waits_for_space,
        )
        writer.write_initial(self.checkpoint(), self.history, self.best_model())
        snapshots.save_settings(self.folder, self._settings(), finished=False)
        logged_run = LoggedRun.from_settings(self._settings(), self.folder, store=log_folder)
        with LoggingReporter(reporter, logged_run, logs, self.history) as reporter:
            if self.config.teachers and self._pace.is_last_network and not self._network_is_done:
                self._teach_student(reporter, interruption)
            with self._clock:
                self._train(reporter, interruption, writer)
        writer.write_final(self.checkpoint(), self.history, interruption)
        with contextlib.suppress(RunError):  # everything that counts has just been written
            snapshots.save_settings(self.folder, self._settings(), finished=self.history.finished)
        if self.history.finished and self.history.best is None:
            raise divergence_error(self.history, self.folder.model, self.config.learning_rate)
        return TrainingResult(
            folder=self.folder,
            best=self.history.best,
            seconds=self.seconds,
            fraction_done=self.fraction_done,
            stopped_early=self.fraction_done < 1 and self.patience_is_exhausted,
            signal_number=interruption.signal_number,
            history=tuple(self.history.evaluations),
            model=self.best_model(),
        )

    @property
    def fraction_done(self) -> float:
        return self._pace.fraction_done

    @property
    def seconds(self) -> float:
        """Seconds of training and evaluation so far, over all processes."""
        return self._clock.seconds

    @property
    def epoch(self) -> float:
        return self.history.step / self.streams.steps_per_epoch

    @property
    def patience_is_exhausted(self) -> bool:
        return self.history.evaluations_since_best >= self.config.patience

    @property
    def _network_is_done(self) -> bool:
        is_given_up = keeps_diverging(self.history) and not self._pace.is_last_network
        return self._pace.network_is_done or self.patience_is_exhausted or is_given_up

    @property
    def uniform_nats(self) -> float:
        """The loss of a network that finds all characters equally probable."""
        return math.log(len(self.data.vocabulary))

    @property
    def _characters_per_second(self) -> float:
        return self.history.interval.steps_per_second * self.streams.characters_per_step

    def take_steps(self) -> bool:
        """Train on the next batches; return False if the loss has diverged."""
        return self._learner.take_steps(self._pace, uniform_nats=self.uniform_nats)

    def roll_back(self, reporter: TrainingReporter) -> None:
        """Go back to the best weights of this network, with a new optimizer and half the learning rate.

        If it has been done MAX_ROLLBACKS times, the training of a teacher ends, and any other raises TrainingError.
        """
        history = self.history
        history.learning_rate_scale /= 2
        if keeps_diverging(history) and self._pace.is_last_network:
            raise divergence_error(self.history, self.folder.model, self.config.learning_rate)
        history.recent_nats = history.first_nats or 0.0
        history.interval, history.logit_scale = Interval(), 1.0  # the best weights are calibrated
        self.trainer.restart_from(self._networks.current)
        reporter.on_warning(describe_rollback(history, self._pace.peak_learning_rate))

    def evaluate(self, reporter: TrainingReporter, writer: RunWriter) -> None:
        """Score the validation text, generate a sample, and save the model if it is the best so far."""
        reporter.on_evaluation_start()
        start = self.seconds
        history = self.history
        learning_rate = self._pace.learning_rate(history.step - 1)
        evaluated = self._evaluator.evaluate(
            self._progress, learning_rate=learning_rate, uniform_nats=self.uniform_nats
        )
        is_first, self._has_evaluated = not self._has_evaluated, True  # of this process: it also builds the graph
        if evaluated is None:
            self.roll_back(reporter)
            return
        evaluation, weights = evaluated
        history.add(evaluation)
        if evaluation.is_best:
            self.best_weights = weights
        if evaluation is history.best_of_network:
            self._networks.keep_best(weights)
        writer.write_evaluation(history, self.best_model() if evaluation.is_best else None)
        if not is_first:
            history.evaluation_cost = self.seconds - start
        reporter.on_evaluation(evaluation)

    def best_model(self) -> Model | None:
        """Return the best model so far, with its metadata."""
        best = self.history.best
        if best is None:
            return None
        return snapshots.make_model(self.data, self.model_config, self.config, self.best_weights, best)

    def checkpoint(self) -> Checkpoint:
        """Return everything that is needed to continue from here."""
        self.history.seconds = self.seconds
        return snapshots.make_checkpoint(
            self._settings(), self.history, self.trainer.arrays(), self.best_weights, self._networks.to_checkpoint()
        )

    def _settings(self) -> dict[str, Any]:
        return snapshots.run_settings(self.data, self.model_config, self.config, self.origin)

    def _train(self, reporter: TrainingReporter, interruption: Interruption, writer: RunWriter) -> None:
        """Train one network after the other."""
        while not self.history.finished:
            self._train_network(reporter, interruption, writer)
            if interruption.signal_number:
                return
            if self.history.interval.steps:
                self.evaluate(reporter, writer)
            if self._pace.is_last_network or self.fraction_done >= 1:  # a plan can have become shorter
                self.history.finished = True
            else:
                self._begin_next_network(reporter, interruption, writer)

    def _train_network(self, reporter: TrainingReporter, interruption: Interruption, writer: RunWriter) -> None:
        """Train a network to the end of its part of the plan, until patience runs out, or until a signal comes."""
        while not (self._network_is_done or interruption.signal_number):
            if self.take_steps():
                reporter.on_step(self._progress())
                if self._pace.evaluation_is_due:
                    self.evaluate(reporter, writer)
            else:
                self.roll_back(reporter)
            if writer.checkpoint_is_due:
                writer.write_checkpoint(self.checkpoint(), self.history)

    def _progress(self) -> Progress:
        return Progress(
            fraction_done=self.fraction_done,
            step=self.history.step,
            epoch=self.epoch,
            seconds=self.seconds,
            characters_per_second=self._characters_per_second,
            train_nats=self.history.recent_train_nats,
            network=self.history.network,
            num_networks=self.config.teachers + 1,
        )

    def _begin_next_network(self, reporter: TrainingReporter, interruption: Interruption, writer: RunWriter) -> None:
        """Let the next network begin; the last one learns from those before, which first generate text and predict."""
        history, done = self.history, self.fraction_done
        if history.best is None and history.network == self.config.teachers:  # none of them has learned anything
            raise divergence_error(history, self.folder.model, self.config.learning_rate)
        num_read = history.step * self.streams.characters_per_step * (1 - done) / done
        self.trainer.restart_from(self._networks.begin_next(history.evaluated_networks))
        history.seconds = self.seconds
        history.begin_network()
        if self._pace.is_last_network:
            self._learner.plan_lesson(num_read, num_teachers=len(history.evaluated_networks))
            writer.write_checkpoint(self.checkpoint(), history)
            self._teach_student(reporter, interruption)
            history.network_seconds = self.seconds

    def _teach_student(self, reporter: TrainingReporter, interruption: Interruption) -> None:
        """Let the teachers generate and predict what the network learns from now on, unless a signal comes."""

        def proceed() -> bool:
            reporter.on_step(dataclasses.replace(self._progress(), teachers_generate=True))
            return interruption.signal_number is None

        teachers = self._networks.teachers(self.history.evaluated_networks)
        self._learner.learn_from(teachers, random_seed=self.config.random_seed, proceed=proceed)

    def _restore(self, checkpoint: Checkpoint) -> None:
        """Continue from a checkpoint; a plan that has changed since also restarts the count of patience."""
        self.history = History.from_json(checkpoint.metadata["history"])
        trainer_arrays, self.best_weights, networks = snapshots.checkpoint_arrays(checkpoint)
        self._networks.restore(networks or [self.best_weights])
        self.trainer.restore(trainer_arrays)
        config_then = TrainingConfig.from_json(checkpoint.metadata["training"])
        if self.config != dataclasses.replace(config_then, evaluate_every=self.config.evaluate_every):
            self.history.finished, self.history.evaluations_since_best = False, 0
        self.origin = snapshots.origin_of(checkpoint, self.data, self.config)
