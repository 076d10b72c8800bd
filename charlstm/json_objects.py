"""JSON that anyone may have written: parsed strictly, and turned into dataclasses whose types are checked."""

import json
import math
import re
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import MISSING, fields
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from charlstm.errors import SettingError, shown

Object = TypeVar("Object")

MAX_DEPTH = 100  # of objects and lists within each other: far below what exhausts the stack
MAX_DIGITS = 1000  # of an integer; converting many digits takes quadratic time
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]')  # a bracket in a string counts for nothing
_DEPTH_CHANGES = {"[": 1, "{": 1, "]": -1, "}": -1}
TYPE_NAMES = {int: "an integer", float: "a number", bool: "true or false", str: "a string", NoneType: "null"}


def parse_json(text: str, *, finite: bool = True) -> Any:
    """Return the value of a JSON document.

    Raises ValueError, with the reason in one line, for text that is not JSON, is nested too deeply, gives a key twice,
    or has an integer of thousands of digits. With `finite` it also refuses NaN, Infinity, and numbers that are too
    large for a float, which Python would write back as something that is not JSON.
    """
    _check_depth(text)
    return json.loads(
        text,
        object_pairs_hook=_object_without_duplicates,
        parse_int=_parse_int,
        parse_float=_parse_finite if finite else float,
        parse_constant=_parse_finite if finite else float,
    )


def object_from_json(kind: type[Object], values: Any) -> Object:
    """Return the dataclass that a JSON object describes.

    Raises SettingError if it is not an object, or if a field is unknown, missing or of the wrong type; the dataclass
    itself may refuse a value. Fields with defaults may be left out.
    """
    check_is_object(values)
    types, required = _fields(cast("Hashable", kind))
    for name, value in values.items():
        if name not in types:
            raise SettingError(f"there is no setting {shown(name)}", hint="was this file written by a newer charlstm?")
        if not has_type(value, types[name]):
            raise SettingError(
                f"setting {name!r} is {shown(value)}, but it must be {describe_type(types[name])}",
                hint="correct it; if charlstm wrote it, the file is damaged",
            )
    missing = required - values.keys()
    if missing:
        raise SettingError(f"the settings {', '.join(sorted(missing))} are missing", hint="the file is damaged")
    return kind(**values)


def check_is_object(values: Any) -> None:
    """Raise SettingError for any JSON value but an object."""
    if not isinstance(values, Mapping):
        raise SettingError(f"{shown(values)} is not a JSON object", hint="the file is damaged")


def has_type(value: Any, expected: Any) -> bool:
    """Return whether a JSON value has the type of a field: an integer is a number, true and false are not.

    A list stands for any sequence. Classes that are not of JSON are matched by isinstance.
    """
    origin, arguments = get_origin(expected), get_args(expected)
    if origin in (Union, UnionType):
        return any(has_type(value, one) for one in arguments)
    if origin in (list, tuple, Sequence):
        return isinstance(value, list) and all(has_type(item, arguments[0]) for item in value)
    if isinstance(value, bool):
        return expected is bool
    return isinstance(value, (int, float) if expected is float else origin or expected)


def describe_type(expected: Any) -> str:
    """Return the type of a field in words: "a number or null"."""
    arguments = get_args(expected)
    if get_origin(expected) in (Union, UnionType):
        return " or ".join(describe_type(one) for one in arguments)
    if arguments:
        return f"a list, each item {describe_type(arguments[0])}"
    return TYPE_NAMES.get(expected, "an object")


@cache
def _fields(kind: Any) -> tuple[Mapping[str, Any], frozenset[str]]:
    """Return the types of a dataclass's fields by name, and the names of those without a default."""
    types = get_type_hints(kind)
    has_default = {field.name: (field.default, field.default_factory) != (MISSING, MISSING) for field in fields(kind)}
    return {name: types[name] for name in has_default}, frozenset(name for name in has_default if not has_default[name])


def _check_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        depth += _DEPTH_CHANGES.get(match[0], 0)
        if depth > MAX_DEPTH:
            raise ValueError(f"it is nested more than {MAX_DEPTH} deep")


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        [(twice, _)] = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"it has the key {shown(twice)} twice")
    return values


def _parse_int(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"it has an integer of {len(digits):,} digits")
    return int(digits)


def _parse_finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"it has the number {shown(number)}, which is not finite")
    return value
