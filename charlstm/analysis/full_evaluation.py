"""An evaluation with all that was asked for: a model, and what it is compared with on the same text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from charlstm.analysis.adaptation import AdaptedScores, score_adapted
from charlstm.analysis.against import PairedScores, check_comparable, score_against, warning_of
from charlstm.analysis.averaging import MemberScores, check_same_vocabulary, mean_nats
from charlstm.analysis.baselines import Baseline, baselines_of_run
from charlstm.analysis.breakdown import LineScores
from charlstm.analysis.earlier_texts import EarlierText, find_earlier_text
from charlstm.analysis.report import EvaluationReport, evaluate_averaged, evaluate_ids
from charlstm.analysis.reporting import EvaluationReporter
from charlstm.arrays import Ids
from charlstm.config import AdaptationConfig, TrainingConfig
from charlstm.generation.load import LoadedModel
from charlstm.storage.model_file import Model


@dataclass(frozen=True, kw_only=True)
class EvaluationOptions:
    """What an evaluation is to show beside the figures of the model."""

    adapt: AdaptationConfig | None = None
    baselines: bool = False
    against: Sequence[LoadedModel] = ()
    lines: bool = False


@dataclass(frozen=True)
class FullEvaluation:
    """The figures of a model, and what was asked for beside them; None: it was not."""

    report: EvaluationReport
    members: list[MemberScores]  # of each of several models whose mean was scored; none of one model
    earlier: EarlierText | None  # what a model that the model started from had learned of the text
    adapted: AdaptedScores | None
    baselines: list[Baseline] | None
    paired: list[PairedScores] | None
    lines: list[LineScores] | None

    def to_json(self) -> dict[str, Any]:
        values = self.report.to_json() | {"shared_with_earlier": self.earlier.share if self.earlier else None}
        if self.members:
            values["members"] = [one.to_json() for one in self.members]
            values["members_nats_per_character"] = mean_nats(self.members)
        if self.adapted is not None:
            values["adapted"] = self.adapted.to_json()
        if self.baselines is not None:
            values["baselines"] = [one.to_json() for one in self.baselines]
        if self.paired is not None:
            values["against"] = [one.to_json() for one in self.paired]
        if self.lines is not None:
            values["lines"] = [one.to_json() for one in self.lines]
        return values


def evaluate_in_full(
    models: Sequence[LoadedModel],
    ids: Ids,
    options: EvaluationOptions,
    *,
    text: str,
    reporter: EvaluationReporter,
) -> FullEvaluation:
    """Score ids (characters,), at least two, with a model, and with what the options ask for beside it.

    The probabilities of several models are averaged. The ids are those of the first, as is the text that baselines
    learn from. `text` is the name of the text for warnings. Before anything is scored, SettingError is raised for
    models to be averaged with different vocabularies, for another model that reads the text in another way, and for one
    that cannot adapt. Raises CorpusError for another model that knows fewer than two characters of the text, and
    LibraryError for adapting without TensorFlow.
    """
    check_same_vocabulary(models)
    path, model = models[0].path, models[0].model
    check_comparable(model.vocabulary, ids, options.against)
    earlier = find_earlier_text(path, model, model.vocabulary, ids)
    if earlier and earlier.is_worth_a_warning:
        reporter.on_warning(earlier.describe(text))
    adapted = score_adapted(models, ids, options.adapt, reporter=reporter) if options.adapt else None
    members = list[MemberScores]()
    if len(models) == 1:
        report = evaluate_ids(model, ids, reporter=reporter)
    else:
        report, members = evaluate_averaged(models, ids, reporter=reporter)
    baselines = baselines_of_run(report, path, model, reporter=reporter) if options.baselines else None
    paired = [score_against(report, other, reporter=reporter) for other in options.against]
    others = [*(one for one in models[1:] if not _has_same_training_text(one.model, model)), *options.against]
    for warning in filter(None, (warning_of(report, other, text) for other in others)):
        reporter.on_warning(warning)
    lines = report.by_line if options.lines else None
    return FullEvaluation(report, members, earlier, adapted, baselines, paired or None, lines)


def _has_same_training_text(one: Model, other: Model) -> bool:
    """Return whether two models have learned the same part of the same text, as the members of a run have."""
    return _training_text(one) is not None and _training_text(one) == _training_text(other)


def _training_text(model: Model) -> tuple[Any, ...] | None:
    """Return what decides which text a model has learned; None if it does not say."""
    sha256, settings = model.training.get("text_sha256"), model.training.get("settings")
    if sha256 is None or settings is None:
        return None
    config = TrainingConfig.from_json(TrainingConfig().to_json() | settings)
    return sha256, config.validation, config.validation_split, config.split_random_seed, config.sequence_length
