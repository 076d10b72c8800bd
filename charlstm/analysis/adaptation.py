"""Models that learn what they read: their figures on a text, or the model that has learned it.

TensorFlow is imported when a network is asked for.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from charlstm.analysis.evaluation import Scores
from charlstm.analysis.reporting import SILENT, EvaluationReporter
from charlstm.arrays import Ids
from charlstm.config import AdaptationConfig
from charlstm.errors import SettingError
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
    model: Model, ids: Ids, config: AdaptationConfig, *, reporter: EvaluationReporter = SILENT
) -> AdaptedScores:
    """Score ids (characters,), at least two, with a copy of a model that learns them, each after predicting it."""
    with adaptive_network(model, config, reporter=reporter) as network:
        return AdaptedScores(_read(network, ids, "scoring and learning", reporter), config)


def learn_ids(
    model: Model, ids: Ids, config: AdaptationConfig, *, reporter: EvaluationReporter = SILENT
) -> tuple[Model, Scores]:
    """Return a copy of a model that has learned ids (characters,), at least two, and how well it predicted them."""
    with adaptive_network(model, config, reporter=reporter) as network:
        scores = _read(network, ids, "learning the text", reporter)
        return network.model, scores


def context_after(text: str) -> str:
    """Return what a model is to read, before it writes, of a text that it has learned: its end, and a line end."""
    return text[-CONTEXT_LENGTH:].rstrip("\n") + "\n"


def _read(network: "AdaptiveNetwork", ids: Ids, label: str, reporter: EvaluationReporter) -> Scores:
    *_, scores = reporter.progress(network.read(ids), label, total=network.num_segments(ids))
    return scores
