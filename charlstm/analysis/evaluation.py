"""How well a model predicts a text: nats and bits per character, perplexity, accuracy."""

import math
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from charlstm.arrays import Ids, Logits
from charlstm.errors import CorpusError
from charlstm.text.corpus_encoding import EncodedCorpus, encode_text

if TYPE_CHECKING:
    from charlstm.text.corpus import Corpus
    from charlstm.text.vocabulary import Vocabulary

CHUNK_LENGTH = 1024  # characters that are scored in one call
MAX_LOGITS = 1 << 23  # of one call: with more than 8,192 characters in the vocabulary, fewer are scored at once

Read = Callable[[Ids, Any], tuple[Logits, Any]]  # ids (1, time), states -> logits (1, time, vocabulary), states


@dataclass(frozen=True)
class Scores:
    """Sums over scored characters; the scores of two parts of a text can be added."""

    nats: float = 0.0
    correct: float = 0.0
    characters: int = 0

    def __add__(self, other: "Scores") -> "Scores":
        return Scores(self.nats + other.nats, self.correct + other.correct, self.characters + other.characters)

    @property
    def nats_per_character(self) -> float:
        """The mean of -ln p(character | all characters before it)."""
        return self.nats / self.characters

    @property
    def bits_per_character(self) -> float:
        return nats_to_bits(self.nats_per_character)

    @property
    def perplexity(self) -> float:
        try:
            return math.exp(self.nats_per_character)
        except OverflowError:
            return math.inf

    @property
    def accuracy(self) -> float:
        """The share of characters that the model found the most probable."""
        return self.correct / self.characters

    def to_json(self) -> dict[str, float]:
        """Return all figures; JSON has no infinity, so the largest number stands for it."""
        return {
            "nats_per_character": self.nats_per_character,
            "bits_per_character": self.bits_per_character,
            "perplexity": min(self.perplexity, sys.float_info.max),
            "accuracy": self.accuracy,
            "characters": self.characters,
        }


def nats_to_bits(nats: float) -> float:
    return nats / math.log(2)


def encode_corpus(corpus: "Corpus", vocabulary: "Vocabulary", *, unknown: str) -> EncodedCorpus:
    """Encode a text for scoring; `unknown` is the policy for unknown characters, see `Vocabulary.id_table`.

    Raises CorpusError if fewer than two characters are left: the first one has nothing before it to predict it from.
    """
    encoded = encode_text(corpus, vocabulary, unknown=unknown)
    if len(encoded.ids) < 2:
        number = "only one" if len(encoded.ids) else "no"
        known = " that the model knows" if encoded.changes else ""
        raise CorpusError(
            f"the text {corpus.name!r} has {number} character{known}",
            hint=f"give a text of at least two characters{known}",
        )
    return encoded


@dataclass(frozen=True)
class CharacterLosses:
    """What a model lost at each scored character of a text, in the order of the text."""

    nats: npt.NDArray[np.float64]  # (characters,), -ln p of each
    correct: npt.NDArray[np.bool_]  # (characters,); whether it was the most probable one

    def __len__(self) -> int:
        return len(self.nats)

    def __getitem__(self, chosen: slice | npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> "CharacterLosses":
        return CharacterLosses(self.nats[chosen], self.correct[chosen])

    @property
    def scores(self) -> Scores:
        return Scores(float(self.nats.sum()), float(self.correct.sum()), len(self))

    @classmethod
    def join(cls, parts: Iterable["CharacterLosses"]) -> "CharacterLosses":
        """Return the losses of parts that follow one another; there must be at least one."""
        nats, correct = zip(*((part.nats, part.correct) for part in parts), strict=True)
        return cls(np.concatenate(nats), np.concatenate(correct))


def chunk_length(vocabulary_size: int) -> int:
    """Return how many characters to score in one call."""
    return max(1, min(CHUNK_LENGTH, MAX_LOGITS // vocabulary_size))


def num_chunks(ids: Ids, length: int = CHUNK_LENGTH) -> int:
    """Return how many times `score_text` yields with chunks of a length."""
    return -(-(len(ids) - 1) // length)


def score_text(read: Read, states: Any, ids: Ids, length: int = CHUNK_LENGTH) -> Iterator[CharacterLosses]:
    """Score ids (characters,) with the state carried from the first to the last; yield the losses of each chunk.

    The first character is read but not scored: it has nothing before it to predict it from.
    """
    for start in range(0, len(ids) - 1, length):
        chunk = ids[start : start + length + 1]
        logits, states = read(chunk[None, :-1], states)
        yield losses_of(logits[0], chunk[1:])


def losses_of(logits: Logits, targets: Ids) -> CharacterLosses:
    """Return the losses of logits (..., characters, vocabulary) at targets (..., characters), computed in float64."""
    logits = logits.astype(np.float64)
    shifted = logits - logits.max(axis=-1, keepdims=True)
    target_logits = np.take_along_axis(shifted, targets.astype(np.intp)[..., None], axis=-1)[..., 0]
    nats = np.log(np.exp(shifted).sum(axis=-1)) - target_logits
    return CharacterLosses(nats, logits.argmax(axis=-1) == targets)
