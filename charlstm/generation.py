"""A seed text to the characters that go on from it: one text, or many side by side."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from charlstm.cells import States
from charlstm.config import SamplingConfig
from charlstm.modelfile import Model
from charlstm.sampling import make_sampler, softmax
from charlstm.stepper import Stepper
from charlstm.stopping import Ending, StopRules

READ_AT_ONCE = 1024  # characters of the seed text
DRAW_AT_ONCE = 256  # random numbers


@dataclass
class Sample:
    """A text on its way."""

    ending: Ending
    text: str = ""
    scores: list[float] = field(default_factory=list)  # ln p of each character drawn, as the model gives it


def generate(model: Model, seed_text: str, config: SamplingConfig, rules: StopRules | None = None) -> Iterator[str]:
    """Yield the text that goes on from the seed text (which is not part of it), as it is made.

    Without a seed text the model starts as if after a line end. Raises VocabularyError, before the first character,
    if the seed text has a character that the model does not know.
    """
    samples = [Sample(Ending(rules or StopRules(), config.length))]
    steps = _steps(model, _seed_ids(model, seed_text), config, samples, with_scores=False)
    return (part for (part,) in steps if part)


def generate_many(
    model: Model,
    seed_text: str,
    config: SamplingConfig,
    rules: StopRules | None = None,
    *,
    num_samples: int,
    with_scores: bool = False,
) -> list[Sample]:
    """Several texts from one seed text, written side by side in one batch.

    Sample k is what `random_seed` + k gives alone (but for the last bits of the arithmetic). With scores each holds
    the log-probability of every character drawn, as the model gives it, before temperature and all else.
    """
    samples = [Sample(Ending(rules or StopRules(), config.length)) for _ in range(num_samples)]
    for parts in _steps(model, _seed_ids(model, seed_text), config, samples, with_scores=with_scores):
        for sample, part in zip(samples, parts, strict=True):
            sample.text += part
    return samples


def _seed_ids(model: Model, seed_text: str) -> npt.NDArray[np.integer]:
    return model.vocabulary.encode(seed_text or _line_start(model))


def _line_start(model: Model) -> str:
    return "\n" if "\n" in model.vocabulary.characters else model.vocabulary.characters[0]


def _steps(
    model: Model,
    seed_ids: npt.NDArray[np.integer],
    config: SamplingConfig,
    samples: list[Sample],
    *,
    with_scores: bool,
) -> Iterator[list[str]]:
    """What is new in each sample after each step."""
    stepper, draw = Stepper(model), make_sampler(config)
    characters = model.vocabulary.characters
    never = [place for place, known in enumerate(characters) if known == model.vocabulary.unknown]
    logits, states = _read_seed(stepper, seed_ids, len(samples))
    chances = [_uniforms(config.random_seed + place) for place in range(len(samples))]
    recent = np.repeat(seed_ids[None, -config.repetition_window :], len(samples), axis=0).astype(np.intp)
    while True:
        logits[:, never] = -np.inf
        ids = draw(logits, recent, np.array([next(chance) for chance in chances]))
        if with_scores:
            _add_scores(samples, logits, ids)
        parts = [
            "" if sample.ending.is_reached else sample.ending.take(characters[place])
            for sample, place in zip(samples, ids, strict=True)
        ]
        yield parts
        if all(sample.ending.is_reached for sample in samples):
            return
        if config.repetition_penalty != 1:
            recent = np.concatenate([recent, ids[:, None]], axis=1)[:, -config.repetition_window :]
        logits, states = stepper.step(ids, states)


def _add_scores(samples: list[Sample], logits: npt.NDArray[np.floating], ids: npt.NDArray[np.intp]) -> None:
    scores = np.log(np.take_along_axis(softmax(logits), ids[:, None], axis=-1))[:, 0]
    for sample, score in zip(samples, scores, strict=True):
        if not sample.ending.is_reached:
            sample.scores.append(float(score))


def _read_seed(
    stepper: Stepper, seed_ids: npt.NDArray[np.integer], batch_size: int
) -> tuple[npt.NDArray[np.floating], list[States]]:
    """Logits (batch, vocabulary) after the seed text and the states, the same for every sample."""
    states = stepper.initial_states()
    for start in range(0, len(seed_ids), READ_AT_ONCE):
        read, states = stepper.read(seed_ids[None, start : start + READ_AT_ONCE], states)
        logits = read[:, -1]
    states = [tuple(np.repeat(state, batch_size, axis=0) for state in layer) for layer in states]
    return np.repeat(logits, batch_size, axis=0), states


def _uniforms(random_seed: int) -> Iterator[float]:
    """Numbers in [0, 1), the same for the same random seed."""
    generator = np.random.Generator(np.random.Philox(key=random_seed % 2**128))
    while True:
        yield from generator.random(DRAW_AT_ONCE)
