"""How well a model foretells a text: nats and bits per character, perplexity, accuracy."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from charlstm.arrays import Ids

CHARACTERS_AT_ONCE = 1024

Read = Callable[[Ids, Any], tuple[npt.NDArray[np.float32], Any]]  # (1, time), states -> (1, time, vocabulary), states


@dataclass(frozen=True)
class Scores:
    """Sums over scored characters, so that parts can be added up."""

    nats: float = 0.0
    correct: float = 0.0
    characters: int = 0

    def __add__(self, other: "Scores") -> "Scores":
        return Scores(self.nats + other.nats, self.correct + other.correct, self.characters + other.characters)

    @property
    def nats_per_character(self) -> float:
        """The mean of -ln p(character | all before it)."""
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
        """The share of characters that were the most probable one."""
        return self.correct / self.characters

    def to_json(self) -> dict[str, float]:
        return {
            "nats_per_character": self.nats_per_character,
            "bits_per_character": self.bits_per_character,
            "perplexity": self.perplexity,
            "accuracy": self.accuracy,
            "characters": self.characters,
        }


def nats_to_bits(nats: float) -> float:
    return nats / math.log(2)


def score_text(read: Read, states: Any, ids: Ids) -> Iterator[Scores]:
    """Score ids of shape (characters,), the state carried from the first to the last; yields the scores so far.

    The first character is only read: nothing stands before it to foretell it from.
    """
    scores = Scores()
    for start in range(0, len(ids) - 1, CHARACTERS_AT_ONCE):
        piece = ids[start : start + CHARACTERS_AT_ONCE + 1]
        logits, states = read(piece[None, :-1], states)
        scores += score_logits(logits[0], piece[1:])
        yield scores


def score_logits(logits: npt.NDArray[np.floating], targets: Ids) -> Scores:
    """Scores of logits (characters, vocabulary) against targets (characters,), summed in float64."""
    logits = logits.astype(np.float64)
    shifted = logits - logits.max(axis=-1, keepdims=True)
    of_targets = np.take_along_axis(shifted, targets.astype(np.intp)[:, None], axis=-1)[:, 0]
    nats = np.log(np.exp(shifted).sum(axis=-1)) - of_targets
    correct = logits.argmax(axis=-1) == targets
    return Scores(float(nats.sum()), float(correct.sum()), len(targets))


@dataclass(frozen=True)
class EvaluationStreams:
    """A text cut into parallel streams, each led in by the characters before it, so that scoring it is quick.

    The first `warmup` characters of a row are only read, to bring the state near the one it would be carried to;
    the first rows may have none before them and start from zeros at their own beginning.
    """

    warmup: Ids  # (streams, warmup)
    inputs: Ids  # (streams, time)
    targets: Ids  # (streams, time)
    scored: npt.NDArray[np.float32]  # (streams, time); 0 where the text has ended
    num_cold_rows: int = 1  # rows without a lead-in


def evaluation_streams(
    ids: Ids, *, warmup: int = 256, most_streams: int = 64, longest: int = 2048
) -> EvaluationStreams:
    """Cut ids of shape (characters,) into as many streams as are no shorter than their lead-in.

    Of a long text only the first `longest` characters of each stream are scored, so that an evaluation stays quick.
    """
    num_scored = len(ids) - 1
    num_streams = max(1, min(most_streams, num_scored // warmup))
    stride = -(-num_scored // num_streams)
    starts = np.arange(num_streams)[:, None] * stride
    places = starts + np.arange(min(stride, longest))
    inside = places < num_scored
    before = np.maximum(starts + np.arange(-warmup, 0), 0)
    return EvaluationStreams(
        warmup=ids[before],
        inputs=ids[np.minimum(places, num_scored - 1)],
        targets=ids[np.minimum(places + 1, num_scored)],
        scored=inside.astype(np.float32),
    )


def window_streams(ids: Ids, window: int, *, most: int = 2048) -> EvaluationStreams:
    """Cut ids of shape (characters,) into windows, each to foretell the character after it; of many, some.

    A text that is shorter than a window is one shorter window.
    """
    window = min(window, len(ids) - 1)
    starts = np.unique(np.linspace(0, len(ids) - window - 1, min(most, len(ids) - window)).round().astype(np.intp))
    rows = ids[starts[:, None] + np.arange(window + 1)]
    return EvaluationStreams(
        warmup=rows[:, : window - 1],
        inputs=rows[:, window - 1 : window],
        targets=rows[:, window:],
        scored=np.ones((len(rows), 1), np.float32),
        num_cold_rows=0,
    )
