"""Score many texts or lines by themselves: which are the oddest, and which of several models wrote each.

A text is read from the start of a line: after a line end, so that its first character counts as well. A line also has
to predict where it ends. The probabilities of all lines then sum to 1, as a likelihood ratio needs it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from charlstm.analysis.against import check_reads_alike
from charlstm.analysis.evaluation import Scores, nats_to_bits
from charlstm.analysis.reporting import SILENT, EvaluationReporter
from charlstm.analysis.scoring import score_side_by_side, scoring_stepper
from charlstm.errors import CorpusError, SettingError
from charlstm.generation.load import LoadedModel
from charlstm.storage.find_runs import find_model, model_name
from charlstm.storage.model_file import Model, load_model
from charlstm.text.corpus import Corpus
from charlstm.text.vocabulary import Vocabulary

LINE_END = "\n"


@dataclass(frozen=True)
class Passage:
    """A file, or a line of one."""

    file: str
    text: str
    line: int | None = None  # from 1; None: the whole file


@dataclass(frozen=True)
class PassageScores:
    """How well each model predicts a passage."""

    passage: Passage
    scores: tuple[Scores, ...]  # of each model, over the same characters; there may be none
    num_left_out: int  # characters that one of the models does not know: no model is given them

    @property
    def num_characters(self) -> int:
        return self.scores[0].characters

    @property
    def bits(self) -> list[float]:
        """The bits of the whole passage, by model."""
        return [nats_to_bits(one.nats) for one in self.scores]

    @property
    def bits_per_character(self) -> list[float] | None:
        """By model; None if no character could be scored."""
        return [one.bits_per_character for one in self.scores] if self.num_characters else None

    @property
    def likeliest(self) -> int | None:
        """The index of the model that finds the passage the most probable; None if no character could be scored."""
        return self.bits.index(min(self.bits)) if self.num_characters else None

    @property
    def log_likelihood_ratio(self) -> float | None:
        """How many bits fewer the likeliest of several models takes than the next one, log2 of their likelihoods.

        None if there is only one model.
        """
        best, *others = sorted(self.bits)
        return others[0] - best if others else None

    @property
    def oddness(self) -> float:
        """The bits per character of the likeliest model; infinite if all characters but a line end were left out."""
        has_known = self.num_left_out < len(self.passage.text)
        return min(self.bits_per_character or [math.inf]) if has_known else math.inf


@dataclass(frozen=True)
class Scorer:
    """A model that scores, its file, and its name among the others."""

    path: Path
    model: Model
    name: str


def load_scorers(runs: Sequence[str]) -> list[Scorer]:
    """Load the models of runs, or the one of the newest run if there are none, to score the same texts.

    Raises RunError or ModelFileError if one cannot be loaded, and SettingError as `name_scorers` does.
    """
    paths = [find_model(run) for run in runs] or [find_model(None)]
    return name_scorers([LoadedModel(path, load_model(path)) for path in paths])


def name_scorers(models: Sequence[LoadedModel]) -> list[Scorer]:
    """Return models that are to score the same texts, each with a name of its own.

    Raises SettingError if one is given twice, or reads texts in another way than the first.
    """
    paths = [loaded.path for loaded in models]
    if len({path.resolve() for path in paths}) < len(paths):
        raise SettingError("`model` has the same model twice", hint="give different ones")
    names = [model_name(path) for path in paths]
    if len(set(names)) < len(names):
        names = list(map(str, paths))
    scorers = [Scorer(loaded.path, loaded.model, name) for loaded, name in zip(models, names, strict=True)]
    first = scorers[0].model.vocabulary
    for scorer in scorers[1:]:
        characters = first.characters + scorer.model.vocabulary.characters
        check_reads_alike(first, scorer.model.vocabulary, scorer.name, characters=characters)
    return scorers


def passages_of(corpora: Iterable[Corpus], *, per_line: bool) -> list[Passage]:
    """Return texts as a passage each, or their lines that have more than white space.

    Raises CorpusError if there is no such line.
    """
    if not per_line:
        return [Passage(corpus.name, corpus.text) for corpus in corpora]
    passages = [
        Passage(corpus.name, line, number)
        for corpus in corpora
        for number, line in enumerate(corpus.text.split(LINE_END), start=1)
        if line.strip()
    ]
    if not passages:
        raise CorpusError("the text has no line with more than blanks", hint="give another text")
    return passages


def score_passages(
    models: Sequence[Model],
    passages: Sequence[Passage],
    *,
    unknown: str = "skip",
    reporter: EvaluationReporter = SILENT,
) -> list[PassageScores]:
    """Score passages, in the normal form and case of the models, with each model; return the oddest first.

    `unknown` is the policy for characters that a model does not know, see `Vocabulary.id_table`. Several models score
    the characters that all of them know; then there is nothing nearest. Raises SettingError for another policy, and
    VocabularyError for unknown characters with the policy "error".
    """
    if unknown == "nearest" and len(models) > 1:
        raise SettingError(
            "`unknown` is nearest, but several models are to score the same characters",
            hint="give one `model`, or `unknown` skip",
        )
    vocabularies = [model.vocabulary for model in models]
    spelled = [_spelled(passage, vocabularies[0]) for passage in passages]
    changes = _changes(vocabularies, spelled, unknown)
    line_end = LINE_END if all(LINE_END in vocabulary.characters for vocabulary in vocabularies) else ""
    texts = [line_end + _as_read(passage, changes, line_end) for passage in spelled]
    by_model = []
    for model in models:
        ids = [model.vocabulary.encode(text) for text in texts]
        stepper = scoring_stepper(model, sum(map(len, ids)), reporter=reporter)
        by_model.append([losses.scores for losses in score_side_by_side(stepper, ids, reporter=reporter)])
    scored = [
        PassageScores(passage, scores, _num_left_out(passage, changes))
        for passage, scores in zip(spelled, zip(*by_model, strict=True), strict=True)
    ]
    return sorted(scored, key=lambda one: one.oddness, reverse=True)


def _spelled(passage: Passage, vocabulary: Vocabulary) -> Passage:
    """Return a passage whose letters are composed or decomposed as a model without a normal form knows them."""
    return replace(passage, text=vocabulary.spell(passage.text)) if vocabulary.normalize == "none" else passage


def _changes(vocabularies: Sequence[Vocabulary], passages: Iterable[Passage], unknown: str) -> dict[str, str]:
    """Return the characters that one of the models does not know, each with its replacement, which may be empty."""
    characters = "".join(sorted({character for passage in passages for character in set(passage.text)}))
    changes: dict[str, str] = {}
    for vocabulary in vocabularies:
        changes |= vocabulary.id_table(characters, unknown).replacements
    return changes


def _as_read(passage: Passage, changes: Mapping[str, str], line_end: str) -> str:
    """Return the text of a passage as the models read it; a line with its line end, if they know one."""
    text = passage.text.translate({ord(old): new for old, new in changes.items()})
    return text if passage.line is None else text + line_end


def _num_left_out(passage: Passage, changes: Mapping[str, str]) -> int:
    return sum(passage.text.count(old) for old, new in changes.items() if not new)
