"""Wrong usage of the command line, as a message and a hint."""

import os
from typing import Any

import typer

from charlstm.cli.config_file import place_of
from charlstm.cli.help import ALL_OPTIONS
from charlstm.cli.options import command_line, current_command_path, parameters_in
from charlstm.cli.suggestions import suggest_options


def explain_usage(problem: typer.TyperException) -> tuple[str, str]:
    """Return the message and the hint for an error that the parser of the command line found."""
    context: Any = getattr(problem, "ctx", None)
    path = context.command_path if context else current_command_path()
    known = [name for one in context.command.get_params(context) for name in one.opts] if context else []
    advice = f"see {path} {ALL_OPTIONS if ALL_OPTIONS in known else '--help'}"
    if not hasattr(problem, "possibilities"):  # another error than an unknown option
        parameter = getattr(problem, "param", None)
        place = place_of(context, parameter) if context and parameter else ""
        return place + (_wrong_switch(context, parameter) or problem.format_message()), advice
    unknown = _as_typed(getattr(problem, "option_name", ""))
    meant = suggest_options(unknown, known)
    return f"there is no option {unknown}", f"did you mean {' or '.join(meant)}? {advice}" if meant else advice


def _wrong_switch(context: Any, parameter: Any) -> str:
    """Return the message for the variable of a switch that is neither on nor off; empty for another error."""
    value = os.environ.get(getattr(parameter, "envvar", None) or "")
    source = context.get_parameter_source(parameter.name) if context and parameter else None
    if value is None or not parameter.is_flag or source is None or source.name != "ENVIRONMENT":
        return ""
    return f"{max(parameter.opts, key=len)} is {value!r}, but it must be 1 or 0"


def place_in(message: str) -> str:
    """Say where the first setting that a message names was set, if that was a file or an environment variable."""
    return next(filter(None, (place_of(*found) for found in parameters_in(message))), "")


def _as_typed(name: str) -> str:
    """Return an unknown option as it was typed: the parser takes -lr for -l and -r."""
    typed = [word for word in command_line() if word.startswith(name) and len(word) > len(name)]
    return typed[0].partition("=")[0] if typed and not name.startswith("--") else name
