"""Generate the manual pages from the help of every command: `python -m tests.cli.manual docs/man/man1`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.main import get_command

from charlstm import __version__
from charlstm.cli.app import make_app
from charlstm.cli.help import CommandHelp, Panel, describe_command

EXIT_STATUS = Panel(
    "EXIT STATUS",
    (
        ("0", "Success."),
        ("1", "An error that the message explains."),
        ("2", "Wrong usage."),
        ("130, 143", "Stopped by Ctrl-C or SIGTERM; a run that was training has been saved."),
    ),
)


def pages() -> dict[str, str]:
    """Return the pages by the names of their files."""
    found = list(_described(get_command(make_app()), "charlstm", None))
    names = [_name(described) for described in found]
    return {f"{_name(described)}.1": _page(described, names) for described in found}


def _described(command: Any, name: str, parent: Any) -> Iterator[CommandHelp]:
    context = typer.Context(command, info_name=name, parent=parent, **command.context_settings)
    yield describe_command(context)
    for child, subcommand in getattr(command, "commands", {}).items():
        yield from _described(subcommand, child, context)


def _name(described: CommandHelp) -> str:
    return described.path.replace(" ", "-")


def _page(described: CommandHelp, names: list[str]) -> str:
    name = _name(described)
    near = [other for other in names if other != name and (name.startswith(other) or other.startswith(name))]
    lines = [
        f'.TH {_escaped(name.upper())} 1 "" "charlstm {__version__}" "charlstm"',
        ".SH NAME",
        _escaped(f"{name} - {described.summary.rstrip('.')}"),
        ".SH SYNOPSIS",
        f".B {_escaped(described.path)}",
        _escaped(described.usage),
        ".SH DESCRIPTION",
        *[line for paragraph in described.paragraphs for line in (".PP", _escaped(paragraph))],
        *[line for panel in described.panels for line in _section(panel)],
        *([".SH EXAMPLES", ".EX", *map(_escaped, described.examples), ".EE"] if described.examples else []),
        *_section(EXIT_STATUS),
        *([".SH SEE ALSO", _escaped(", ".join(f"{other}(1)" for other in near))] if near else []),
    ]
    return "\n".join(lines) + "\n"


def _section(panel: Panel) -> list[str]:
    lines = [f".SH {_escaped(panel.title.upper())}"]
    for names, text in panel.rows:
        lines += [".TP", f".B {_escaped(names)}", _escaped(text)]
    return lines


def _escaped(text: str) -> str:
    """Return a line for roff: no control line, with hyphens that can be copied and backslashes as they are."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


def write_pages(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.1"):
        old.unlink()
    for name, page in pages().items():
        (folder / name).write_text(page, encoding="utf-8")


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
