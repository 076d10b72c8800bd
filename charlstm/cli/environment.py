"""Options that are set in the environment: CHARLSTM_TRAIN_UNITS is the --units of charlstm train."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

from charlstm.cli.help import ALL_OPTIONS
from charlstm.cli.suggestions import suggest_options


def name_variables(parameters: Sequence[Any], words: Sequence[str]) -> None:
    """Give the options of the command with this path their variables; those that can be given several times have none.

    The parser takes the values from the variables.
    """
    for parameter in parameters:
        name = max(parameter.opts, key=len)
        if name.startswith("--") and name != ALL_OPTIONS and not parameter.multiple:
            parameter.envvar = _prefix(words) + _as_variable(name.removeprefix("--"))
            parameter.show_envvar = False


def unknown_variables(context: Any) -> Iterator[str]:
    """Say of each variable that is named like one of the command, but is none, which one may be meant."""
    prefix = _prefix(context.command_path.split())
    known = {one.envvar: name for one in context.command.params if one.envvar for name in one.opts if len(name) > 2}
    of_subcommands = tuple(prefix + _as_variable(name) + "_" for name in getattr(context.command, "commands", {}))
    for variable in sorted(os.environ):
        if not variable.startswith(prefix) or variable in known or variable.startswith(of_subcommands):
            continue
        options = suggest_options(variable.removeprefix(prefix), list(known.values()))
        meant = [one for one, name in known.items() if name in options]
        yield f"{variable} sets no option" + (f"; did you mean {' or '.join(meant)}?" if meant else "")


def _prefix(words: Sequence[str]) -> str:
    return "".join(f"{_as_variable(word)}_" for word in words)


def _as_variable(name: str) -> str:
    return name.replace("-", "_").upper()
