"""Measure how well a model predicts a text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from charlstm.analysis.earlier_texts import find_earlier_text
from charlstm.analysis.evaluation import Scores, encode_corpus
from charlstm.analysis.report import evaluate_ids
from charlstm.analysis.trained_text import choose_text, part_of_run
from charlstm.api.messages import logger, warn_of_changes
from charlstm.api.model import ModelOrRun, as_model, loaded
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
    losses: npt.NDArray[np.float64] = field(repr=False, compare=False)  # (characters,), nats of each


def evaluate(
    model: ModelOrRun,
    files: Files | None = None,
    *,
    text: str | None = None,
    part: str | None = None,
    unknown: str = "skip",
    encoding: str | None = None,
    normalize: str | None = None,
    keep_boilerplate: bool = False,
) -> TextEvaluation:
    """Measure how well a model predicts a text, given by its path or paths (`files`) or as a string (`text`).

    The state is carried from the first character to the last; the first is not scored, because nothing comes before
    it. Of the text that the model was trained on, `part` is "train", "validation" (the default, which the model has not
    learned), "test" (if the run has such a part) or "all"; a warning is logged if the model has learned what is scored.
    With a `part` the text may be left out: it is that of the model's run. `unknown` is the policy for characters that
    the model does not know: "skip" leaves them out, "nearest" scores similar ones in their place, "error" raises
    VocabularyError. Files are read as `train` reads them.

    Raises CorpusError if the text is missing, unreadable or shorter than two characters, and RunError if the run does
    not say which text it is.
    """
    one = loaded(as_model(model))
    trained, vocabulary = one.model, one.model.vocabulary
    if part is not None and files is None and text is None:
        chosen = part_of_run(one.path, trained, part, unknown=unknown)
    else:
        options = DecodingOptions(encoding, normalize or vocabulary.normalize, keep_boilerplate, vocabulary.lowercase)
        corpus = read_corpus(files, text, options)
        encoded = encode_corpus(corpus, vocabulary, unknown=unknown)
        chosen = choose_text(one.path, trained, corpus, encoded, part=part, on_message=lambda _: None)
    if chosen.warning:
        logger.warning("%s", chosen.warning)
    encoded = chosen.encoded
    warn_of_changes(encoded.changes)
    earlier = find_earlier_text(one.path, trained, vocabulary, encoded.ids)
    if earlier and earlier.is_worth_a_warning:
        logger.warning("%s", earlier.describe(chosen.name))
    report = evaluate_ids(trained, encoded.ids)
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
        shared_with_earlier=earlier.share if earlier else None,
        interval=(report.interval.low, report.interval.high),
        cold_windows=report.cold,
        bits_per_byte=report.bits_per_byte,
        word_perplexity=report.word_perplexity,
        kinds=report.by_kind,
        tenths=report.by_position,
        losses=report.losses.nats,
    )
