"""Find the oddest of many texts or lines, or which of several models wrote each."""

from collections.abc import Sequence

from charlstm.analysis.odd_texts import PassageScores, name_scorers, passages_of, score_passages
from charlstm.api.evaluation_reporter import LoggedEvaluation
from charlstm.api.messages import logger
from charlstm.api.model import ModelOrRun, as_models, loaded
from charlstm.api.texts import Files, file_names
from charlstm.errors import SettingError
from charlstm.text.corpus import load_each
from charlstm.text.decoding_options import DecodingOptions
from charlstm.text.given_text import load_given_text


def score(
    model: ModelOrRun | Sequence[ModelOrRun],
    files: Files | None = None,
    *,
    text: str | None = None,
    per_line: bool = False,
    unknown: str = "skip",
    encoding: str | None = None,
    normalize: str | None = None,
    keep_boilerplate: bool = False,
) -> list[PassageScores]:
    """Score each of some files, or with `per_line` each line that is not blank, by itself; the oddest come first.

    The texts are given by their path or paths (`files`) or as one string (`text`). Each is read from the start of a
    line; a line has to predict its end as well. With several models, `likeliest` is the index of the one that wrote it,
    and `log_likelihood_ratio` is how many bits the next one takes more. `unknown` is the policy for characters that a
    model does not know: "skip" leaves them out for all models, "nearest", with one model, scores similar ones in their
    place, "error" raises VocabularyError. Files are read as `train` reads them.

    Raises CorpusError if a text is missing or unreadable, or all lines are blank, and SettingError if a model is given
    twice, or reads texts in another way than the first.
    """
    models = [loaded(one) for one in as_models(model, name="model")]
    if not models:
        raise SettingError("`model` is empty", hint="give at least one model or run")
    scorers = [scorer.model for scorer in name_scorers(models)]
    vocabulary = scorers[0].vocabulary
    options = DecodingOptions(encoding, normalize or vocabulary.normalize, keep_boilerplate, vocabulary.lowercase)
    if names := file_names(files, text):
        corpora = [corpus for name in names for corpus in load_each(name, options, on_message=logger.info)]
    else:
        corpora = [load_given_text(text or "", options, on_message=logger.info)]
    passages = passages_of(corpora, per_line=per_line)
    return score_passages(scorers, passages, unknown=unknown, reporter=LoggedEvaluation())
