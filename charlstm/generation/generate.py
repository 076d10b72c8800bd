"""Generate text: from a prompt to the characters that continue it, for one request or for many in one batch.

A model reads the prompt, then alternates between sampling a character and reading it back.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from charlstm.arrays import Ids, Logits
from charlstm.config import SamplingConfig
from charlstm.generation.line_filter import FilteredCondition, LineFilter
from charlstm.generation.sampling import make_sampler, softmax
from charlstm.generation.stopping import StopCondition, StopRules
from charlstm.text.vocabulary import Vocabulary

PROMPT_CHUNK = 1024  # characters of a prompt that are read in one call
MAX_PROMPT_LENGTH = 20_000  # characters; earlier ones no longer influence the states
UNIFORMS_CHUNK = 256  # random numbers made in one call
SAMPLE_CHUNK = 64  # characters of each stream that compiled code samples in one call
MAX_LOGITS = 4_000_000  # logits that one such call returns
MAX_STREAM_BYTES = 1 << 29  # of the states and logits of all streams that run side by side
BATCH_SIZE = 64  # requests generated in one batch

SMALLEST = np.finfo(np.float64).smallest_subnormal  # stands for a probability that is 0 in float64

NO_RULES = StopRules()

States = list[Any]  # for each layer a tuple of arrays (streams, ...)
StepFunction = Callable[
    [Logits, States, npt.NDArray[np.intp], list[Iterator[float]]], tuple[npt.NDArray[np.intp], Logits, Logits, States]
]


class LanguageModel(Protocol):
    """Predicts the next character: one model, or an ensemble of several."""

    vocabulary: Vocabulary

    def initial_states(self) -> States:
        """Return the states of one stream before its first character."""

    def step(self, ids: Ids, states: States) -> tuple[Logits, States]:
        """Read ids (streams,); return the logits of the next character (streams, vocabulary) and the new states."""

    def read(self, ids: Ids, states: States) -> tuple[Logits, States]:
        """Read ids (streams, time); return logits (streams, time, vocabulary) and the new states."""

    def compiled(self) -> "LanguageModel":
        """Return a faster language model of the same network if there is one, else this one."""


@dataclass(frozen=True)
class Request:
    """One text to generate: what it continues, how it is sampled, and when it ends."""

    prompt: str | None  # None: whatever the model begins with by itself; an empty one is the start of a line
    config: SamplingConfig
    rules: StopRules = NO_RULES
    starts_line: bool = False  # the prompt is read as the start of a line

    @property
    def batch_key(self) -> SamplingConfig:
        """Return what requests must have in common to be generated in one batch."""
        return replace(self.config, random_seed=0, length=1)


@dataclass
class Sample:
    """A text while it is generated."""

    stop_condition: StopCondition | FilteredCondition
    parts: list[str] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)  # ln p of each sampled character under the model

    @classmethod
    def begin(cls, request: Request, line_filter: LineFilter | None = None) -> Self:
        """Return the empty sample of a request; a filter leaves lines out of it."""
        condition = StopCondition(request.rules, request.config.length)
        if line_filter is None:
            return cls(condition)
        return cls(FilteredCondition(condition, line_filter, (request.prompt or "").rpartition("\n")[2]))

    @property
    def text(self) -> str:
        return "".join(self.parts)

    def finish(self) -> None:
        """Drop the scores of characters that were sampled, but are not part of the text: those of a stop string."""
        if isinstance(self.stop_condition, FilteredCondition):
            for left_out in reversed(self.stop_condition.left_out):
                del self.scores[left_out.start : left_out.stop]
        del self.scores[len(self.text) :]


def generate(model: LanguageModel, request: Request, sample: Sample | None = None) -> Iterator[str]:
    """Yield the continuation of the prompt, piece by piece as it is generated.

    With an empty prompt it starts on a new line. Raises VocabularyError, before the first character is generated, if
    the prompt has a character that is not in the vocabulary. A sample begun with a filter shows in its stop condition
    why the text ended.
    """
    sample = Sample.begin(request) if sample is None else sample
    prompts = [prompt_ids(model, request)]

    def parts() -> Iterator[str]:
        for _ in _steps(model, [request], prompts, [sample], with_scores=False):
            yield from filter(None, sample.parts)
            sample.parts.clear()

    return parts()


def generate_batch(
    model: LanguageModel,
    requests: Sequence[Request],
    *,
    with_scores: bool = False,
    line_filter: LineFilter | None = None,
) -> list[Sample]:
    """Generate the texts of several requests in one batch; they must have the same `batch_key`.

    Each text is the one that its request gives alone: exactly so with compiled code, otherwise up to rounding of the
    logits. With scores, each sample has the log-probability of every character under the model, before temperature
    and everything else that changes the distribution.
    """
    samples = [Sample.begin(request, line_filter) for request in requests]
    prompts = [prompt_ids(model, request) for request in requests]
    for _ in _steps(model, requests, prompts, samples, with_scores=with_scores):
        pass
    for sample in samples:
        sample.finish()
    return samples


def generate_all(
    model: LanguageModel,
    requests: Sequence[Request],
    *,
    with_scores: bool = False,
    batch_size: int = BATCH_SIZE,
    line_filter: LineFilter | None = None,
) -> list[Sample]:
    """Return the samples of some requests in their order, batching those with the same `batch_key`."""
    batch_size = min(batch_size, max_streams(model))
    samples: dict[int, Sample] = {}
    groups: dict[SamplingConfig, list[int]] = {}
    for index, request in enumerate(requests):
        groups.setdefault(request.batch_key, []).append(index)
    for group in groups.values():
        for batch in (group[start : start + batch_size] for start in range(0, len(group), batch_size)):
            members = [requests[index] for index in batch]
            finished = generate_batch(model, members, with_scores=with_scores, line_filter=line_filter)
            samples |= dict(zip(batch, finished, strict=True))
    return [samples[index] for index in range(len(requests))]


def prompt_ids(model: LanguageModel, request: Request) -> Ids:
    """Return the ids to read before the first character is sampled, at least one.

    Raises VocabularyError for a character that is not in the vocabulary.
    """
    characters = model.vocabulary.characters
    line_end = "\n" if "\n" in characters else ""
    text = (line_end if request.starts_line else "") + (request.prompt or "")
    return model.vocabulary.encode(text[-MAX_PROMPT_LENGTH:] or line_end or characters[0])


def read_prompt(model: LanguageModel, ids: Ids) -> tuple[Logits, States]:
    """Return the logits (1, vocabulary) and the states after reading ids (characters,)."""
    states = model.initial_states()
    chunk = max(1, min(PROMPT_CHUNK, 2 * MAX_LOGITS // len(model.vocabulary)))
    for start in range(0, len(ids), chunk):
        logits, states = model.read(ids[None, start : start + chunk], states)
    return logits[:, -1], states


def max_streams(model: LanguageModel) -> int:
    """Return how many streams can run side by side in MAX_STREAM_BYTES: at least one."""
    state_bytes: int = sum(state.nbytes for layer in model.initial_states() for state in layer)
    logits_bytes = 32 * len(model.vocabulary)  # four arrays of float64 while a character is sampled
    return max(1, MAX_STREAM_BYTES // (state_bytes + logits_bytes))


def banned_ids(vocabulary: Vocabulary) -> list[int]:
    """Return the ids that are never sampled: the stand-in for rare characters."""
    return [index for index, character in enumerate(vocabulary.characters) if character == vocabulary.unknown]


def select_rows(states: States, rows: Any) -> States:
    """Return the states of the given streams; a row may be given several times."""
    return [tuple(state[rows] for state in layer) for layer in states]


def log_probabilities(logits: Logits, ids: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """Return ln p of each of ids (...,) under logits (..., vocabulary)."""
    probabilities = np.take_along_axis(softmax(logits), ids[..., None], axis=-1)[..., 0]
    return np.asarray(np.log(probabilities.clip(min=SMALLEST)))


def uniform_numbers(random_seed: int) -> Iterator[float]:
    """Yield numbers in [0, 1) without end, the same for the same random seed."""
    generator = np.random.Generator(np.random.Philox(key=random_seed % 2**128))
    while True:
        yield from generator.random(UNIFORMS_CHUNK).tolist()


def _steps(
    model: LanguageModel, requests: Sequence[Request], prompts: list[Ids], samples: list[Sample], *, with_scores: bool
) -> Iterator[None]:
    """Extend the samples until all are complete, yielding after every step of one or several characters.

    Once at least half of the rows in the batch are complete, they are removed from it.
    """
    config, characters = requests[0].config, model.vocabulary.characters
    take_step = make_step(model, config)
    logits, states, recent = _read_prompts(model, prompts, config.repetition_window)
    uniforms = [uniform_numbers(request.config.random_seed) for request in requests]
    while True:
        ids, sampled_from, logits, states = take_step(logits, states, recent, uniforms)
        scores = log_probabilities(sampled_from, ids) if with_scores else None
        for row, (sample, sampled) in enumerate(zip(samples, ids.T.tolist(), strict=True)):
            condition = sample.stop_condition
            num_before = condition.num_fed
            if not condition.is_reached:
                sample.parts.append(condition.feed_all("".join([characters[index] for index in sampled])))
            if scores is not None:
                sample.scores += scores[: condition.num_fed - num_before, row].tolist()
        yield
        open_rows = [row for row, sample in enumerate(samples) if not sample.stop_condition.is_reached]
        if not open_rows:
            return
        if config.repetition_penalty != 1:
            recent = np.concatenate([recent, ids.T], axis=1)[:, -config.repetition_window :]
        if 2 * len(open_rows) <= len(samples):
            logits, recent, states = logits[open_rows], recent[open_rows], select_rows(states, open_rows)
            samples, uniforms = [samples[row] for row in open_rows], [uniforms[row] for row in open_rows]


def make_step(model: LanguageModel, config: SamplingConfig) -> StepFunction:
    """Return a function that samples the next characters of every stream and reads them.

    It takes logits (streams, vocabulary), states, recent ids (streams, window) and the random numbers of each stream.
    It returns the sampled ids (time, streams), the logits that each was sampled from (time, streams, vocabulary), and
    the logits and states after the last. Compiled code samples many characters in one call, but only by temperature.
    """
    banned = banned_ids(model.vocabulary)
    sampler = make_sampler(config)
    sample: Callable[..., Any] | None = getattr(model, "sample", None)  # only compiled code has it

    def sample_one(
        logits: Logits, states: States, recent: npt.NDArray[np.intp], uniforms: list[Iterator[float]]
    ) -> tuple[npt.NDArray[np.intp], Logits, Logits, States]:
        if banned:
            logits[:, banned] = -np.inf
        ids = sampler(logits, recent, np.array([next(numbers) for numbers in uniforms]))
        return ids[None], logits[None], *model.step(ids, states)

    has_only_temperature = replace(config, temperature=1.0, random_seed=0, length=1) == SamplingConfig(
        length=1, temperature=1.0
    )
    if sample is None or banned or not has_only_temperature:
        return sample_one

    def sample_many(
        logits: Logits, states: States, _: npt.NDArray[np.intp], uniforms: list[Iterator[float]]
    ) -> tuple[npt.NDArray[np.intp], Logits, Logits, States]:
        size = max(1, min(SAMPLE_CHUNK, MAX_LOGITS // (len(uniforms) * len(model.vocabulary))))
        numbers = np.array([list(islice(stream, size)) for stream in uniforms]).T
        result: tuple[npt.NDArray[np.intp], Logits, Logits, States] = sample(
            logits, states, numbers, config.temperature
        )
        return result

    return sample_many


def _read_prompts(model: LanguageModel, prompts: list[Ids], window: int) -> tuple[Logits, States, npt.NDArray[np.intp]]:
    """Read the prompts, each different one once.

    Returns the logits after each (streams, vocabulary), the states, and the last ids of each (streams, window); a
    prompt shorter than the others is padded with its first id.
    """
    unique = {ids.tobytes(): ids for ids in prompts}
    indices = {key: index for index, key in enumerate(unique)}
    rows = [indices[ids.tobytes()] for ids in prompts]
    results = [read_prompt(model, ids) for ids in unique.values()]
    logits = np.concatenate([logits for logits, _ in results])[rows]
    states = [
        tuple(np.concatenate(parts)[rows] for parts in zip(*layer, strict=True))
        for layer in zip(*(states for _, states in results), strict=True)
    ]
    longest = min(window, max(map(len, prompts)))
    recent = [np.pad(ids[-longest:], (max(0, longest - len(ids)), 0), mode="edge") for ids in prompts]
    return logits, states, np.array(recent, np.intp)
