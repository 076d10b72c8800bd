"""Wrong usage of the command line, as a message and a hint."""

import re
from typing import Any

import typer

from charlstm.cli.config_file import place_of
from charlstm.cli.help import ALL_OPTIONS, describe_command
from charlstm.cli.options import command_line, current_command_path, parameters_in
from charlstm.cli.suggestions import suggest_options
from charlstm.errors import SettingError, shown

EXPECTED = {  # kinds of pydantic's errors: what a value must be
    "bool_parsing": "1 or 0",
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "greater_than": "above {gt:,}",
    "greater_than_equal": "at least {ge:,}",
    "less_than": "below {lt:,}",
    "less_than_equal": "at most {le:,}",
}
DECIMAL_COMMA = re.compile(r"([+-]?\d+),(\d+)")


def explain_usage(problem: typer.TyperException) -> tuple[str, str]:
    """Return the message and the hint for an error that the parser of the command line found."""
    context: Any = getattr(problem, "ctx", None)
    path = context.command_path if context else current_command_path()
    known = [name for one in context.command.get_params(context) for name in one.opts] if context else []
    advice = f"see {path} {ALL_OPTIONS if ALL_OPTIONS in known else '--help'}"
    if not hasattr(problem, "possibilities"):  # another error than an unknown option
        parameter = getattr(problem, "param", None)
        place = place_of(context, parameter) if context and parameter else ""
        message, hint = _explain(problem, parameter, context)
        return place + message, f"{hint}; {advice}" if hint else advice
    unknown = _as_typed(getattr(problem, "option_name", ""))
    meant = suggest_options(unknown, known)
    return f"there is no option {unknown}", f"did you mean {' or '.join(meant)}? {advice}" if meant else advice


def _explain(problem: typer.TyperException, parameter: Any, context: Any) -> tuple[str, str]:
    """Return the message and the hint for a wrong or missing value, or for more arguments than there can be."""
    message = problem.format_message()
    if message.startswith("Got unexpected extra argument"):
        extra = message.partition("(s) (")[2].removesuffix(")")
        return f"too many arguments: {extra}", "quotation marks join the words of one argument"
    if message.startswith("Missing argument") and parameter is not None:
        return f"{parameter.metavar} is missing", _usage(context)
    if parameter is None:
        return message, ""
    return _explain_value(problem, parameter.metavar if parameter.param_type_name == "argument" else parameter.opts[0])


def _explain_value(problem: typer.TyperException, name: str) -> tuple[str, str]:
    """Return the message and the hint for a wrong value of an option or argument."""
    cause: Any = problem.__cause__
    if isinstance(cause, SettingError):
        return f"{name}: {cause}", cause.hint
    found = cause.errors()[0] if hasattr(cause, "errors") else {}  # pydantic's
    if found.get("type") not in EXPECTED:
        return problem.format_message(), ""
    given, limits = found["input"], found.get("ctx", {})
    comma = DECIMAL_COMMA.fullmatch(str(given))
    hint = f"write it with a point: {comma[1]}.{comma[2]}" if comma and found["type"] == "float_parsing" else ""
    shown_value = given if {"gt", "ge", "lt", "le"} & limits.keys() else shown(given)
    return f"{name} is {shown_value}, but it must be {EXPECTED[found['type']].format(**limits)}", hint


def _usage(context: Any) -> str:
    """Return how a command is written, without its options."""
    described = describe_command(context)
    return f"usage: {described.path} {described.usage}".replace(" [OPTIONS]", "")


def place_in(message: str) -> str:
    """Say where the first setting that a message names was set, if that was a file or an environment variable."""
    return next(filter(None, (place_of(*found) for found in parameters_in(message))), "")


def _as_typed(name: str) -> str:
    """Return an unknown option as it was typed: the parser takes -lr for -l and -r."""
    typed = [word for word in command_line() if word.startswith(name) and len(word) > len(name)]
    return typed[0].partition("=")[0] if typed and not name.startswith("--") else name
