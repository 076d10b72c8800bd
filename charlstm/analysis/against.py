"""Another model on the same text: what it loses at each character more or less than the first one.

Both predict the same characters. Those that the other model does not know are left out for it, and not counted for
either. Models that read a text in another case or normal form predict other characters, so they cannot be compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from charlstm.analysis.bootstrap import Interval, mean_interval
from charlstm.analysis.earlier_texts import find_earlier_text
from charlstm.analysis.evaluation import Scores
from charlstm.analysis.report import EvaluationReport
from charlstm.analysis.reporting import EvaluationReporter
from charlstm.analysis.scoring import score_carried, scoring_stepper
from charlstm.analysis.trained_text import MIN_SHARED_SHARE, TOO_GOOD, share_of_training_text
from charlstm.arrays import Ids
from charlstm.errors import CorpusError, SettingError
from charlstm.generation.load import LoadedModel
from charlstm.storage.find_runs import find_model, model_name
from charlstm.storage.model_file import load_model
from charlstm.storage.run_folder import RunFolder
from charlstm.text.id_files import in_chunks
from charlstm.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class PairedScores:
    """The scores of another model, and of the first one on the same characters."""

    path: Path  # of the other model
    scores: Scores
    own: Scores
    difference: float  # nats per character that the other model loses more; below 0 it predicts the text better
    interval: Interval  # of the difference
    num_left_out: int  # characters of the text that the other model does not know

    def to_json(self) -> dict[str, Any]:
        return self.scores.to_json() | {
            "model": str(self.path),
            "own_nats_per_character": self.own.nats_per_character,
            "difference": self.difference,
            "interval": self.interval.to_json(),
            "left_out": self.num_left_out,
        }


def load_others(runs: Sequence[str]) -> list[LoadedModel]:
    """Load the models to compare with. Raises RunError or ModelFileError if one cannot be loaded."""
    return [LoadedModel(path, load_model(path)) for path in map(find_model, runs)]


def check_comparable(vocabulary: Vocabulary, ids: Ids, others: Sequence[LoadedModel]) -> None:
    """Raise SettingError if one of the others reads a text in another way: ids (characters,) of the vocabulary."""
    characters = vocabulary.decode(np.unique(ids))
    for other in others:
        check_reads_alike(vocabulary, other.model.vocabulary, str(other.path), characters=characters)


def check_reads_alike(one: Vocabulary, other: Vocabulary, name: str, *, characters: str) -> None:
    """Raise SettingError if a model, `other`, reads a text of these characters in another way than the first one."""
    reads_other_case = one.lowercase != other.lowercase
    reads_other_form = one.normalize != other.normalize and not characters.isascii()
    if reads_other_case or reads_other_form:
        way = "case" if reads_other_case else "normal form"
        raise SettingError(
            f"{name} reads texts in another {way}, so it predicts other characters",
            hint="compare models that read texts in the same case and normal form",
        )


def score_against(report: EvaluationReport, other: LoadedModel, *, reporter: EvaluationReporter) -> PairedScores:
    """Score the text of a report with another model, with the state carried from the first character to the last.

    Raises CorpusError if the other model knows fewer than two of its characters.
    """
    table = other.model.vocabulary.id_table(report.vocabulary.characters, "skip").ids
    places = np.flatnonzero((table >= 0)[report.ids])
    if len(places) < 2:
        raise CorpusError(f"{other.path} knows fewer than two characters of the text", hint="compare with another one")
    ids = table[report.ids[places]]
    losses = score_carried(scoring_stepper(other.model, len(ids), reporter=reporter), ids, reporter=reporter)
    own = report.losses[places[1:] - 1]  # the losses begin with the second character
    differences = losses.nats - own.nats
    return PairedScores(
        other.path,
        losses.scores,
        own.scores,
        difference=float(differences.mean()),
        interval=mean_interval(differences),
        num_left_out=len(report.ids) - len(places),
    )


def warning_of(report: EvaluationReport, other: LoadedModel, text: str) -> str:
    """Return a warning if the other model has learned some of the text, which has this name, or an empty string."""
    chunks = map(report.vocabulary.decode, in_chunks(report.ids))
    share = share_of_training_text(RunFolder(other.path.parent), other.model, chunks)
    if share is not None and share >= MIN_SHARED_SHARE:
        return f"{share:.0%} of {text} stands in the text that {model_name(other.path)} was trained on: {TOO_GOOD}"
    earlier = find_earlier_text(other.path, other.model, report.vocabulary, report.ids)
    return f"{model_name(other.path)}: {earlier.describe(text)}" if earlier and earlier.is_worth_a_warning else ""
