"""What fixing units changes in the texts that a model writes: figures of texts with and without the clamps."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import mean

import numpy as np

from charlstm.generation.clamps import Clamps
from charlstm.generation.generate import Request, generate_all, log_probabilities, prompt_ids
from charlstm.generation.stepper import make_stepper
from charlstm.storage.model_file import Model

MAX_LENGTH = 1000  # characters of a text that are compared
NUM_CHANGED = 3  # characters whose shares are named


@dataclass(frozen=True)
class TextFigures:
    """Figures of some texts. The surprise is that of the model without clamps: how strange the texts are to it."""

    characters: int
    words: float  # per 100 characters
    line_ends: float  # per 100 characters
    bits: float  # mean surprise per character


@dataclass(frozen=True)
class ClampEffect:
    """Texts with clamps, and those of the same random seeds without."""

    with_clamps: TextFigures
    without: TextFigures
    num_same: int  # characters until the first texts differ
    changed: tuple[tuple[str, float, float], ...]  # characters with their shares with and without, most changed first


def measure_effect(model: Model, requests: Sequence[Request], clamps: Clamps) -> ClampEffect:
    """Generate the texts of some requests with prepared prompts, with clamps and without, and compare them.

    They are compared up to MAX_LENGTH characters each.
    """
    requests = [_shortened(request) for request in requests]
    free = make_stepper(model)
    texts, free_texts = (
        [sample.text for sample in generate_all(stepper, requests, batch_size=1)]
        for stepper in (make_stepper(model, clamps), free)
    )
    shares, free_shares = (_shares("".join(group)) for group in (texts, free_texts))
    changes = {
        character: abs(shares.get(character, 0.0) - free_shares.get(character, 0.0))
        for character in {*shares, *free_shares}
    }
    most = sorted((character for character in changes if changes[character]), key=lambda one: (-changes[one], one))
    return ClampEffect(
        _figures(model, requests, texts),
        _figures(model, requests, free_texts),
        _num_same(texts[0], free_texts[0]),
        tuple((one, shares.get(one, 0.0), free_shares.get(one, 0.0)) for one in most[:NUM_CHANGED]),
    )


def _shortened(request: Request) -> Request:
    """Return a request that needs no clock, so that both of its texts have the same end."""
    length = min(request.config.length, MAX_LENGTH)
    return replace(request, config=replace(request.config, length=length), rules=replace(request.rules, max_time=None))


def _shares(text: str) -> dict[str, float]:
    return {character: count / len(text) for character, count in Counter(text).items()}


def _figures(model: Model, requests: Sequence[Request], texts: Sequence[str]) -> TextFigures:
    size = sum(map(len, texts))
    bits = [one for request, text in zip(requests, texts, strict=True) for one in _surprise(model, request, text)]
    per_hundred = 100 / max(1, size)
    return TextFigures(
        characters=size,
        words=sum(len(text.split()) for text in texts) * per_hundred,
        line_ends=sum(text.count("\n") for text in texts) * per_hundred,
        bits=mean(bits) if bits else 0.0,
    )


def _surprise(model: Model, request: Request, text: str) -> list[float]:
    """Return -log2 p of each character of a text after its prompt."""
    if not text:
        return []
    stepper = make_stepper(model)
    before, ids = prompt_ids(stepper, request), model.vocabulary.encode(text)
    logits, _ = stepper.read(np.concatenate([before, ids[:-1]])[None], stepper.initial_states(1))
    bits: list[float] = (-log_probabilities(logits[0, len(before) - 1 :], ids.astype(np.intp)) / np.log(2)).tolist()
    return bits


def _num_same(text: str, other: str) -> int:
    pairs = zip(text, other, strict=False)
    return next((place for place, (one, two) in enumerate(pairs) if one != two), min(len(text), len(other)))
