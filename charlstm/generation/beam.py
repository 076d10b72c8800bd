"""The most probable continuation, by beam search."""

import copy
from dataclasses import dataclass

import numpy as np

from charlstm.generation.generate import LanguageModel, Request, banned_ids, prompt_ids, read_prompt, select_rows
from charlstm.generation.sampling import softmax
from charlstm.generation.stopping import StopCondition


@dataclass(frozen=True)
class Hypothesis:
    """A continuation, whole or on its way."""

    ending: StopCondition
    text: str
    scores: tuple[float, ...]  # ln p of each character

    @property
    def nats(self) -> float:
        """ln p of the whole text: never above 0, and falling as it goes on."""
        return sum(self.scores)

    def with_character(self, character: str, score: float) -> "Hypothesis":
        ending = copy.copy(self.ending)
        return Hypothesis(ending, self.text + ending.feed(character), (*self.scores, score))


def beam_search(voice: LanguageModel, request: Request, width: int) -> list[Hypothesis]:
    """At most `width` continuations, the most probable first (beam search: Lowerre 1976; Graves 2012, section 3.2).

    At every step the `width` most probable beginnings are kept. What is drawn at random in a request has no part in
    it. Ends when no open beginning can become more probable than the best `width` that are whole.
    """
    logits, states = read_prompt(voice, prompt_ids(voice, request))
    open_ones = [Hypothesis(StopCondition(request.rules, request.config.length), "", ())]
    whole: list[Hypothesis] = []
    never, characters = banned_ids(voice.vocabulary), voice.vocabulary.characters
    while open_ones:
        logits[:, never] = -np.inf
        with np.errstate(divide="ignore"):
            scores = np.log(softmax(logits))  # (hypotheses, vocabulary)
        totals = scores + np.array([hypothesis.nats for hypothesis in open_ones])[:, None]
        best = np.argsort(-totals, axis=None, kind="stable")[:width]
        rows, ids = np.unravel_index(best[np.isfinite(totals.ravel()[best])], totals.shape)
        grown = [
            open_ones[row].with_character(characters[place], float(scores[row, place]))
            for row, place in zip(rows.tolist(), ids.tolist(), strict=True)
        ]
        whole = _best([*whole, *(hypothesis for hypothesis in grown if hypothesis.ending.is_reached)], width)
        bound = whole[-1].nats if len(whole) == width else -np.inf
        kept = [
            place
            for place, hypothesis in enumerate(grown)
            if not hypothesis.ending.is_reached and hypothesis.nats > bound
        ]
        open_ones = [grown[place] for place in kept]
        if open_ones:
            logits, states = voice.step(ids[kept], select_rows(states, rows[kept]))
    return whole


def _best(hypotheses: list[Hypothesis], width: int) -> list[Hypothesis]:
    return sorted(hypotheses, key=lambda hypothesis: -hypothesis.nats)[:width]
