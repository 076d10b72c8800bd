"""A seed text to the characters that go on from it."""

from collections.abc import Iterator

import numpy as np

from charlstm.config import SamplingConfig
from charlstm.modelfile import Model
from charlstm.sampling import make_sampler
from charlstm.stepper import Stepper

READ_AT_ONCE = 1024  # characters of the seed text
DRAW_AT_ONCE = 256  # random numbers


def generate(model: Model, seed_text: str, config: SamplingConfig) -> Iterator[str]:
    """Yield `config.length` characters, one by one, that go on from the seed text (which is not among them).

    Without a seed text the model starts as if after a line end. Raises VocabularyError, before the first character,
    if the seed text has a character that the model does not know.
    """
    seed_ids = model.vocabulary.encode(seed_text or _line_start(model))
    return _characters(model, seed_ids, config)


def _line_start(model: Model) -> str:
    return "\n" if "\n" in model.vocabulary.characters else model.vocabulary.characters[0]


def _characters(model: Model, seed_ids: np.ndarray, config: SamplingConfig) -> Iterator[str]:
    stepper, sample = Stepper(model), make_sampler(config)
    never = [place for place, known in enumerate(model.vocabulary.characters) if known == model.vocabulary.unknown]
    states = stepper.initial_states()
    for start in range(0, len(seed_ids), READ_AT_ONCE):
        read, states = stepper.read(seed_ids[None, start : start + READ_AT_ONCE], states)
        logits = read[:, -1]
    for _, uniform in zip(range(config.length), _uniforms(config.random_seed), strict=False):
        logits[:, never] = -np.inf
        ids = sample(logits, np.array([uniform]))
        yield model.vocabulary.characters[ids[0]]
        logits, states = stepper.step(ids, states)


def _uniforms(random_seed: int) -> Iterator[float]:
    """Numbers in [0, 1), the same for the same random seed."""
    generator = np.random.Generator(np.random.Philox(key=random_seed % 2**128))
    while True:
        yield from generator.random(DRAW_AT_ONCE)
