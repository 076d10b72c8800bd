"""The help of a command as data: its usage, description, examples, and its options in panels.

`--help` and the manual pages are two renderings of it.
"""

import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import typer

from charlstm.cli.options import COMMON, PANELS

EXAMPLES = "\b"  # the paragraph of a docstring that begins with this line holds examples, which are not rewrapped
UNADVERTISED = ("--out",)  # earlier names, which scripts may still use
ALL_OPTIONS = "--help-all"
MAX_COMMON_EXAMPLES = 2


@dataclass(frozen=True)
class Panel:
    """Options, arguments or commands under one title: names, and what they are for."""

    title: str
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class CommandHelp:
    """All that is said about a command."""

    path: str  # as it is typed: charlstm corpus stats
    usage: str  # what follows the path
    paragraphs: tuple[str, ...]  # the first one is the summary
    examples: tuple[str, ...]
    panels: tuple[Panel, ...]

    @property
    def summary(self) -> str:
        return self.paragraphs[0]


def describe_command(context: typer.Context) -> CommandHelp:
    """Return the help of the command of a context."""
    command: Any = context.command
    parameters = [one for one in command.get_params(context) if not getattr(one, "hidden", False)]
    paragraphs, examples = _read_docstring(command.help or "")
    return CommandHelp(
        path=context.command_path,
        usage=_usage(command, parameters),
        paragraphs=paragraphs,
        examples=examples,
        panels=(*_parameter_panels(parameters), *_command_panels(command)),
    )


def has_more_help(context: typer.Context) -> bool:
    """Return whether the command has so many options that `--help` shows only the common ones."""
    command: Any = context.command
    return any(ALL_OPTIONS in parameter.opts for parameter in command.params)


def common_part(described: CommandHelp) -> CommandHelp:
    """Return what most people need: the summary, the examples, the arguments and the common options."""
    panels = tuple(panel for panel in described.panels if panel.title in ("Arguments", COMMON))
    examples = described.examples[:MAX_COMMON_EXAMPLES]
    return CommandHelp(described.path, described.usage, described.paragraphs[:1], examples, panels)


def _read_docstring(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split the docstring of a command into its paragraphs and its examples."""
    paragraphs, examples = [], []
    for part in inspect.cleandoc(text).split("\n\n"):
        if part.startswith(EXAMPLES):
            examples += [line.strip() for line in part.splitlines()[1:]]
        else:
            paragraphs.append(" ".join(part.split()))
    return tuple(paragraphs), tuple(examples)


def _usage(command: Any, parameters: Iterable[Any]) -> str:
    arguments = []
    positional = [one for one in parameters if one.param_type_name == "argument"]
    for parameter in positional:
        name = parameter.metavar if parameter.required else f"[{parameter.metavar}]"
        is_last = parameter is positional[-1]  # before another argument a list is only a way to leave it out
        arguments.append(name + ("..." if parameter.nargs != 1 and is_last else ""))
    if hasattr(command, "commands"):
        arguments.append("COMMAND ...")
    return " ".join(["[OPTIONS]", *arguments])


def _parameter_panels(parameters: list[Any]) -> list[Panel]:
    """Return arguments, then the options: by their panels, the common ones first, if there are very many."""
    arguments = [_row(one) for one in parameters if one.param_type_name == "argument"]
    options = [one for one in parameters if one.param_type_name == "option"]
    has_panels = any(ALL_OPTIONS in one.opts for one in options)
    rows: dict[str, list[tuple[str, str]]] = {title: [] for title in (PANELS if has_panels else ["Options"])}
    for one in options:
        title = (one.rich_help_panel or COMMON) if has_panels else "Options"
        rows[title].append(_row(one))
    panels = [Panel(title, tuple(found)) for title, found in rows.items() if found]
    return [Panel("Arguments", tuple(arguments)), *panels] if arguments else panels


def _row(parameter: Any) -> tuple[str, str]:
    text = parameter.help or ""
    if parameter.param_type_name == "argument":
        return parameter.metavar, text
    names = sorted((name for name in parameter.opts if name not in UNADVERTISED), key=lambda name: name[:2] == "--")
    value = "" if parameter.is_flag else f" {parameter.metavar}"
    alternatives = "".join(f", {name}" for name in parameter.secondary_opts)
    if parameter.show_default and parameter.default not in (None, False):
        text += f" Default: {parameter.default}."
    return ", ".join(names) + alternatives + value, text


def _command_panels(command: Any) -> list[Panel]:
    """Return the subcommands of a group by their panels."""
    panels: dict[str, list[tuple[str, str]]] = {}
    for name, one in getattr(command, "commands", {}).items():
        if not one.hidden:
            summary = _read_docstring(one.help or "")[0][0]
            panels.setdefault(one.rich_help_panel or "Commands", []).append((name, summary))
    return [Panel(title, tuple(rows)) for title, rows in panels.items()]
