"""Requests in a file, one a line: what is written for many prompts in one call."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from charlstm.config import SamplingConfig
from charlstm.durations import parse_duration
from charlstm.errors import CharLSTMError, SettingError
from charlstm.generation.generate import Request
from charlstm.generation.stopping import StopRules

NAMES = {"stop": "stops"}  # of rules, where a request has another name for them


@dataclass(frozen=True)
class Asked:
    """A request, its seed text as it was given, and what had to be changed in it."""

    request: Request
    shown: str
    changes: dict[str, str] = field(default_factory=dict)


def read_requests(path: Path, config: SamplingConfig, rules: StopRules) -> list[Asked]:
    """The requests of a file; what a line does not say is as in `config` and `rules`, the random seed counting up.

    Raises SettingError, which names the line, for one that is not right.
    """
    from charlstm.text.corpus import load_corpus
    from charlstm.text.decoding import DecodingOptions

    name = "standard input" if str(path) == "-" else path
    text = load_corpus([path], DecodingOptions(normalize="none", keep_boilerplate=True)).text
    found: list[Asked] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            counted = replace(config, random_seed=config.random_seed + len(found))
            found.append(_request(json.loads(line), counted, rules))
        except ValueError as problem:
            raise SettingError(
                f"{name}, line {number}: not JSON ({problem})", hint='write one object a line: {"seed": "Once upon"}'
            ) from problem
        except CharLSTMError as problem:
            raise SettingError(f"{name}, line {number}: {problem}", hint=problem.hint) from problem
    if not found:
        raise SettingError(f"{name} holds no request", hint='write one object a line: {"seed": "Once upon"}')
    return found


def _request(given: Any, config: SamplingConfig, rules: StopRules) -> Asked:
    if not isinstance(given, dict):
        raise SettingError("a request must be an object", hint='such as {"seed": "Once upon", "length": 200}')
    seed = given.pop("seed", "")
    if not isinstance(seed, str):
        raise SettingError(f"seed is {seed!r}, but it must be a text")
    of_rules = {
        NAMES.get(name, name): given.pop(name) for name in list(given) if NAMES.get(name, name) in rules.to_json()
    }
    if "max_time" in of_rules and of_rules["max_time"] is not None:
        of_rules["max_time"] = _seconds(of_rules["max_time"])
    if isinstance(of_rules.get("stops"), str):
        of_rules["stops"] = [of_rules["stops"]]
    if unknown := given.keys() - config.to_json().keys():
        known = ["seed", "stop", *config.to_json(), *(rules.to_json().keys() - {"stops"})]
        raise SettingError(
            f"there is no setting {sorted(unknown)[0]!r}", hint=f"settings are {', '.join(sorted(known))}"
        )
    sampling = SamplingConfig.from_json(config.to_json() | given)
    return Asked(Request(seed, sampling, StopRules.from_json(rules.to_json() | of_rules)), seed)


def _seconds(time: Any) -> float:
    try:
        return parse_duration(time)
    except SettingError as problem:
        raise SettingError(f"max_time: {problem}", hint=problem.hint) from problem
