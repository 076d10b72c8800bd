"""Texts that grow side by side: a batch that texts join and leave while it runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from charlstm.arrays import Ids, Logits
from charlstm.config import SamplingConfig
from charlstm.generation.generate import LanguageModel, Request, States, make_step, select_rows, uniform_numbers
from charlstm.generation.sampling import softmax
from charlstm.generation.stopping import StopCondition

TURN = 32  # characters that each text of a batch grows by, at least, before others have their turn
TINY = np.finfo(np.float64).smallest_subnormal


@dataclass(frozen=True)
class CharacterScore:
    """ln p of a character under the model, and of the most probable ones in its place."""

    score: float
    alternatives: dict[str, float]


@dataclass(frozen=True)
class Piece:
    """A further part of a text; the last one says why it ends: stop, length or error."""

    text: str
    scores: tuple[CharacterScore, ...]
    finish_reason: str | None
    num_generated: int  # characters of the text so far


class GrowingText:
    """One text, from its request until it is complete or nobody waits for it any more.

    The thread that waits sets `is_cancelled`; everything else belongs to the thread that generates. `deliver` is called
    with the pieces by whoever publishes them: with `in_pieces` as they come, else with the whole text.
    """

    def __init__(
        self,
        request: Request,
        deliver: Callable[[Piece], None],
        *,
        num_logprobs: int | None = None,
        in_pieces: bool = True,
    ) -> None:
        self.request, self.deliver, self.is_cancelled = request, deliver, False
        self._num_logprobs, self._in_pieces = num_logprobs, in_pieces
        self._condition = StopCondition(request.rules, request.config.length)
        self.uniforms = uniform_numbers(request.config.random_seed)
        self._parts: list[str] = []
        self._scores: list[CharacterScore] = []
        self._num_released = 0

    @property
    def is_complete(self) -> bool:
        return self._condition.is_reached

    @property
    def is_open(self) -> bool:
        return not (self.is_complete or self.is_cancelled)

    def feed(self, sampled: str, logits: Logits, characters: str, ids: npt.NDArray[np.intp]) -> Piece | None:
        """Add sampled characters and return what can be published; logits (time, vocabulary) are those before each."""
        if self._num_logprobs is not None:
            self._scores += _score(logits, ids, characters, self._num_logprobs)
        part = self._condition.feed_all(sampled)
        self._parts.append(part)
        self._num_released += len(part)
        is_due = self._parts if self._in_pieces and part else None
        return self._take() if is_due or self.is_complete else None

    def _take(self) -> Piece:
        text, finish_reason = "".join(self._parts), None
        scores, self._scores = self._scores[: len(text)], self._scores[len(text) :]
        self._parts = []
        if self.is_complete:
            finish_reason = "length" if self._num_released == self.request.config.length else "stop"
        return Piece(text, tuple(scores), finish_reason, self._num_released)


class Batch:
    """The texts that are sampled with the same settings, but for their random seeds."""

    def __init__(self, model: LanguageModel, config: SamplingConfig) -> None:
        self._characters, self._config = model.vocabulary.characters, config
        self._take_step = make_step(model, config)
        self.texts: list[GrowingText] = []
        self._logits: Logits
        self._states: States
        self._recent: npt.NDArray[np.intp]

    def admit(self, texts: Sequence[GrowingText], ids: Ids, logits: Logits, states: States) -> None:
        """Add texts that continue the same prompt, after which are logits (1, vocabulary) and states of one stream."""
        window = self._config.repetition_window
        recent = np.pad(ids[-window:].astype(np.intp), (max(0, window - len(ids)), 0), mode="edge")
        rows = [0] * len(texts)
        logits, states, recent = logits[rows], select_rows(states, rows), recent[None][rows]
        if self.texts:
            logits, recent = np.concatenate([self._logits, logits]), np.concatenate([self._recent, recent])
            states = [
                tuple(np.concatenate(parts) for parts in zip(*layer, strict=True))
                for layer in zip(self._states, states, strict=True)
            ]
        self.texts, self._logits, self._states, self._recent = [*self.texts, *texts], logits, states, recent

    def advance(self) -> list[tuple[GrowingText, Piece]]:
        """Generate some characters of every text, and return the pieces that can be published."""
        pieces: list[tuple[GrowingText, Piece]] = []
        num_generated = 0
        self._drop_closed()
        while self.texts and num_generated < TURN:
            uniforms = [text.uniforms for text in self.texts]
            ids, sampled_from, self._logits, self._states = self._take_step(
                self._logits, self._states, self._recent, uniforms
            )
            num_generated += len(ids)
            if self._config.repetition_penalty != 1:
                self._recent = np.concatenate([self._recent, ids.T], axis=1)[:, -self._config.repetition_window :]
            for row, (text, sampled) in enumerate(zip(self.texts, ids.T.tolist(), strict=True)):
                written = "".join([self._characters[index] for index in sampled])
                if piece := text.feed(written, sampled_from[:, row], self._characters, ids[:, row]):
                    pieces.append((text, piece))
            self._drop_closed()
        return pieces

    def _drop_closed(self) -> None:
        """Free the rows of texts that are complete, or that nobody waits for."""
        rows = [row for row, text in enumerate(self.texts) if text.is_open]
        if len(rows) == len(self.texts):
            return
        self.texts = [self.texts[row] for row in rows]
        self._logits, self._recent, self._states = (
            self._logits[rows], self._recent[rows], select_rows(self._states, rows)
        )  # fmt: skip


def _score(logits: Logits, ids: npt.NDArray[np.intp], characters: str, count: int) -> list[CharacterScore]:
    """Return the score of each character, with `count` alternatives: before temperature and limits on sampling."""
    scores = np.log(softmax(logits).clip(min=TINY))  # (time, vocabulary)
    best = np.argsort(-scores, axis=-1, kind="stable")[:, :count]
    return [
        CharacterScore(float(row[chosen]), {characters[index]: float(row[index]) for index in top})
        for row, chosen, top in zip(scores, ids.tolist(), best.tolist(), strict=True)
    ]
