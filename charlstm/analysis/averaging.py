"""Score a text with several models as one: the weighted mean of the probabilities that they give to each character.

They read the same ids, so they must have the same vocabulary. Generation, which reads a character at a time, averages
models with other vocabularies as well: see `generation/ensemble.py`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from charlstm.analysis.evaluation import CharacterLosses, Scores, chunk_length, losses_of, num_chunks
from charlstm.analysis.reporting import SILENT, EvaluationReporter
from charlstm.analysis.scoring import scoring_stepper
from charlstm.arrays import Ids, Logits
from charlstm.cells.stack import States
from charlstm.errors import SettingError
from charlstm.generation.load import LoadedModel
from charlstm.generation.window_stepper import SequenceReader
from charlstm.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class MemberScores:
    """How well one of several models predicts a text alone."""

    path: Path
    scores: Scores

    def to_json(self) -> dict[str, Any]:
        return {"model": str(self.path)} | self.scores.to_json()


def mean_nats(members: Sequence[MemberScores]) -> float:
    """Return the mean of the nats per character that models lose alone."""
    return sum(member.scores.nats_per_character for member in members) / len(members)


class AveragedReader:
    """Reads texts with several models side by side; its logits are ln of the weighted mean of their probabilities."""

    def __init__(
        self, readers: Sequence[SequenceReader], weights: Sequence[float], logit_scales: Sequence[float]
    ) -> None:
        self.vocabulary: Vocabulary = readers[0].vocabulary
        self._readers, self._weights, self._logit_scales = readers, weights, logit_scales
        self._num_layers = [len(reader.initial_states()) for reader in readers]  # whose states are side by side

    def initial_states(self, batch_size: int = 1) -> States:
        return [layer for reader in self._readers for layer in reader.initial_states(batch_size)]

    def read(self, ids: Ids, states: States) -> tuple[Logits, States]:
        """Read ids (streams, time); return ln p (streams, time, vocabulary) and the new states."""
        logits, states = self.read_each(ids, states)
        return self._log_mean(logits), states

    def read_each(self, ids: Ids, states: States) -> tuple[list[Logits], States]:
        """Read ids (streams, time); return the logits of each model, and the new states."""
        all_logits, new_states, start = list[Logits](), States(), 0
        for reader, num_layers in zip(self._readers, self._num_layers, strict=True):
            logits, own_states = reader.read(ids, states[start : start + num_layers])
            all_logits.append(logits)
            new_states += own_states
            start += num_layers
        return all_logits, new_states

    def score_each(self, ids: Ids) -> Iterator[list[CharacterLosses]]:
        """Score ids (characters,) but the first, with the states carried; yield the losses of each chunk.

        Those of the mean come first, then those of each model.
        """
        states, length = self.initial_states(), chunk_length(len(self.vocabulary))
        for start in range(0, len(ids) - 1, length):
            chunk = ids[start : start + length + 1]
            logits, states = self.read_each(chunk[None, :-1], states)
            yield [losses_of(one[0], chunk[1:]) for one in (self._log_mean(logits), *logits)]

    def _log_mean(self, logits: Sequence[Logits]) -> npt.NDArray[np.float64]:
        return log_mean(logits, self._weights, self._logit_scales)


def averaged_reader(
    models: Sequence[LoadedModel], num_characters: int, *, reporter: EvaluationReporter = SILENT
) -> AveragedReader:
    """Return what reads a number of characters fastest with several models, averaged by their weights."""
    readers = [scoring_stepper(one.model, num_characters, reporter=reporter) for one in models]
    return AveragedReader(readers, [one.weight for one in models], [one.logit_scale for one in models])


def score_averaged(
    reader: AveragedReader, models: Sequence[LoadedModel], ids: Ids, *, reporter: EvaluationReporter = SILENT
) -> tuple[CharacterLosses, list[MemberScores]]:
    """Score ids (characters,) but the first with the states carried; return the losses of the mean, and each model's.

    `models` are those of the reader.
    """
    total = num_chunks(ids, chunk_length(len(reader.vocabulary)))
    chunks = reporter.progress(reader.score_each(ids), "scoring", total=total)
    averaged, *alone = map(CharacterLosses.join, zip(*chunks, strict=True))
    pairs = zip(models, alone, strict=True)
    return averaged, [MemberScores(one.path, losses.scores) for one, losses in pairs]


def log_mean(
    logits: Sequence[Logits], weights: Sequence[float], logit_scales: Sequence[float]
) -> npt.NDArray[np.float64]:
    """Return ln of the weighted mean of the probabilities of models, their logits (..., vocabulary) scaled before."""
    shares = np.log(np.asarray(weights, np.float64) / sum(weights))
    scaled = [one.astype(np.float64) * scale for one, scale in zip(logits, logit_scales, strict=True)]
    shifted = [one - one.max(axis=-1, keepdims=True) for one in scaled]
    scores = [
        one - np.log(np.exp(one).sum(axis=-1, keepdims=True)) + share
        for one, share in zip(shifted, shares, strict=True)
    ]
    return np.asarray(np.logaddexp.reduce(scores, axis=0))


def check_same_vocabulary(models: Sequence[LoadedModel]) -> None:
    """Raise SettingError unless all models read a text as the same ids."""
    first = models[0]
    for other in models[1:]:
        if other.model.vocabulary != first.model.vocabulary:
            raise SettingError(
                f"{other.path} and {first.path} know different characters, or read texts in another way",
                hint="score models of the same text together, or each by itself",
            )
