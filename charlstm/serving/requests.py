"""Read the body of a completion request: strictly, within limits, into dataclasses."""

import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from charlstm.config import SamplingConfig
from charlstm.errors import CharLSTMError, shown
from charlstm.generation.generate import Request
from charlstm.generation.jobs import Preparation, PreparedRequest, repeat_request
from charlstm.generation.list_defaults import with_default_end
from charlstm.generation.load import LoadedModel
from charlstm.generation.stopping import StopRules
from charlstm.json_objects import describe_type, has_type, parse_json
from charlstm.serving.api_errors import ApiError, from_charlstm
from charlstm.serving.limits import Limits

MAX_TEXTS = 64  # of one request
MAX_STOPS, MAX_STOP_LENGTH = 16, 200  # each is looked for after every character
MAX_LOGPROBS = 20
MAX_MARKS = 30  # combining marks on one letter (UAX #15, stream-safe text): normalizing n of them takes n**2 steps
EXAMPLE = 'such as {"prompt": "Once upon", "max_tokens": 200}'

TYPES: Mapping[str, Any] = {
    "model": str | None, "prompt": str | list[str] | None, "max_tokens": int | None, "temperature": float | None,
    "top_p": float | None, "n": int | None, "stop": str | list[str] | None, "seed": int | None,
    "logprobs": int | None, "echo": bool | None, "stream": bool | None, "stream_options": dict | None,
    "unknown": str | None, "top_k": int | None, "min_p": float | None, "typical": float | None,
    "repetition_penalty": float | None,
    # What has no effect: who asks, and parameters with the only value that is supported
    "user": str | None, "suffix": str | None, "best_of": int | None, "presence_penalty": float | None,
    "frequency_penalty": float | None, "logit_bias": dict | None,
}  # fmt: skip
NO_EFFECT: Mapping[str, tuple[object, ...]] = {
    "suffix": (None, ""),
    "best_of": (None, 1),
    "presence_penalty": (None, 0),
    "frequency_penalty": (None, 0),
    "logit_bias": (None, {}),
}
SAMPLING = ("temperature", "top_p", "top_k", "min_p", "typical", "repetition_penalty")


@dataclass(frozen=True)
class Completion:
    """A completion as it was asked for: `texts` are in the order of the answer's choices."""

    model: str
    texts: tuple[PreparedRequest, ...]
    num_logprobs: int | None  # alternatives of each character; None: no log-probabilities
    echo: bool
    stream: bool
    include_usage: bool


def parse_body(body: bytes) -> dict[str, Any]:
    """Return the parameters of a request that are given. Raises ApiError for anything but an object of known ones."""
    try:
        values = parse_json(body.decode("utf-8"))
    except ValueError as problem:
        raise ApiError(400, f"the body is not JSON in UTF-8 ({problem}): send an object, {EXAMPLE}") from problem
    if not isinstance(values, dict):
        raise ApiError(400, f"the body must be an object, {EXAMPLE}")
    for name, value in values.items():
        if name not in TYPES:
            raise ApiError(400, f"there is no parameter {shown(name)}: parameters are {', '.join(TYPES)}", shown(name))
        if not has_type(value, TYPES[name]):
            expected = describe_type(TYPES[name])
            raise ApiError(400, f"`{name}` is {shown(value)}, but it must be {expected}", name)
        if name in NO_EFFECT and value not in NO_EFFECT[name]:
            raise ApiError(400, f"`{name}` is {shown(value)}, which is not supported: leave it out", name)
    return {name: value for name, value in values.items() if value is not None}


def parse_completion(values: Mapping[str, Any], loaded: LoadedModel, name: str, limits: Limits) -> Completion:
    """Return what the parameters ask a model for. Raises ApiError for what is out of range or unknown to the model.

    What is left out is as in `charlstm generate`, so that the same random seed gives the same text.
    """
    num_logprobs, num_texts = values.get("logprobs"), values.get("n", 1)
    prompts = _prompts(values.get("prompt"), limits)
    _check_range("n", num_texts, 1, MAX_TEXTS)
    _check_range("prompt", len(prompts) * num_texts, 1, MAX_TEXTS, what="the number of texts (of `prompt`, times `n`)")
    if num_logprobs is not None:
        _check_range("logprobs", num_logprobs, 0, MAX_LOGPROBS)
        if values.get("echo"):
            raise ApiError(400, "`echo` and `logprobs` are both given, but the prompt is not scored", "echo")
    try:
        texts = tuple(_texts(values, prompts, num_texts, loaded, limits))
    except CharLSTMError as problem:
        raise from_charlstm(problem) from problem
    return Completion(
        model=name,
        texts=texts,
        num_logprobs=num_logprobs,
        echo=values.get("echo", False),
        stream=values.get("stream", False),
        include_usage=bool(values.get("stream_options", {}).get("include_usage", False)),
    )


def _texts(
    values: Mapping[str, Any], prompts: list[str | None], num_texts: int, loaded: LoadedModel, limits: Limits
) -> list[PreparedRequest]:
    length_is_given = "max_tokens" in values
    length = values.get("max_tokens", min(SamplingConfig.length, limits.max_length))
    _check_range("max_tokens", length, 1, limits.max_length)
    config = SamplingConfig(
        length=length,
        random_seed=values.get("seed", secrets.randbits(32)),
        **{setting: values[setting] for setting in SAMPLING if setting in values},
    )
    rules = with_default_end(
        StopRules(stops=_stops(values.get("stop", ()))), [loaded], length_is_given=length_is_given, many="n" in values
    )
    # Made for each request: it keeps the prompts that it has prepared.
    vocabulary, unknown = loaded.model.vocabulary, values.get("unknown", "error")
    vocabulary.id_table("", unknown)  # refuses an invalid policy
    preparation = Preparation(vocabulary, loaded.line_starts, unknown=unknown)
    requests = [one for prompt in prompts for one in repeat_request(Request(prompt, config, rules), num_texts)]
    return [preparation.prepare(request) for request in requests]


def _prompts(given: str | list[str] | None, limits: Limits) -> list[str | None]:
    prompts: list[str | None] = [*given] if isinstance(given, list) else [given]
    for prompt in prompts:
        if prompt:
            _check_range("prompt", len(prompt), 0, limits.max_prompt, what="the number of characters of `prompt`")
            _check_characters("prompt", prompt)
    return prompts


def _stops(given: str | list[str]) -> tuple[str, ...]:
    stops = (given,) if isinstance(given, str) else tuple(given)
    _check_range("stop", len(stops), 0, MAX_STOPS, what="the number of texts in `stop`")
    for stop in stops:
        _check_range("stop", len(stop), 1, MAX_STOP_LENGTH, what="the number of characters of a text in `stop`")
        _check_characters("stop", stop)
    return stops


def _check_range(name: str, value: int, at_least: int, at_most: int, *, what: str = "") -> None:
    if not at_least <= value <= at_most:
        subject = what or f"`{name}`"
        raise ApiError(400, f"{subject} is {shown(value)}, but it must be from {at_least} to {at_most:,}", name)


def _check_characters(name: str, text: str) -> None:
    """Raise ApiError for half of a pair of surrogates, and for a pile of marks that is long to normalize."""
    if lone := next((character for character in text if "\ud800" <= character <= "\udfff"), None):
        raise ApiError(400, f"`{name}` has U+{ord(lone):04X}, a lone surrogate, which is no character", name)
    if text.isascii():
        return
    runs = groupby(text, key=lambda character: unicodedata.combining(character) > 0)
    if any(is_mark and sum(1 for _ in run) > MAX_MARKS for is_mark, run in runs):
        raise ApiError(400, f"`{name}` has more than {MAX_MARKS} combining marks on one letter", name)
