"""Which model that ships a new run starts from, if any: one that knows the language of a small text.

A model knows it if it predicts a sample of the text not much worse than the statistics of the rest of the text do. For
another language, or a list of names, it is far worse.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from charlstm.analysis.evaluation import losses_of
from charlstm.arrays import Ids
from charlstm.config import ModelConfig
from charlstm.generation.stepper import make_stepper
from charlstm.storage.model_file import Model, load_model
from charlstm.storage.shipped_models import shipped_models
from charlstm.text.corpus import Corpus
from charlstm.text.decoding_options import DecodingOptions
from charlstm.text.ngrams import ngram_nats
from charlstm.training.auto_config import default_max_time


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Where starting from a model is better than from nothing. They are to be set by measurements, and only here."""

    min_characters: int = 1_000  # of the text: less says too little about its language
    max_characters: int = 2_000_000  # a longer text teaches a network more than it has to forget
    max_time: float = 1800.0  # seconds; the same holds for a longer run
    max_nats_above: float = 1.2  # per character, that the model may predict worse than the text's own statistics
    max_nats: float = 2.4  # per character, of the model: statistics of a few lines are as poor in any language


LIMITS = Limits()
SHAPE_FIELDS = {field.name for field in fields(ModelConfig)}
NUM_PIECES, PIECE_LENGTH, WARMUP = 32, 128, 32  # of the sample, spread over the text; the warmup is not scored
SAMPLE_SHARE = 0.25  # of a short text, at most
MAX_STATISTICS = 1_000_000  # characters that the text's own statistics are taken from


@dataclass(frozen=True)
class StartingPoint:
    """A model that ships, and how well it predicts a sample of a text beside the statistics of the rest of it."""

    name: str
    path: Path
    model: Model
    nats: float  # per character
    own_nats: float  # per character, of the text's statistics

    def is_chosen(self, limits: Limits = LIMITS) -> bool:
        """Return whether the model knows the language of the text."""
        return self.nats <= min(limits.max_nats, self.own_nats + limits.max_nats_above)

    def describe(self) -> str:
        """Return one line for the user."""
        return (
            f"starting from {self.name}, a model that ships with charlstm: it predicts this text with {self.nats:.2f} "
            f"nats per character, and the text's own statistics with {self.own_nats:.2f}; to begin from nothing: "
            "`start_from` none"
        )


def choose_starting_point(
    corpus: Corpus, decoding: DecodingOptions, settings: Mapping[str, Any], *, limits: Limits = LIMITS
) -> StartingPoint | None:
    """Return the model that ships and predicts a text best, if training on the text is better started from it.

    `settings` are those that the user fixed. None if they fix the shape of the network, or if the text is read in
    another way than the models read theirs, is long, or has another language. Raises ModelFileError if a model that
    ships is damaged.
    """
    is_of_size = limits.min_characters <= len(corpus) <= limits.max_characters
    if not is_of_size or SHAPE_FIELDS & settings.keys() or _seconds(corpus, settings) > limits.max_time:
        return None
    paths = shipped_models()
    if not paths:
        return None
    models = [(name, path, load_model(path)) for name, path in paths.items()]
    own_nats = own_statistics_nats(corpus)
    points = [
        StartingPoint(name, path, model, model_nats(model, corpus), own_nats)
        for name, path, model in models
        if (model.vocabulary.lowercase, model.vocabulary.normalize) == (decoding.lowercase, decoding.normalize)
    ]
    best = min(points, key=lambda point: point.nats, default=None)
    return best if best is not None and best.is_chosen(limits) else None


def model_nats(model: Model, corpus: Corpus) -> float:
    """Return the mean nats per character of a sample of a text as a model predicts it, without TensorFlow.

    A character that the model does not know is read as the nearest one it knows. If there is none, it costs as much as
    a guess among all characters.
    """
    vocabulary = model.vocabulary
    table = vocabulary.id_table(corpus.characters, "nearest").ids
    ids = table[corpus.ids[_sample_positions(len(corpus))]]
    is_known = ids >= 0
    ids = np.where(is_known, ids, max(0, vocabulary.characters.find(" ")))
    stepper = make_stepper(model)
    logits, _ = stepper.read(ids[:, :-1], stepper.initial_states(len(ids)))
    targets, is_known = ids[:, WARMUP:], is_known[:, WARMUP:]
    scores = losses_of(logits[:, WARMUP - 1 :][is_known], targets[is_known]).scores
    unknown = (targets.size - scores.characters) * math.log(len(vocabulary) + 1)
    return (scores.nats + unknown) / targets.size


def own_statistics_nats(corpus: Corpus) -> float:
    """Return the mean nats per character of the same sample after the n-grams of the rest of the text."""
    positions = _sample_positions(len(corpus))
    rest = np.delete(np.asarray(corpus.ids), positions.ravel())
    start = max(0, len(rest) - MAX_STATISTICS) // 2
    rows: Ids = corpus.ids[positions]
    return ngram_nats(rest[start : start + MAX_STATISTICS], rows, vocabulary_size=len(corpus.characters))


def _sample_positions(num_characters: int) -> "np.ndarray[tuple[int, int], np.dtype[np.intp]]":
    """Return the positions (pieces, time) of a sample that is spread over a text."""
    length = min(PIECE_LENGTH, num_characters)
    num_pieces = max(1, min(NUM_PIECES, int(SAMPLE_SHARE * num_characters) // length))
    starts = np.linspace(0, num_characters - length, num_pieces).astype(np.intp)
    return starts[:, None] + np.arange(length)


def _seconds(corpus: Corpus, settings: Mapping[str, Any]) -> float:
    """Return how long the run is to train; unknown, and taken for short, if only its epochs are given."""
    if settings.get("max_time") is not None:
        return float(settings["max_time"])
    return 0.0 if settings.get("epochs") is not None else default_max_time(len(corpus))
