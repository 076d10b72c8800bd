"""Everything that is reported about how well a model predicts a text."""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from charlstm.analysis.averaging import MemberScores, averaged_reader, score_averaged
from charlstm.analysis.bootstrap import Interval, mean_interval
from charlstm.analysis.breakdown import LineScores, scores_by_kind, scores_by_line, scores_by_position
from charlstm.analysis.evaluation import CharacterLosses, Scores, nats_to_bits
from charlstm.analysis.reporting import SILENT, EvaluationReporter
from charlstm.analysis.scoring import COLD_WINDOW, cold_windows, score_carried, score_side_by_side, scoring_stepper
from charlstm.arrays import Ids
from charlstm.generation.load import LoadedModel
from charlstm.generation.window_stepper import SequenceReader
from charlstm.storage.model_file import Model
from charlstm.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class EvaluationReport:
    """What a model lost at each character of a text, ids (characters,), and all figures that follow from it."""

    vocabulary: Vocabulary
    ids: Ids  # the first one is read, but not scored
    losses: CharacterLosses  # with the state carried from the first character to the last
    cold: Scores  # in windows of COLD_WINDOW characters, each from a zero state

    @cached_property
    def scores(self) -> Scores:
        return self.losses.scores

    @cached_property
    def interval(self) -> Interval:
        """The interval of the mean nats per character."""
        return mean_interval(self.losses.nats)

    @cached_property
    def num_bytes(self) -> int:
        """The bytes of the scored characters in UTF-8."""
        sizes = [len(character.encode("utf-8")) for character in self.vocabulary.characters]
        return int(np.array(sizes)[self.ids[1:]].sum())

    @property
    def bits_per_byte(self) -> float:
        return nats_to_bits(self.scores.nats) / self.num_bytes

    @cached_property
    def num_words(self) -> int:
        """How many words the text has, set apart by white space, the first character included."""
        is_blank = np.array([character.isspace() for character in self.vocabulary.characters])[self.ids]
        return int((~is_blank & np.concatenate([[True], is_blank[:-1]])).sum())

    @property
    def word_perplexity(self) -> float | None:
        """The exponential of the nats of the whole text per word; None if there is no word."""
        try:
            return math.exp(self.scores.nats / self.num_words) if self.num_words else None
        except OverflowError:
            return math.inf

    @cached_property
    def by_kind(self) -> dict[str, Scores]:
        return scores_by_kind(self.losses, self.ids[1:], self.vocabulary)

    @cached_property
    def by_position(self) -> list[Scores]:
        return scores_by_position(self.losses)

    @property
    def by_line(self) -> list[LineScores]:
        return list(scores_by_line(self.losses, self.ids, self.vocabulary))

    def to_json(self) -> dict[str, Any]:
        """Return all figures but those of lines."""
        word_perplexity = self.word_perplexity
        return self.scores.to_json() | {
            "interval": self.interval.to_json(),
            "cold_windows": {"window": COLD_WINDOW} | self.cold.to_json(),
            "bits_per_byte": self.bits_per_byte,
            "bytes": self.num_bytes,
            "word_perplexity": None if word_perplexity is None else min(word_perplexity, sys.float_info.max),
            "words": self.num_words,
            "kinds": {kind: scores.to_json() for kind, scores in self.by_kind.items()},
            "tenths": [scores.to_json() for scores in self.by_position],
        }


def evaluate_ids(model: Model, ids: Ids, *, reporter: EvaluationReporter = SILENT) -> EvaluationReport:
    """Score ids (characters,), at least two, with a model: with the state carried, and in cold windows."""
    stepper = scoring_stepper(model, len(ids), reporter=reporter)
    return _report(stepper, ids, score_carried(stepper, ids, reporter=reporter), reporter)


def evaluate_averaged(
    models: Sequence[LoadedModel], ids: Ids, *, reporter: EvaluationReporter = SILENT
) -> tuple[EvaluationReport, list[MemberScores]]:
    """Score ids (characters,), at least two, with the mean of several models; return also the scores of each alone.

    The models must have the same vocabulary.
    """
    reader = averaged_reader(models, len(ids), reporter=reporter)
    losses, members = score_averaged(reader, models, ids, reporter=reporter)
    return _report(reader, ids, losses, reporter), members


def _report(
    stepper: SequenceReader, ids: Ids, losses: CharacterLosses, reporter: EvaluationReporter
) -> EvaluationReport:
    """Return the report of losses with the state carried, and score cold windows for it."""
    windows = cold_windows(ids)
    cold = [losses]  # which begin from a zero state too
    if len(windows) > 1:
        cold = score_side_by_side(stepper, windows, label="scoring cold windows", reporter=reporter)
    return EvaluationReport(stepper.vocabulary, ids, losses, CharacterLosses.join(cold).scores)
