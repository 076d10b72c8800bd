"""Evaluate the network that a run trains: score the validation text, and let it generate a sample."""

import math
from collections.abc import Callable

from charlstm.analysis.evaluation_streams import EvaluationStreams
from charlstm.config import ModelConfig, SamplingConfig, TrainingConfig
from charlstm.generation.generate import Request, generate
from charlstm.generation.stepper import make_stepper
from charlstm.storage.model_file import Model, NamedWeights
from charlstm.text.vocabulary import Vocabulary
from charlstm.training.calibration import next_logit_scale, scale_logits
from charlstm.training.divergence import divergence_threshold
from charlstm.training.history import Evaluation, History, Progress
from charlstm.training.leading import LeadingTrainer
from charlstm.training.train_step import Trainer

SAMPLE_LENGTH = 240  # characters


class Evaluator:
    """Evaluates what a trainer trains, with the factor of the logits that the history has."""

    def __init__(
        self,
        trainer: Trainer | LeadingTrainer,
        streams: EvaluationStreams,
        history: History,
        vocabulary: Vocabulary,
        configs: tuple[ModelConfig, TrainingConfig],
    ) -> None:
        """`streams` are those of the validation text."""
        self._trainer, self._streams, self._history, self._vocabulary = trainer, streams, history, vocabulary
        self._model_config, self._config = configs

    def evaluate(
        self, progress_now: Callable[[], Progress], *, learning_rate: float, uniform_nats: float
    ) -> tuple[Evaluation, NamedWeights] | None:
        """Return an evaluation and the weights that it is of, their logits calibrated; None if the loss has diverged.

        `progress_now` is called when the text has been scored, so that its seconds count. `uniform_nats` is the loss of
        a network that finds all characters equally probable.
        """
        history, best = self._history, self._history.best
        scores, scale_derivatives = self._trainer.evaluate(self._streams, logit_scale=history.logit_scale)
        weights = scale_logits(self._trainer.network.get_named_weights(), history.logit_scale)
        nats = scores.nats_per_character
        limit = 2 * divergence_threshold(history, uniform_nats)
        if not math.isfinite(nats) or (history.best_of_network is None and nats > limit):
            return None
        progress = progress_now()
        evaluation = Evaluation(
            step=progress.step,
            epoch=progress.epoch,
            seconds=progress.seconds,
            train_nats=progress.train_nats,
            validation=scores,
            characters_per_second=progress.characters_per_second,
            learning_rate=learning_rate,
            sample=self._sample(weights, random_seed=progress.step),
            is_best=best is None or nats < best.validation.nats_per_character,
            gradient_norm=history.interval.mean_gradient_norm,
            logit_scale=history.logit_scale,
            network=progress.network,
        )
        if self._config.calibration:
            history.logit_scale = next_logit_scale(history.logit_scale, scale_derivatives)
        return evaluation, weights

    def _sample(self, weights: NamedWeights, *, random_seed: int) -> str:
        """Return a short text that a network generates without a prompt."""
        model = Model(self._model_config, self._vocabulary, weights, {"settings": self._config.to_json()})
        sampling = SamplingConfig(length=SAMPLE_LENGTH, random_seed=random_seed)
        return "".join(generate(make_stepper(model), Request("", sampling)))
