"""The help of a command as text for the terminal, and the classes of commands that show it."""

import re
import shutil
import textwrap
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from charlstm.cli.display.messages import warn
from charlstm.cli.environment import name_variables, unknown_variables
from charlstm.cli.help import ALL_OPTIONS, CommandHelp, Panel, common_part, describe_command, has_more_help
from charlstm.cli.options import COMMON, set_invoked
from charlstm.cli.suggestions import suggest_command
from charlstm.errors import SettingError

MAX_WIDTH = 100  # longer lines are hard to read
MAX_NAMES_WIDTH = 26  # longer names have a line of their own
NARROW = 60  # below this, all names have a line of their own
QUOTED = re.compile(r'"[^"]*"')
NO_BREAK = "\0"  # stands for a space where no line may end


class Command(TyperCommand):
    """A command whose help is in panels, and whose options can be set in the environment: CHARLSTM_TRAIN_UNITS."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        name_variables(self.params, [*(parent.command_path.split() if parent else []), info_name or ""])
        return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: Any) -> Any:
        set_invoked(ctx)
        _warn_about_variables(ctx)
        return super().invoke(ctx)

    def get_help(self, ctx: Any) -> str:
        described = describe_command(ctx)
        return help_text(common_part(described) if has_more_help(ctx) else described)


class Group(TyperGroup):
    """A group of commands whose help is in panels."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        if parent:  # the program's own options, such as --version, are no settings
            name_variables(self.params, [*parent.command_path.split(), info_name or ""])
        return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: Any) -> Any:
        if ctx.parent:
            _warn_about_variables(ctx)
        return super().invoke(ctx)

    def get_help(self, ctx: Any) -> str:
        return help_text(describe_command(ctx))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        if name not in self.commands and not name.startswith("-") and not ctx.resilient_parsing:
            raise SettingError(
                f"there is no command {name!r}", hint=suggest_command(name, list(self.commands), ctx.command_path)
            )
        return super().resolve_command(ctx, args)


def _warn_about_variables(context: Any) -> None:
    for warning in unknown_variables(context):
        warn(warning)


def help_all(others: str) -> Any:
    """Return the option that shows all options of a command whose `--help` shows only the common ones."""

    def show(context: typer.Context, wanted: bool) -> None:
        if wanted and not context.resilient_parsing:
            typer.echo(help_text(describe_command(context)))
            raise typer.Exit

    return typer.Option(
        ALL_OPTIONS,
        is_eager=True,
        callback=show,
        rich_help_panel=COMMON,
        help=f"Show all options: {others}.",
    )


def help_text(described: CommandHelp) -> str:
    """Lay out the help of a command for the width of the terminal. No word is ever cut."""
    width = min(shutil.get_terminal_size().columns, MAX_WIDTH)
    usage = _wrap(f"Usage: {described.path} {described.usage}", width, later="  ")
    paragraphs = [_wrap(paragraph, width, first="  ", later="  ") for paragraph in described.paragraphs]
    examples = [line for example in described.examples for line in _wrap_example(example, width)]
    sections = [usage, *paragraphs, examples, *(_lay_out(panel, width) for panel in described.panels)]
    return "\n\n".join("\n".join(lines) for lines in sections if lines)


def _wrap(text: str, width: int, *, first: str = "", later: str = "") -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=later, break_long_words=False, break_on_hyphens=False
    )


def _wrap_example(example: str, width: int) -> list[str]:
    """Break a command between words, with a backslash, so that it can be pasted all the same."""
    whole_texts = QUOTED.sub(lambda match: match[0].replace(" ", NO_BREAK), example)
    *lines, last = [line.replace(NO_BREAK, " ") for line in _wrap(whole_texts, width - 2, first="  ", later="    ")]
    return [*(f"{line} \\" for line in lines), last]


def _lay_out(panel: Panel, width: int) -> list[str]:
    names_width = _names_width(panel, width)
    lines = [f"{panel.title}:"]
    for names, text in panel.rows:
        if len(names) <= names_width:
            lines += _wrap(text, width, first=f"  {names:{names_width}}  ", later=" " * (names_width + 4)) or [
                f"  {names}"
            ]
        else:
            indent = " " * ((names_width + 4) if names_width else 6)
            lines += [f"  {names}", *_wrap(text, width, first=indent, later=indent)]
    return lines


def _names_width(panel: Panel, width: int) -> int:
    """Return the width of the column of names, or 0 if the terminal is too narrow for two columns."""
    if width < NARROW:
        return 0
    return max((len(names) for names, _ in panel.rows if len(names) <= MAX_NAMES_WIDTH), default=0)
