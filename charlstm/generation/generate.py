"""A seed text to the characters that go on from it: one text, or many side by side."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from charlstm.arrays import Ids, Logits
from charlstm.config import SamplingConfig
from charlstm.generation.sampling import make_sampler, softmax
from charlstm.generation.stopping import StopCondition, StopRules
from charlstm.text.vocabulary import Vocabulary

READ_AT_ONCE = 1024  # characters of the seed text
READ_AT_MOST = 20_000  # the last of a seed text; what stood before no state remembers
DRAW_AT_ONCE = 256  # random numbers
WRITE_AT_ONCE = 64  # characters of each stream, by a voice that draws them itself
LOGITS_AT_ONCE = 4_000_000  # that are kept for their scores
SIDE_BY_SIDE, WINDOW = 64, 256  # requests written in one batch, and looked at together

NO_RULES = StopRules()

States = list[Any]  # for each layer a tuple of arrays (streams, ...)


class LanguageModel(Protocol):
    """Whoever says what the next character may be: a model's stepper, or several blended."""

    vocabulary: Vocabulary

    def initial_states(self) -> States: ...
    def step(self, ids: Ids, states: States) -> tuple[Logits, States]: ...
    def read(self, ids: Ids, states: States) -> tuple[Logits, States]: ...
    def compiled(self) -> Any: ...


@dataclass(frozen=True)
class Request:
    """What is to be written: where from, how, and how far."""

    prompt: str
    config: SamplingConfig
    rules: StopRules = NO_RULES
    starts_line: bool = False  # the seed text is read as the beginning of a line

    @property
    def batch_key(self) -> SamplingConfig:
        """What requests have in common that can be written side by side."""
        return replace(self.config, random_seed=0, length=1)


@dataclass
class Sample:
    """A text on its way."""

    ending: StopCondition
    parts: list[str] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)  # ln p of each character drawn, as the model gives it

    @property
    def text(self) -> str:
        return "".join(self.parts)


def generate(voice: LanguageModel, request: Request) -> Iterator[str]:
    """The text that goes on from the seed text (which is not part of it), as it is made.

    Without a seed text it starts on a new line. Raises VocabularyError, before the first character, if the seed text
    has a character that is not known.
    """
    sample = Sample(StopCondition(request.rules, request.config.length))
    seeds = [prompt_ids(voice, request)]

    def parts() -> Iterator[str]:
        for _ in _steps(voice, [request], seeds, [sample], with_scores=False):
            yield from filter(None, sample.parts)
            sample.parts.clear()

    return parts()


def generate_many(voice: LanguageModel, requests: Sequence[Request], *, with_scores: bool = False) -> list[Sample]:
    """Several texts, written side by side in one batch; all must have the same `style`.

    Each is what its request gives alone: exactly, by a compiled voice, by others but for the last bits of the
    arithmetic. With scores each holds the
    log-probability of every character drawn, as the model gives it, before temperature and all else.
    """
    samples = [Sample(StopCondition(request.rules, request.config.length)) for request in requests]
    seeds = [prompt_ids(voice, request) for request in requests]
    for _ in _steps(voice, requests, seeds, samples, with_scores=with_scores):
        pass
    for sample in samples:
        del sample.scores[len(sample.text) :]  # of what stopped it, which is not written
    return samples


def generate_all(
    voice: LanguageModel, requests: Iterable[Request], *, with_scores: bool = False, batch_size: int = SIDE_BY_SIDE
) -> Iterator[Sample]:
    """The texts of any number of requests, in their order; so many of the same style are written side by side."""
    waiting = iter(requests)
    while window := list(islice(waiting, WINDOW)):
        samples: dict[int, Sample] = {}
        manners: dict[SamplingConfig, list[int]] = {}
        for place, request in enumerate(window):
            manners.setdefault(request.batch_key, []).append(place)
        for places in manners.values():
            for batch in (places[start : start + batch_size] for start in range(0, len(places), batch_size)):
                written = generate_many(voice, [window[place] for place in batch], with_scores=with_scores)
                samples |= dict(zip(batch, written, strict=True))
        yield from (samples[place] for place in range(len(window)))


def prompt_ids(voice: LanguageModel, request: Request) -> Ids:
    """What is read before the first character is drawn; raises VocabularyError for a character that is not known."""
    characters = voice.vocabulary.characters
    line_end = "\n" if "\n" in characters else ""
    text = (line_end if request.starts_line else "") + request.prompt
    return voice.vocabulary.encode(text[-READ_AT_MOST:] or line_end or characters[0])


def read_prompt(voice: LanguageModel, ids: Ids) -> tuple[Logits, States]:
    """Logits (1, vocabulary) after ids (characters,), and the states."""
    states = voice.initial_states()
    for start in range(0, len(ids), READ_AT_ONCE):
        read, states = voice.read(ids[None, start : start + READ_AT_ONCE], states)
    return read[:, -1], states


def banned_ids(vocabulary: Vocabulary) -> list[int]:
    """The ids of what stands for rare characters."""
    return [place for place, known in enumerate(vocabulary.characters) if known == vocabulary.unknown]


def of_rows(states: States, rows: Any) -> States:
    """The states of some of the streams, or of one of them many times."""
    return [tuple(state[rows] for state in layer) for layer in states]


def _steps(
    voice: LanguageModel, requests: Sequence[Request], seeds: list[Ids], samples: list[Sample], *, with_scores: bool
) -> Iterator[None]:
    """Write all samples on, a character at a time; rows of the batch that are done are left out before long."""
    config, write = requests[0].config, _writer(voice, requests[0].config)
    characters = voice.vocabulary.characters
    logits, states, recent = _read_seeds(voice, seeds, config.repetition_window)
    chances = [uniforms(request.config.random_seed) for request in requests]
    while True:
        ids, seen, logits, states = write(logits, states, recent, chances)
        scores = log_probabilities(seen, ids) if with_scores else None
        for row, (sample, drawn) in enumerate(zip(samples, ids.T.tolist(), strict=True)):
            before = sample.ending.num_taken
            if not sample.ending.is_reached:
                sample.parts.append(sample.ending.take_all("".join([characters[place] for place in drawn])))
            if scores is not None:
                sample.scores += scores[: sample.ending.num_taken - before, row].tolist()
        yield
        open_rows = [row for row, sample in enumerate(samples) if not sample.ending.is_reached]
        if not open_rows:
            return
        if config.repetition_penalty != 1:
            recent = np.concatenate([recent, ids.T], axis=1)[:, -config.repetition_window :]
        if 2 * len(open_rows) <= len(samples):
            logits, recent, states = logits[open_rows], recent[open_rows], of_rows(states, open_rows)
            samples, chances = [samples[row] for row in open_rows], [chances[row] for row in open_rows]


def _writer(voice: LanguageModel, config: SamplingConfig) -> Callable[..., tuple[Any, Any, Logits, States]]:
    """A function of logits, states, what was written lately, and the chances of each stream, that writes on a little.

    It gives ids (time, streams), the logits that each was drawn from (time, streams, vocabulary), and the logits and
    states after the last. Many characters at a time if the voice can draw them itself, and they are drawn plainly.
    """
    never = banned_ids(voice.vocabulary)
    draw = make_sampler(config)
    write: Callable[..., Any] | None = getattr(voice, "sample", None)

    def write_one(logits: Logits, states: States, recent: Any, chances: Any) -> Any:
        if never:
            logits[:, never] = -np.inf
        ids = draw(logits, recent, np.array([next(chance) for chance in chances]))
        return ids[None], logits[None], *voice.step(ids, states)

    is_plain = replace(config, temperature=1.0, random_seed=0, length=1) == SamplingConfig(length=1, temperature=1.0)
    if write is None or never or not is_plain:
        return write_one

    def write_many(logits: Logits, states: States, _: Any, chances: Any) -> Any:
        most = max(1, LOGITS_AT_ONCE // (len(chances) * len(voice.vocabulary)))
        numbers = np.array([list(islice(chance, min(WRITE_AT_ONCE, most))) for chance in chances]).T
        return write(logits, states, numbers, config.temperature)

    return write_many


def log_probabilities(logits: Logits, ids: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """ln p of each of ids (...,), drawn from logits (..., vocabulary)."""
    return np.asarray(np.log(np.take_along_axis(softmax(logits), ids[..., None], axis=-1))[..., 0])


def _read_seeds(voice: LanguageModel, seeds: list[Ids], window: int) -> tuple[Logits, States, npt.NDArray[np.intp]]:
    """Logits (streams, vocabulary) after each seed text, the states, and its last ids (streams, window).

    A text that several have in common is read once.
    """
    read = {ids.tobytes(): ids for ids in seeds}
    places = {key: place for place, key in enumerate(read)}
    rows = [places[ids.tobytes()] for ids in seeds]
    results = [read_prompt(voice, ids) for ids in read.values()]
    logits = np.concatenate([logits for logits, _ in results])[rows]
    joined = [
        tuple(np.concatenate(parts)[rows] for parts in zip(*layer, strict=True))
        for layer in zip(*(states for _, states in results), strict=True)
    ]
    longest = min(window, max(map(len, seeds)))
    recent = [np.pad(ids[-longest:], (max(0, longest - len(ids)), 0), mode="edge") for ids in seeds]
    return logits, joined, np.array(recent, np.intp)


def uniforms(random_seed: int) -> Iterator[float]:
    """Numbers in [0, 1), the same for the same random seed."""
    generator = np.random.Generator(np.random.Philox(key=random_seed % 2**128))
    while True:
        yield from generator.random(DRAW_AT_ONCE).tolist()
