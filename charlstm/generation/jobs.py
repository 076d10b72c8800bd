"""Run generation jobs: prepare the prompts of requests for a model, then generate their texts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from charlstm.generation.beam import beam_search
from charlstm.generation.generate import BATCH_SIZE, Request, generate, generate_all
from charlstm.generation.load import LoadedModel, make_language_model
from charlstm.text.line_starts import sample_line_start
from charlstm.text.vocabulary import Vocabulary

MAX_UNCOMPILED_LENGTH = 200  # characters to generate; up to here NumPy is done before compiled code is loaded
MAX_UNCOMPILED_PROMPT = 1000  # characters of the prompt


@dataclass(frozen=True)
class PreparedRequest:
    """A request whose prompt a model can read, and how the prompt was changed for that."""

    request: Request
    prompt: str  # as the user gave it; without one, the start of a line
    changes: Mapping[str, str] = field(default_factory=dict)  # unknown character to its replacement, which may be empty


@dataclass(frozen=True)
class GeneratedText:
    """The text generated for a request; it does not include the prompt."""

    source: PreparedRequest
    text: str
    scores: Sequence[float] = ()  # ln p of each character, if they were asked for


def repeat_request(request: Request, num_samples: int) -> list[Request]:
    """Return several requests that differ in their random seeds, which count up."""
    config = request.config
    seeds = range(config.random_seed, config.random_seed + num_samples)
    return [replace(request, config=replace(config, random_seed=seed)) for seed in seeds]


def prepare_requests(
    requests: Sequence[Request], vocabulary: Vocabulary, line_starts: list[str], *, unknown: str
) -> list[PreparedRequest]:
    """Return the requests with prompts that a vocabulary can encode.

    An empty prompt becomes the start of a line, and stop strings are spelled as the model writes. `unknown` is the
    policy for unknown characters, see `Vocabulary.id_table`; with the policy `error` they raise VocabularyError.
    """
    adapt = cache(lambda prompt: vocabulary.adapt(prompt, unknown))  # many requests may share one long prompt

    def prepare(request: Request) -> PreparedRequest:
        stops = tuple(vocabulary.spell(stop) for stop in request.rules.stops)
        request = replace(request, rules=replace(request.rules, stops=stops))
        if not request.prompt:
            start = sample_line_start(line_starts, request.config.random_seed)
            return PreparedRequest(replace(request, prompt=start, starts_line=True), start)
        prompt, changes = adapt(request.prompt)
        return PreparedRequest(replace(request, prompt=prompt), request.prompt, changes)

    return [prepare(request) for request in requests]


class GenerationJob:
    """Generates the texts of prepared requests, with compiled code if that is worth the time to load it."""

    def __init__(
        self, models: Sequence[LoadedModel], requests: Sequence[Request], *, unknown: str, is_batch: bool = False
    ) -> None:
        """Load the language model and prepare the prompts.

        With `is_batch` the requests are many and different, else they differ only in their random seeds. Raises
        VocabularyError if `unknown` is `error` and a prompt has an unknown character.
        """
        self._model = make_language_model(models)
        line_starts = [start for loaded in models for start in loaded.line_starts]
        self.prepared = prepare_requests(requests, self._model.vocabulary, line_starts, unknown=unknown)
        self.needs_compiling = is_batch or not _is_short(self.prepared[0].request)

    @property
    def changes(self) -> dict[str, str]:
        """The unknown characters of all prompts and their replacements."""
        return {old: new for one in self.prepared for old, new in one.changes.items()}

    def compile(self) -> None:
        """Compile the language model, if it can be; the first time on a machine this takes some seconds."""
        self._model = self._model.compiled()

    def stream(self) -> Iterator[str]:
        """Yield the text of the first request while it is generated."""
        return generate(self._model, self.prepared[0].request)

    def texts(self, *, with_scores: bool = False) -> Iterator[GeneratedText]:
        """Yield the text of every request, in order."""
        requests = (one.request for one in self.prepared)
        # Without compiled code a text has the same bits as one generated alone only in a batch of its own.
        batch_size = BATCH_SIZE if self.needs_compiling else 1
        samples = generate_all(self._model, requests, with_scores=with_scores, batch_size=batch_size)
        for one, sample in zip(self.prepared, samples, strict=True):
            yield GeneratedText(one, sample.text, sample.scores)

    def search(self, width: int, num_samples: int) -> Iterator[GeneratedText]:
        """Yield the most probable texts of the first request that a beam search finds, best first."""
        source = self.prepared[0]
        for hypothesis in beam_search(self._model, source.request, width)[:num_samples]:
            yield GeneratedText(source, hypothesis.text, hypothesis.scores[: len(hypothesis.text)])


def _is_short(request: Request) -> bool:
    """Return whether a text is generated before compiled code would be ready, however many samples there are."""
    return request.config.length <= MAX_UNCOMPILED_LENGTH and len(request.prompt) <= MAX_UNCOMPILED_PROMPT
