"""Beam search for the most probable continuations of a prompt."""

from dataclasses import dataclass

import numpy as np

from charlstm.arrays import Logits
from charlstm.errors import SettingError
from charlstm.generation.generate import (
    LanguageModel,
    Request,
    banned_ids,
    max_streams,
    prompt_ids,
    read_prompt,
    select_rows,
)
from charlstm.generation.sampling import softmax
from charlstm.generation.stopping import StopCondition


@dataclass(frozen=True)
class Hypothesis:
    """A continuation, complete if its stop condition is reached."""

    ending: StopCondition
    text: str
    scores: tuple[float, ...]  # ln p of each character

    @property
    def nats(self) -> float:
        """ln p of the text: at most 0, and lower with every character."""
        return sum(self.scores)

    @property
    def is_complete(self) -> bool:
        return self.ending.is_reached

    def append(self, character: str, score: float) -> "Hypothesis":
        """Return this hypothesis with one more character and its ln p."""
        ending = self.ending.copy()
        return Hypothesis(ending, self.text + ending.feed(character), (*self.scores, score))


def beam_search(model: LanguageModel, request: Request, width: int) -> list[Hypothesis]:
    """Return at most `width` continuations, the most probable first (Lowerre 1976; Graves 2012, section 3.2).

    Every step keeps the `width` most probable prefixes. The search ends when no open prefix can become more probable
    than the best `width` complete continuations. The request's sampling settings have no effect, except its length.
    Raises SettingError for a width that takes too much memory with this model.
    """
    if width > max_streams(model):
        raise SettingError(
            f"`beam` is {width:,}, but it must be at most {max_streams(model):,} with this model",
            hint="give a narrower `beam`",
        )
    logits, states = read_prompt(model, prompt_ids(model, request))
    characters, banned = model.vocabulary.characters, banned_ids(model.vocabulary)
    beam = [Hypothesis(StopCondition(request.rules, request.config.length), "", ())]
    complete: list[Hypothesis] = []
    while beam:
        logits[:, banned] = -np.inf
        rows, ids, scores = _best_extensions(beam, logits, width)
        extended = [
            beam[row].append(characters[character_id], score)
            for row, character_id, score in zip(rows, ids, scores, strict=True)
        ]
        complete = _most_probable(
            [*complete, *(hypothesis for hypothesis in extended if hypothesis.is_complete)], width
        )
        bound = complete[-1].nats if len(complete) == width else -np.inf
        is_open = [not hypothesis.is_complete and hypothesis.nats > bound for hypothesis in extended]
        kept = [index for index, open_ in enumerate(is_open) if open_]
        beam = [extended[index] for index in kept]
        if beam:
            kept_rows, kept_ids = ([values[index] for index in kept] for values in (rows, ids))
            logits, states = model.step(np.array(kept_ids), select_rows(states, np.array(kept_rows)))
    return complete


def _best_extensions(beam: list[Hypothesis], logits: Logits, width: int) -> tuple[list[int], list[int], list[float]]:
    """Return the `width` most probable extensions by one character: hypothesis, id of the character, and its ln p."""
    with np.errstate(divide="ignore"):
        scores = np.log(softmax(logits))  # (hypotheses, vocabulary)
    totals = scores + np.array([hypothesis.nats for hypothesis in beam])[:, None]
    best = np.argsort(-totals, axis=None, kind="stable")[:width]
    possible = best[np.isfinite(totals.ravel()[best])]
    rows, ids = np.unravel_index(possible, totals.shape)
    return rows.tolist(), ids.tolist(), scores[rows, ids].tolist()


def _most_probable(hypotheses: list[Hypothesis], width: int) -> list[Hypothesis]:
    """Return the most probable different texts: a text that ends in the same place by two rules counts once."""
    different: dict[str, Hypothesis] = {}
    for hypothesis in sorted(hypotheses, key=lambda hypothesis: -hypothesis.nats):
        different.setdefault(hypothesis.text, hypothesis)
    return list(different.values())[:width]
