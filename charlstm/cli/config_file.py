"""Settings in a TOML file: `--config run.toml`.

Keys are the options of the command without their dashes (`max-time` or `max_time`), and `text` for its texts. An option
on the command line wins over an environment variable, that over the file, and the file over the default.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from charlstm.cli.options import COMMON, SHARE_OR_FILE, is_given, option
from charlstm.cli.suggestions import suggest_options
from charlstm.errors import SettingError

CONFIG_PATH = "charlstm.config"  # the key of the file's path in the context
ALLOWED: dict[type, tuple[type, ...]] = {float: (int, float), list: (list, str)}  # for others only themselves
EXAMPLE = 'write lines such as units = 300 or max-time = "5m"'
MIXED_KINDS = {"TIME": 'a time such as "5m"', SHARE_OR_FILE: "a number or a file"}  # by what the help calls them
KINDS = {bool: "true or false", int: "an integer", float: "a number", str: "a string", list: "a list of strings"}


def _read_config(context: typer.Context, path: Path | None) -> Path | None:
    """Take the settings of a file as defaults of the command. Raises SettingError, which names the line."""
    if path is None or context.resilient_parsing:
        return path
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"{path} is not TOML: {error}", hint=EXAMPLE) from error
    except UnicodeDecodeError as error:
        raise SettingError(f"{path} is not UTF-8", hint="save it as UTF-8") from error
    except OSError as error:
        raise SettingError(f"{path} cannot be read: {error.strerror}", hint="give a TOML file") from error
    parameters = dict(_settable(context))
    context.default_map = {}
    for key, value in values.items():
        place = f"{path}, line {line_of(text, key)}"
        parameter = parameters.get(key.replace("_", "-"))
        if parameter is None:
            raise SettingError(f"{place}: there is no setting {key!r}", hint=_hint(key, list(parameters)))
        if parameter.name in context.default_map:
            raise SettingError(f"{place}: {key!r} is set twice", hint="remove one of the lines")
        context.default_map[parameter.name] = _as_typed(parameter, value, f"{place}: {key}")
    context.meta[CONFIG_PATH] = (path, text)
    return path


def line_of(text: str, key: str) -> int:
    """Return the number of the line of a TOML document that sets a key, or begins its table."""
    pattern = re.compile(rf"""\s*\[?\s*["']?{re.escape(key)}["']?\s*[=.\]]""")
    return next((number for number, line in enumerate(text.splitlines(), start=1) if pattern.match(line)), 1)


def place_of(context: Any, parameter: Any) -> str:
    """Say where a value that was not typed comes from: the line of a file, or an environment variable; else nothing."""
    source = context.get_parameter_source(parameter.name)
    if source is not None and source.name == "ENVIRONMENT":
        return f"{parameter.envvar}: "
    if source is None or source.name != "DEFAULT_MAP":
        return ""
    path, text = context.meta[CONFIG_PATH]
    lines = [line_of(text, spelling) for spelling in (key_of(parameter), key_of(parameter).replace("-", "_"))]
    return f"{path}, line {max(lines)}: "


def key_of(parameter: Any) -> str:
    """Return the key of an option or argument in a file: `max-time`, `text`."""
    if parameter.param_type_name == "argument":
        return str(parameter.metavar).lower()
    return str(next(name for name in parameter.opts if name.startswith("--")).removeprefix("--"))


def to_toml(context: typer.Context, others: Mapping[str, tuple[Any, str]]) -> Iterator[str]:
    """Yield the settings of a command as lines of a file, each with where it comes from.

    `others` has the values and sources of those that were not given, by the names of parameters.
    """
    for key, parameter in _settable(context):
        value, source = context.params[parameter.name], "given" if is_given(context, parameter.name) else "default"
        if source == "default" and parameter.name in others:
            value, source = others[parameter.name]
        if value is not None and value is not False and value not in ([], ()):
            yield f"{key} = {_toml_value(value)}  # {source}"


def _toml_value(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case list() | tuple():
            return f"[{', '.join(map(_toml_value, value))}]"
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def _settable(context: typer.Context) -> Iterator[tuple[str, Any]]:
    for parameter in context.command.params:
        if not parameter.is_eager and getattr(parameter, "expose_value", True) and parameter.name != "show_config":
            yield key_of(parameter), parameter


def _hint(key: str, known: list[str]) -> str:
    meant = [name.removeprefix("--") for name in suggest_options(key, [f"--{name}" for name in known])]
    possible = f"settings are: {', '.join(sorted(known))}"
    return f"did you mean {' or '.join(meant)}?" if meant else possible


def _kind_of(parameter: Any) -> type:
    """Return the one of KINDS that a parameter takes."""
    annotation = parameter.type_descriptor.annotation
    if parameter.nargs != 1 or parameter.multiple:
        return list
    return next((kind for kind in KINDS if kind in (annotation, *get_args(annotation))), str)


def _as_typed(parameter: Any, value: Any, place: str) -> Any:
    """Return a value as it would be typed on the command line. Raises SettingError for one of a wrong type."""
    wanted, mixed = _kind_of(parameter), MIXED_KINDS.get(parameter.metavar)
    allowed = (int, float, str) if mixed else ALLOWED.get(wanted, (wanted,))
    is_right = isinstance(value, allowed) and isinstance(value, bool) == (wanted is bool)
    if isinstance(value, list):
        is_right = is_right and all(isinstance(one, str) for one in value)
    if not is_right:
        raise SettingError(f"{place} is {value!r}, but it must be {mixed or KINDS[wanted]}", hint="correct the file")
    if wanted is list:
        return [value] if isinstance(value, str) else value
    return value if wanted is bool else str(value)


Config = Annotated[
    Path | None,
    option(
        "--config",
        metavar="FILE",
        is_eager=True,
        callback=_read_config,
        panel=COMMON,
        help="Read settings from a TOML file; options win over it.",
    ),
]
