"""Read requests from JSON objects, one per line: many prompts, each with its own settings.

Those of a file are read before the first one is answered, those of a stream as they come.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_type_hints

from charlstm.config import SamplingConfig
from charlstm.durations import parse_duration
from charlstm.errors import CharLSTMError, SettingError, shown
from charlstm.generation.generate import Request
from charlstm.generation.stopping import StopRules
from charlstm.json_objects import describe_type, has_type, parse_json

PROMPT_KEYS = ("seed", "prompt")
ALIASES = {"stop": "stops"}  # other names of settings in a request
EXAMPLE = '{"seed": "Once upon", "length": 200}'


def read_requests(
    path: str | Path,
    config: SamplingConfig,
    rules: StopRules,
    *,
    encoding: str | None = None,
    on_message: Callable[[str], None] = lambda _: None,
) -> list[Request]:
    """Read the requests of a file.

    Settings that a line leaves out are those of `config` and `rules`, with the random seed counting up from line to
    line. The encoding is detected unless it is given. Raises SettingError, which names the line, for a request that is
    not valid, and CorpusError for a file that cannot be read.
    """
    from charlstm.text.corpus import load_corpus
    from charlstm.text.decoding_options import DecodingOptions

    options = DecodingOptions(encoding, normalize="none", keep_boilerplate=True)
    text = load_corpus([path], options, on_message=on_message).text
    requests: list[Request] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            requests.append(_read_line(line, _with_random_seed(config, len(requests)), rules))
        except CharLSTMError as problem:
            raise SettingError(f"{path}, line {number}: {problem}", hint=problem.hint) from problem
    if not requests:
        raise SettingError(f"{path} holds no request", hint=f"write one object per line: {EXAMPLE}")
    return requests


@dataclass(frozen=True)
class StreamedRequest:
    """One line of a stream: a request, or why it is none."""

    line: int  # its number, from 1
    request: Request | CharLSTMError


def stream_requests(
    path: str | Path, config: SamplingConfig, rules: StopRules, *, encoding: str | None = None
) -> Iterator[list[StreamedRequest]]:
    """Yield the requests of a stream as they come, each time all that are waiting; `-` is standard input.

    A line that holds no valid request takes part in counting the random seeds, so that what a line gets depends neither
    on the others nor on when they come. The encoding is UTF-8 unless it is given. Raises SettingError for an unknown
    encoding, and CorpusError for a stream that cannot be read.
    """
    from charlstm.text.decoding_options import DecodingOptions
    from charlstm.text.waiting_lines import DEFAULT_ENCODING, waiting_lines

    encoding = DecodingOptions(encoding).encoding or DEFAULT_ENCODING
    number = num_requests = 0
    for lines in waiting_lines(path, encoding):
        arrived = []
        for number, line in enumerate(lines, start=number + 1):  # noqa: B020 (the lines are counted on)
            if line.strip():
                defaults = _with_random_seed(config, num_requests)
                arrived.append(StreamedRequest(number, _try_line(line, defaults, rules, encoding=encoding)))
                num_requests += 1
        yield arrived


def _with_random_seed(config: SamplingConfig, index: int) -> SamplingConfig:
    return replace(config, random_seed=config.random_seed + index)


def _try_line(line: str, defaults: SamplingConfig, rules: StopRules, *, encoding: str) -> Request | CharLSTMError:
    """Return the request of a line, or the error that it has."""
    from charlstm.text.cleaning import INVALID

    if INVALID in line:
        return SettingError(f"not {encoding}", hint="write the requests in UTF-8, or name their `encoding`")
    try:
        return _read_line(line, defaults, rules)
    except CharLSTMError as problem:
        return problem


def _read_line(line: str, defaults: SamplingConfig, rules: StopRules) -> Request:
    """Return the request of a line. Raises CharLSTMError."""
    try:
        values = parse_json(line, finite=False)
    except ValueError as problem:
        raise SettingError(f"not JSON ({problem})", hint=f"write one object per line: {EXAMPLE}") from problem
    return _parse_request(values, defaults, rules)


def _parse_request(values: Any, config: SamplingConfig, rules: StopRules) -> Request:
    """Return the request of one JSON value. Raises SettingError."""
    if not isinstance(values, dict):
        raise SettingError("a request must be an object", hint=f"such as {EXAMPLE}")
    for name, other in ALIASES.items():
        if name in values and other in values:
            raise SettingError(f"`{name}` and {other!r}, which is another name of it, are both given")
    settings: dict[str, Any] = {
        ALIASES.get(key) or key: value for key, value in values.items() if key not in PROMPT_KEYS
    }
    known = config.to_json() | rules.to_json()
    for name in settings:
        if name not in known:
            names = sorted((known.keys() - set(ALIASES.values())) | ALIASES.keys() | set(PROMPT_KEYS))
            raise SettingError(f"there is no setting {shown(name)}", hint=f"settings are {', '.join(names)}")
    if isinstance(settings.get("stops"), str):
        settings["stops"] = [settings["stops"]]
    if "length" in settings or settings.get("until_sentence"):
        settings.setdefault("until_pause", False)  # the length is exact, or the end is another one
    if settings.get("max_time") is not None:
        settings["max_time"] = _parse_max_time(settings["max_time"])
    changed_config, changed_rules = _settings_of(config, settings), _settings_of(rules, settings)
    for text in changed_rules.get("stops", []):
        _check_characters("stop", text)
    return Request(_parse_prompt(values), replace(config, **changed_config), replace(rules, **changed_rules))


def _parse_prompt(values: dict[str, Any]) -> str | None:
    prompts = {key: values[key] for key in PROMPT_KEYS if key in values}
    if len(prompts) > 1:
        raise SettingError("`seed` and `prompt` are both given", hint="give one of the two")
    for key, prompt in prompts.items():
        if not isinstance(prompt, str):
            raise SettingError(f"`{key}` is {shown(prompt)}, but it must be a string", hint=f"such as {EXAMPLE}")
        _check_characters(key, prompt)
    return next(iter(prompts.values()), None)


def _check_characters(name: str, text: str) -> None:
    """Raise SettingError for half of a pair of surrogates, which JSON can hold but which is no character."""
    if lone := next((character for character in text if "\ud800" <= character <= "\udfff"), None):
        raise SettingError(
            f"`{name}` has U+{ord(lone):04X}, a lone surrogate, which is no character",
            hint="write a character beyond U+FFFF as it is, or as two escapes",
        )


def _parse_max_time(value: Any) -> float:
    try:
        return parse_duration(value)
    except SettingError as problem:
        raise SettingError(f"`max_time`: {problem}", hint=problem.hint) from problem


def _settings_of(defaults: SamplingConfig | StopRules, settings: dict[str, Any]) -> dict[str, Any]:
    """Return those of the settings that `defaults` has as fields. Raises SettingError for one of the wrong type."""
    types = get_type_hints(type(defaults))
    chosen = {name: value for name, value in settings.items() if name in types}
    for name, value in chosen.items():
        if not has_type(value, types[name]):
            if types[name] == Sequence[str]:
                raise SettingError(f"`stop` is {shown(value)}, but it must be a string or a list of strings")
            raise SettingError(f"`{name}` is {shown(value)}, but it must be {describe_type(types[name])}")
    return chosen
