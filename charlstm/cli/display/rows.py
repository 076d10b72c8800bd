"""Rows of a name and a value, for results on stdout."""

import shlex
import sys
from collections.abc import Iterable, Sequence

from rich.cells import cell_len

from charlstm.cli.display.messages import terminal_width, visible

MAX_WIDTH = 100  # columns
NO_BREAK_SPACE = "\u00a0"

Value = (
    str | Sequence[str]
)  # parts of a sequence are set apart, and broken at a space only if they are longer than a line


def output_width() -> int | None:
    """Return the number of columns of stdout; None if it is not a terminal, and lines may have any length."""
    return terminal_width() if sys.stdout.isatty() else None


def aligned(rows: Iterable[tuple[str, Value]], *, name_width: int) -> str:
    """Return the rows with aligned values; on a terminal long values are wrapped, elsewhere each row is one line."""
    columns = output_width()
    width = columns and min(MAX_WIDTH, columns)
    return "\n".join(row(name.ljust(name_width), value, width=width) for name, value in rows)


def row(name: str, value: Value, *, width: int | None) -> str:
    """Return a name and a value, wrapped to a width in columns if there is one and it is not too narrow for that."""
    text = visible(value if isinstance(value, str) else "  ".join(value))
    if width is None or width < 2 * len(name):
        return name + text
    from wcwidth import width as width_of
    from wcwidth import wrap  # by columns: wide characters have two, combining marks none

    if not isinstance(value, str):
        parts = map(visible, value)
        fits = width - len(name)
        text = "  ".join(part.replace(" ", NO_BREAK_SPACE) if width_of(part) <= fits else part for part in parts)
    lines = wrap(text, width, initial_indent=name, subsequent_indent=" " * len(name), break_on_hyphens=False)
    return "\n".join(lines if isinstance(value, str) else (line.replace(NO_BREAK_SPACE, " ") for line in lines))


def command_lines(arguments: Sequence[str], *, indent: str, width: int | None) -> str:
    """Return a command, quoted for the shell; if it is wrapped, then so that all its lines can be copied at once.

    >>> print(command_lines(["charlstm", "train", "my text.txt"], indent="  ", width=20))
      charlstm train \\
      'my text.txt'
    """
    lines = [""]
    for word in (visible(shlex.quote(argument)) for argument in arguments):
        if width and lines[-1] and cell_len(f"{indent}{lines[-1]} {word} \\") > width:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return " \\\n".join(indent + line for line in lines)
