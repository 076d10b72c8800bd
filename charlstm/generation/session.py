"""One text that grows under somebody's hands: read to any place, go on from there, say how probable it all is."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from charlstm.config import SamplingConfig
from charlstm.generation.generate import LanguageModel, Request, banned_ids, prompt_ids, read_prompt, uniforms
from charlstm.generation.sampling import make_sampler, softmax

REACH = 1000  # characters before a place that are read to go on from it, or to say how probable it is


class Session:
    """A voice that goes on from any text; the temperature can change between two characters."""

    def __init__(self, voice: LanguageModel, config: SamplingConfig, *, unknown: str = "nearest") -> None:
        self.voice, self.config, self._unknown = voice, config, unknown
        self._never = banned_ids(voice.vocabulary)
        self._scored: tuple[str, Any, Any] = ("", None, None)  # a text, and the logits and states after it

    def warm(self, change: float) -> None:
        """Change the temperature, within 0 and 2."""
        temperature = round(min(2.0, max(0.0, self.config.temperature + change)), 2)
        self.config = replace(self.config, temperature=temperature)

    def another(self) -> None:
        """The next text from the same place will be another."""
        self.config = replace(self.config, random_seed=self.config.random_seed + 1)

    def go_on(self, before: str) -> Iterator[tuple[str, float]]:
        """Characters that go on from a text, without end, each with its ln p."""
        text, _ = self.voice.vocabulary.adapt(before[-REACH:], self._unknown)
        ids = prompt_ids(self.voice, Request(text, self.config))
        logits, states = read_prompt(self.voice, ids)
        recent = ids[None].astype(np.intp)
        for chance in uniforms(self.config.random_seed):
            logits[:, self._never] = -np.inf
            window = recent[:, -self.config.repetition_window :]
            (drawn,) = make_sampler(self.config)(logits, window, np.array([chance]))
            yield self.voice.vocabulary.characters[drawn], float(np.log(softmax(logits)[0, drawn]))
            recent = np.append(window, [[drawn]], axis=1)
            logits, states = self.voice.step(np.array([drawn]), states)

    def scores(self, before: str, text: str) -> Iterator[float]:
        """ln p of each character of a text that stands after another; what is not known has none (NaN)."""
        vocabulary = self.voice.vocabulary
        scored, logits, states = self._scored
        if logits is None or scored != before:  # or it goes on where it was
            warmup, _ = vocabulary.adapt(before[-REACH:], self._unknown)
            logits, states = read_prompt(self.voice, prompt_ids(self.voice, Request(warmup, self.config)))
        for character in text:
            known, _ = vocabulary.adapt(character, self._unknown)
            score = 0.0 if known else float("nan")
            for index in vocabulary.encode(known).tolist():  # several if it becomes longer in lower case
                score += float(np.log(softmax(logits)[0, index]))
                logits, states = self.voice.step(np.array([index]), states)
            yield score
        self._scored = (before + text, logits, states)
