"""Run generation jobs: prepare the prompts of requests for a model, then generate their texts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import chain, islice

from charlstm.errors import CharLSTMError, GenerationError
from charlstm.generation.beam import beam_search
from charlstm.generation.clamps import Clamps
from charlstm.generation.generate import BATCH_SIZE, Request, Sample, generate, generate_all
from charlstm.generation.line_filter import FilteredCondition, LineFilter
from charlstm.generation.load import LoadedModel, make_language_model
from charlstm.generation.stopping import unreachable_stops
from charlstm.libraries import can_compile
from charlstm.text.line_starts import begins_on_new_line, sample_line_start
from charlstm.text.vocabulary import Vocabulary

MAX_UNCOMPILED_LENGTH = 200  # characters to generate; up to here NumPy is done before compiled code is loaded
MAX_UNCOMPILED_PROMPT = 1000  # characters of the prompt
REQUEST_WINDOW = 256  # different requests that are grouped into batches at a time
MAX_TRIES = 100  # random seeds that are tried for a text, if a filter refuses it
SEED_STRIDE = 2**32  # from one try to the next, far from the random seeds of other samples


@dataclass(frozen=True)
class PreparedRequest:
    """A request whose prompt a model can read, and how the prompt was changed for that."""

    request: Request
    prompt: str  # that the text continues, as the user gave it; without one, the start of a line or nothing
    changes: Mapping[str, str] = field(default_factory=dict)  # unknown character to its replacement, which may be empty


@dataclass(frozen=True)
class GeneratedText:
    """The text generated for a request; it does not include the prompt."""

    source: PreparedRequest
    text: str
    scores: Sequence[float] = ()  # ln p of each character, if they were asked for


def repeat_request(request: Request, num_samples: int) -> Iterator[Request]:
    """Yield several requests that differ in their random seeds, which count up."""
    for seed in range(request.config.random_seed, request.config.random_seed + num_samples):
        yield with_random_seed(request, seed)


def with_random_seed(request: Request, random_seed: int) -> Request:
    return replace(request, config=replace(request.config, random_seed=random_seed))


class Preparation:
    """Turns prompts into ones that a vocabulary can encode.

    Without a prompt a text begins with the start of a line, or, of a list of short lines, on a new line after others
    that are not shown. An empty prompt begins a new line. Stop strings are spelled as the model writes. `unknown` is
    the policy for unknown characters, see `Vocabulary.id_table`. A `context` is read before every prompt and not shown;
    then a text without a prompt goes on after it.
    """

    def __init__(self, vocabulary: Vocabulary, line_starts: list[str], *, unknown: str, context: str = "") -> None:
        self._context, _ = vocabulary.adapt(context, unknown)
        self._line_starts = line_starts
        self._whole_lines = [start for start in line_starts if begins_on_new_line(start)]
        self._spell = vocabulary.spell
        self._adapt = cache(lambda prompt: vocabulary.adapt(prompt, unknown))  # requests may share one long prompt

    def prepare(self, request: Request) -> PreparedRequest:
        """Return a request with its prompt prepared. Raises VocabularyError if `unknown` is `error`."""
        stops = tuple(self._spell(stop) for stop in request.rules.stops)
        request = replace(request, rules=replace(request.rules, stops=stops))
        if request.prompt:
            prompt, changes = self._adapt(request.prompt)
            return PreparedRequest(replace(request, prompt=self._context + prompt), request.prompt, changes)
        if self._context:
            return PreparedRequest(replace(request, prompt=self._context), "")
        line_starts = self._line_starts if request.prompt is None else self._whole_lines
        start = sample_line_start(line_starts, request.config.random_seed)
        shown = "" if begins_on_new_line(start) else start
        return PreparedRequest(replace(request, prompt=start, starts_line=True), shown)


class GenerationJob:
    """Generates the texts of requests, with compiled code if that is worth the time to load it."""

    def __init__(
        self,
        models: Sequence[LoadedModel],
        requests: Sequence[Request],
        *,
        unknown: str,
        context: str = "",
        num_samples: int = 1,
        is_batch: bool = False,
        line_filter: LineFilter | None = None,
        must_filter: bool = True,
        mix: str | None = None,
        clamps: Clamps | None = None,
    ) -> None:
        """Load the language model and prepare the prompts.

        Of each request `num_samples` texts are generated, whose random seeds count up. The `context` is read before
        every prompt, and not shown. With `is_batch` the requests are
        many and different. A filter leaves lines out of the texts; if nothing passes it the texts end early, or,
        without `must_filter`, go on without it. `clamps` fix units of the one model. Raises VocabularyError for an
        unknown character in a prompt if `unknown` is `error`.
        """
        self._model = make_language_model(models, mix=mix, clamps=clamps)
        line_starts = [start for loaded in models for start in loaded.line_starts]
        self._preparation = Preparation(self._model.vocabulary, line_starts, unknown=unknown, context=context)
        self._requests, self._num_samples = requests, num_samples
        self._filter, self._must_filter, self.has_given_up_filter = line_filter, must_filter, False
        self.ends_early = False  # the text of `stream`, where a filter that need not pass left out all further lines
        self.prepared = [self._preparation.prepare(request) for request in requests]  # the first sample of each
        self.is_batch = is_batch
        self.needs_compiling = can_compile() and (is_batch or not _is_short(self.prepared[0].request))
        self.num_generated = 0

    def __len__(self) -> int:
        """Return the number of texts asked for."""
        return len(self._requests) * self._num_samples

    def first_requests(self, count: int) -> list[Request]:
        """Return the first samples' requests, prepared; none if the requests are yet to come."""
        samples = (one for request in self._requests for one in repeat_request(request, self._num_samples))
        return [self._preparation.prepare(one).request for one in islice(samples, count)]

    @property
    def changes(self) -> dict[str, str]:
        """The unknown characters of all prompts and their replacements."""
        return {old: new for one in self.prepared for old, new in one.changes.items()}

    @property
    def unreachable_stops(self) -> dict[str, str]:
        """The stop strings that the model can never write, and why not."""
        return {stop: why for request in self._requests for stop, why in self.unreachable_stops_of(request).items()}

    def unreachable_stops_of(self, request: Request) -> dict[str, str]:
        """Return the stop strings of a request that the model can never write, and why not."""
        return unreachable_stops(request.rules, request.config.length, self._model.vocabulary)

    def compile(self) -> None:
        """Compile the language model, if it can be; the first time on a machine this takes some seconds."""
        self._model = self._model.compiled()

    def stream(self, *, echo: bool) -> Iterator[str]:
        """Yield the text of the first request while it is generated, with `echo` after its prompt."""
        for one in self._tries(self._requests[0]):
            sample = Sample.begin(one.request, self._filter)
            parts = generate(self._model, one.request, sample)
            first = next(parts, "") if self._filter else ""
            if not first and _is_refused(sample):
                continue
            yield from chain([one.prompt] if echo else [], [first], parts)
            self.ends_early = _is_refused(sample) and not self._must_filter
            self.num_generated = 0 if _is_refused(sample) and self._must_filter else 1
            return
        if self._without_filter():
            yield from self.stream(echo=echo)

    def texts(self, *, with_scores: bool = False) -> Iterator[GeneratedText]:
        """Yield the text of every request, in order, as soon as those of a batch are generated.

        A text that the filter refuses is generated again with other random seeds. The texts end at the first one for
        which no seed helps, and `num_generated` then stays below the number asked for.
        """
        # Without compiled code a text has the same bits as one generated alone only in a batch of its own.
        batch_size = BATCH_SIZE if self.needs_compiling else 1
        samples = (one for request in self._requests for one in repeat_request(request, self._num_samples))
        while window := list(islice(samples, REQUEST_WINDOW if self.is_batch else batch_size)):
            found = self._fill(window, batch_size=batch_size, with_scores=with_scores)
            for index in range(len(window)):
                if index not in found:
                    return
                self.num_generated += 1
                yield found[index]

    @property
    def num_side_by_side(self) -> int:
        """How many requests that come in no particular groups may be generated together.

        It is one with a filter: what it leaves out of a text depends on the texts that were finished before.
        """
        return REQUEST_WINDOW if self._filter is None else 1

    def answer(self, requests: Sequence[Request], *, with_scores: bool = False) -> list[GeneratedText | CharLSTMError]:
        """Return for each of some other requests its text, or why it has none."""
        answers: dict[int, GeneratedText | CharLSTMError] = {}
        for index, request in enumerate(requests):
            try:
                self._preparation.prepare(request)
            except CharLSTMError as problem:
                answers[index] = problem
        valid = [index for index in range(len(requests)) if index not in answers]
        window = [requests[index] for index in valid]
        found = self._fill(window, batch_size=BATCH_SIZE, with_scores=with_scores)
        answers |= {index: found.get(place) or _no_line_left() for place, index in enumerate(valid)}
        return [answers[index] for index in range(len(requests))]

    def _fill(self, window: Sequence[Request], *, batch_size: int, with_scores: bool) -> dict[int, GeneratedText]:
        """Return the texts of some requests by their index; those that the filter always refuses are missing."""
        found: dict[int, GeneratedText] = {}
        tries = [self._tries(request) for request in window]
        while waiting := [index for index in range(len(window)) if index not in found]:
            attempts = {index: one for index in waiting if (one := next(tries[index], None))}
            if len(attempts) < len(waiting) and not self._without_filter():
                return found
            attempts = attempts or {index: self._preparation.prepare(window[index]) for index in waiting}
            samples = generate_all(
                self._model,
                [one.request for one in attempts.values()],
                with_scores=with_scores,
                batch_size=batch_size,
                line_filter=self._filter,
            )
            for (index, one), sample in zip(attempts.items(), samples, strict=True):
                if self._accepts(sample):
                    found[index] = GeneratedText(one, sample.text, sample.scores)
        return found

    def _tries(self, request: Request) -> Iterator[PreparedRequest]:
        """Yield a request, and, if a filter may refuse its text, the same with other random seeds."""
        can_retry = self._filter is not None and request.rules.max_time is None
        for number in range(MAX_TRIES if can_retry else 1):
            seed = request.config.random_seed + number * SEED_STRIDE
            yield self._preparation.prepare(with_random_seed(request, seed))

    def _accepts(self, sample: Sample) -> bool:
        condition = sample.stop_condition
        if self._filter is None or not isinstance(condition, FilteredCondition):
            return True
        return not condition.is_refused and self._filter.accept(condition.lines)

    def _without_filter(self) -> bool:
        """Go on without a filter that refuses everything, unless all lines must pass it; return whether that is so."""
        if self._filter is not None and not self._must_filter:
            self._filter, self.has_given_up_filter = None, True
            return True
        return False

    def search(self, width: int, num_samples: int) -> Iterator[GeneratedText]:
        """Yield the most probable texts of the first request that a beam search finds, best first."""
        source = self.prepared[0]
        for hypothesis in beam_search(self._model, source.request, width)[:num_samples]:
            yield GeneratedText(source, hypothesis.text, hypothesis.scores[: len(hypothesis.text)])


def _no_line_left() -> GenerationError:
    return GenerationError(
        f"with {MAX_TRIES} random seeds there was no line that `new` or `unique` would not leave out",
        hint="give a higher `temperature`, or leave these options out",
    )


def _is_refused(sample: Sample) -> bool:
    return isinstance(sample.stop_condition, FilteredCondition) and sample.stop_condition.is_refused


def _is_short(request: Request) -> bool:
    """Return whether a text is generated before compiled code would be ready, however many samples there are."""
    return request.config.length <= MAX_UNCOMPILED_LENGTH and len(request.prompt or "") <= MAX_UNCOMPILED_PROMPT
