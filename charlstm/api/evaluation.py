"""Measure how well a model predicts a text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Unpack

import numpy as np
import numpy.typing as npt

from charlstm.analysis.against import PairedScores
from charlstm.analysis.baselines import Baseline
from charlstm.analysis.breakdown import LineScores
from charlstm.analysis.evaluation import Scores, encode_corpus
from charlstm.analysis.full_evaluation import EvaluationOptions, FullEvaluation, evaluate_in_full
from charlstm.analysis.trained_text import TextToScore, choose_text, part_of_run
from charlstm.api.evaluation_reporter import LoggedEvaluation
from charlstm.api.messages import logger, warn_of_changes
from charlstm.api.model import ModelOrRun, as_model, as_models, loaded
from charlstm.api.settings import AdaptationSettings, adaptation_config
from charlstm.api.texts import Files, read_corpus
from charlstm.text.decoding_options import DecodingOptions


@dataclass(frozen=True, kw_only=True)
class TextEvaluation:
    """How well a model predicts a text."""

    nats_per_character: float  # the mean of -ln p(character | all characters before it)
    bits_per_character: float
    perplexity: float
    accuracy: float  # the share of characters that the model found the most probable
    characters: int  # scored: all but the first
    num_skipped: int  # characters that the model does not know and that were left out
    num_replaced: int  # characters that the model does not know and that others took the place of
    part: str  # of the text: train, validation, test or all
    is_training_text: bool  # whether it is the text that the model was trained on
    shared_with_training: float | None  # share of another text that stands in the training text; None: not known
    shared_with_earlier: float | None  # the same of the text of a model that the model started from
    interval: tuple[float, float]  # of nats_per_character: 95%, by a bootstrap of blocks of neighbouring characters
    cold_windows: Scores  # in windows of 256 characters, each from a zero state
    bits_per_byte: float  # of the text in UTF-8
    word_perplexity: float | None  # exp(nats of the whole text / words set apart by white space); None: no words
    kinds: Mapping[str, Scores]  # by kind of character: letters, capitals, digits, blanks, newlines, ...
    tenths: Sequence[Scores]  # of each tenth of the text
    lines: Sequence[LineScores] = field(repr=False)  # each line in its place in the text; none without `per_line`
    adapted: Scores | None  # of a copy that learns the text as it reads it; None without `adapt`
    baselines: Sequence[Baseline]  # models without a network; none without `baselines`
    against: Sequence[PairedScores]  # other models on the same text
    losses: npt.NDArray[np.float64] = field(repr=False, compare=False)  # (characters,), nats of each


def evaluate(
    model: ModelOrRun,
    files: Files | None = None,
    *,
    text: str | None = None,
    part: str | None = None,
    per_line: bool = False,
    adapt: bool = False,
    baselines: bool = False,
    against: ModelOrRun | Sequence[ModelOrRun] = (),
    unknown: str = "skip",
    encoding: str | None = None,
    normalize: str | None = None,
    keep_boilerplate: bool = False,
    **settings: Unpack[AdaptationSettings],
) -> TextEvaluation:
    """Measure how well a model predicts a text, given by its path or paths (`files`) or as a string (`text`).

    The state is carried from the first character to the last; the first is not scored, because nothing comes before
    it. Of the text that the model was trained on, `part` is "train", "validation" (the default, which the model has not
    learned), "test" (if the run has such a part) or "all"; a warning is logged if the model has learned what is scored.
    With a `part` the text may be left out: it is that of the model's run. `unknown` is the policy for characters that
    the model does not know: "skip" leaves them out, "nearest" scores similar ones in their place, "error" raises
    VocabularyError. Files are read as `train` reads them.

    `adapt` also scores the text with a copy of the model that learns it as it reads (dynamic evaluation): after each
    `adapt_length` characters, at `adapt_rate`, with `adapt_decay`. `baselines` also scores n-grams, PPMd and xz,
    `against` other models or runs, with the differences. `per_line` adds the scores of each line.

    Raises CorpusError if the text is missing, unreadable or shorter than two characters, RunError if the run does not
    say which text it is, SettingError for another model that reads texts in another way, and LibraryError for `adapt`
    without TensorFlow.
    """
    options = EvaluationOptions(
        adapt=adaptation_config(settings, adapt=adapt),
        baselines=baselines,
        against=list(map(loaded, as_models(against, name="against"))),
        lines=per_line,
    )
    one = loaded(as_model(model))
    trained, vocabulary = one.model, one.model.vocabulary
    if part is not None and files is None and text is None:
        chosen = part_of_run(one.path, trained, part, unknown=unknown)
    else:
        decoding = DecodingOptions(encoding, normalize or vocabulary.normalize, keep_boilerplate, vocabulary.lowercase)
        corpus = read_corpus(files, text, decoding)
        encoded = encode_corpus(corpus, vocabulary, unknown=unknown)
        chosen = choose_text(one.path, trained, corpus, encoded, part=part, on_message=lambda _: None)
    if chosen.warning:
        logger.warning("%s", chosen.warning)
    warn_of_changes(chosen.encoded.changes)
    reporter = LoggedEvaluation()
    evaluation = evaluate_in_full([one], chosen.encoded.ids, options, text=chosen.name, reporter=reporter)
    return _to_figures(evaluation, chosen)


def _to_figures(evaluation: FullEvaluation, chosen: TextToScore) -> TextEvaluation:
    report, encoded = evaluation.report, chosen.encoded
    scores = report.scores
    return TextEvaluation(
        nats_per_character=scores.nats_per_character,
        bits_per_character=scores.bits_per_character,
        perplexity=scores.perplexity,
        accuracy=scores.accuracy,
        characters=scores.characters,
        num_skipped=encoded.num_skipped,
        num_replaced=encoded.num_replaced,
        part=chosen.part,
        is_training_text=chosen.is_training_text,
        shared_with_training=chosen.shared,
        shared_with_earlier=evaluation.earlier.share if evaluation.earlier else None,
        interval=(report.interval.low, report.interval.high),
        cold_windows=report.cold,
        bits_per_byte=report.bits_per_byte,
        word_perplexity=report.word_perplexity,
        kinds=report.by_kind,
        tenths=report.by_position,
        lines=evaluation.lines or (),
        adapted=evaluation.adapted.scores if evaluation.adapted else None,
        baselines=evaluation.baselines or (),
        against=evaluation.paired or (),
        losses=report.losses.nats,
    )
