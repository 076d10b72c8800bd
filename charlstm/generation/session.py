"""An interactive session: continue a text that a user edits, and score every character of it."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from charlstm.arrays import Ids, Logits
from charlstm.config import SamplingConfig
from charlstm.generation.generate import (
    LanguageModel,
    Request,
    States,
    banned_ids,
    prompt_ids,
    read_prompt,
    uniform_numbers,
)
from charlstm.generation.sampling import make_sampler, softmax
from charlstm.text.normal_form import normalization_pieces

CONTEXT_LENGTH = 1000  # characters that are read before a position, to continue from it or to score what follows
MAX_PIECE = 16  # characters: a letter and its marks
MAX_TEMPERATURE = 2.0


class Session:
    """Continues any text with a language model. The temperature can change between two characters."""

    def __init__(
        self,
        model: LanguageModel,
        config: SamplingConfig,
        *,
        unknown: str = "nearest",
        learn: Callable[[str], LanguageModel | None] | None = None,
    ) -> None:
        """Start with a model; before a text is continued, `learn` may return another that has learned the text."""
        self._learn = learn
        self.model, self.config, self._unknown = model, config, unknown
        self._banned = banned_ids(model.vocabulary)
        self._scored: tuple[str, Logits, States] | None = None  # a text, and the logits and states after it

    def change_temperature(self, by: float) -> None:
        """Add to the temperature, keeping it between 0 and 2."""
        temperature = round(min(MAX_TEMPERATURE, max(0.0, self.config.temperature + by)), 2)
        self.config = replace(self.config, temperature=temperature)

    def reseed(self) -> None:
        """Change the random seed, so that the next continuation of the same text is another one."""
        self.config = replace(self.config, random_seed=self.config.random_seed + 1)

    def continue_from(self, before: str) -> Iterator[tuple[str, float]]:
        """Yield characters that continue a text, each with its log-probability (nats), without end."""
        if self._learn and (learned := self._learn(before)):
            self.model, self._scored = learned, None
        ids = self._context_ids(before)
        logits, states = read_prompt(self.model, ids)
        recent = ids[None].astype(np.intp)
        for uniform in uniform_numbers(self.config.random_seed):
            logits[:, self._banned] = -np.inf
            window = recent[:, -self.config.repetition_window :]
            (sampled,) = make_sampler(self.config)(logits, window, np.array([uniform]))
            yield self.model.vocabulary.characters[sampled], float(np.log(softmax(logits)[0, sampled]))
            recent = np.append(window, [[sampled]], axis=1)
            logits, states = self.model.step(np.array([sampled]), states)

    def scores(self, before: str, text: str) -> Iterator[float]:
        """Yield the log-probability (nats) of each character of a text that follows another.

        A character that the model reads as several, such as a capital that is longer in lower case, gets their sum. A
        letter with marks that the model reads as fewer characters has its score at the letter; the marks get 0. A
        character that the model does not know is skipped and gets NaN.
        """
        joined = _num_joined(before, text)
        if self._scored is not None and self._scored[0] == before and not joined:  # continue where the last call ended
            _, logits, states = self._scored
        else:
            logits, states = read_prompt(self.model, self._context_ids(before + text[:joined]))
        yield from [0.0] * joined  # marks that were read with the letter before them
        vocabulary = self.model.vocabulary
        for part in self._scored_parts(text[joined:]):
            known, _ = vocabulary.adapt(part, self._unknown)
            score = 0.0 if known or not part else float("nan")
            for index in vocabulary.encode(known).tolist():
                score += float(np.log(softmax(logits)[0, index]))
                logits, states = self.model.step(np.array([index]), states)
            yield score
        self._scored = (before + text, logits, states)

    def _scored_parts(self, text: str) -> Iterator[str]:
        """Yield for each character of a text what is scored as that character; nothing for a mark read earlier."""
        for piece in normalization_pieces(text):
            spelled = self.model.vocabulary.spell(piece)
            yield from spelled if len(spelled) == len(piece) else [piece, *[""] * (len(piece) - 1)]

    def _context_ids(self, before: str) -> Ids:
        context, _ = self.model.vocabulary.adapt(before[-CONTEXT_LENGTH:], self._unknown)
        return prompt_ids(self.model, Request(context, self.config))


def _num_joined(before: str, text: str) -> int:
    """Return how many characters at the start of a text are marks of the last letter before it."""
    if not before or not text or text[0] < "\x80":
        return 0
    last = list(normalization_pieces(before[-MAX_PIECE:]))[-1]
    return len(next(normalization_pieces(last + text[:MAX_PIECE]))) - len(last)
