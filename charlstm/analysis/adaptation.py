"""Models that learn what they read: their figures on a text, or the model that has learned it.

TensorFlow is imported when a network is asked for.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from charlstm.analysis.averaging import log_mean
from charlstm.analysis.evaluation import Scores, losses_of
from charlstm.analysis.reporting import SILENT, EvaluationReporter
from charlstm.arrays import Ids
from charlstm.config import AdaptationConfig
from charlstm.errors import SettingError
from charlstm.generation.load import LoadedModel
from charlstm.generation.session import CONTEXT_LENGTH
from charlstm.machine import num_cores
from charlstm.storage.model_file import Model

if TYPE_CHECKING:
    from charlstm.analysis.adaptive_network import AdaptiveNetwork


@dataclass(frozen=True)
class AdaptedScores:
    """How well a model that learns predicts a text, and how it learns."""

    scores: Scores
    config: AdaptationConfig

    def to_json(self) -> dict[str, Any]:
        return self.scores.to_json() | {"settings": self.config.to_json()}


@contextmanager
def adaptive_network(
    model: Model, config: AdaptationConfig, *, reporter: EvaluationReporter = SILENT
) -> Iterator["AdaptiveNetwork"]:
    """Yield a copy of a model that learns what it reads.

    Raises SettingError for a model that reads windows of a fixed length, and LibraryError without TensorFlow.
    """
    if model.config.window:
        raise SettingError(
            "the model reads each character from a window of fixed length, and such models cannot `adapt`",
            hint="leave `adapt` out",
        )
    from charlstm.network.backend import import_tensorflow, set_threads, tensorflow_memory_errors

    with reporter.starting_tensorflow():
        import_tensorflow(without="leave `adapt` out to do without it")
        set_threads(num_cores())
        from charlstm.analysis.adaptive_network import AdaptiveNetwork

    with tensorflow_memory_errors():
        yield AdaptiveNetwork(model, config)


def score_adapted(
    models: Sequence[LoadedModel], ids: Ids, config: AdaptationConfig, *, reporter: EvaluationReporter = SILENT
) -> AdaptedScores:
    """Score ids (characters,), at least two, with copies of models that learn them, each after predicting it.

    Each of several models learns by itself; the mean of their probabilities is scored.
    """
    with ExitStack() as stack:
        networks = [stack.enter_context(adaptive_network(one.model, config, reporter=reporter)) for one in models]
        scores, weights = Scores(), [one.weight for one in models]
        logit_scales = [one.logit_scale for one in models]
        segments = zip(*(network.predictions(ids) for network in networks), strict=True)
        total = networks[0].num_segments(ids)
        for segment in reporter.progress(segments, "scoring and learning", total=total):
            mean = log_mean([logits for logits, _ in segment], weights, logit_scales)
            scores += losses_of(mean, segment[0][1]).scores
        return AdaptedScores(scores, config)


def learn_ids(
    model: Model, ids: Ids, config: AdaptationConfig, *, reporter: EvaluationReporter = SILENT
) -> tuple[Model, Scores]:
    """Return a copy of a model that has learned ids (characters,), at least two, and how well it predicted them."""
    with adaptive_network(model, config, reporter=reporter) as network:
        *_, scores = reporter.progress(network.read(ids), "learning the text", total=network.num_segments(ids))
        return network.model, scores


def context_after(text: str) -> str:
    """Return what a model is to read, before it writes, of a text that it has learned: its end, and a line end."""
    return text[-CONTEXT_LENGTH:].rstrip("\n") + "\n"
