"""Messages on stderr: status, warnings and errors. stdout is for results."""

import math
import os
import re
import shlex
import sys
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from charlstm.cli.options import with_option_names

MAX_NAMED_CHARACTERS = 8  # in a message about unknown characters
DRIVES_TERMINAL = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
TERMINAL_ENCODING = (getattr(sys.stderr, "encoding", None) or "utf-8").lower()  # before we write UTF-8 to it
AMBER = "color(136)"  # yellow cannot be read on white
DOTTED_CIRCLE = "\u25cc"  # carries a combining mark that stands alone


class _Console(Console):
    """A console that falls silent, instead of ending the process, when the reader of stderr has gone away.

    It draws frames with ASCII on a terminal of another encoding than UTF-8.
    """

    @property
    def encoding(self) -> str:
        return TERMINAL_ENCODING

    def on_broken_pipe(self) -> None:
        self.quiet = True


console = _Console(stderr=True, highlight=False)


def command_line(*words: str | Path) -> str:
    """Return a command of charlstm to be pasted into a shell; the last word may be any path."""
    *options, path = map(str, words)
    return shlex.join(["charlstm", *options, f"./{path}" if path.startswith("-") else path])


def terminal_width() -> int:
    """Return the number of columns of the terminal."""
    return console.width


def terminal_size() -> tuple[int, int]:
    """Return the columns and rows of the terminal, or of a usual one if there is none."""
    return console.width, console.height


def shows_colours() -> bool:
    """Return whether stdout is a terminal with colours that the user wants: see https://no-color.org."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and not is_dumb()


def is_dumb() -> bool:
    """Return whether the terminal cannot move its cursor."""
    return os.environ.get("TERM") in ("dumb", "unknown")


def is_terminal() -> bool:
    """Return whether stderr is a terminal; unlike console.is_terminal it never takes a file for one (FORCE_COLOR)."""
    return console.file.isatty()


def can_redraw() -> bool:
    """Return whether stderr is a terminal on which lines can be drawn again."""
    return is_terminal() and not console.is_dumb_terminal


def draws_ascii() -> bool:
    """Return whether frames and plots must do with ASCII."""
    return console.options.ascii_only


def say(line: str, style: str = "") -> None:
    """Show one line of status. A terminal that has been closed raises no error."""
    with suppress(OSError):
        _show("", line, style=style)


def show_command(purpose: str, command: str) -> None:
    """Show a command to copy: on one line, or on a line of its own if the terminal is too narrow for both."""
    text = Text.assemble(f"{purpose}:", " ", (visible(command), "bold"))
    if is_terminal() and text.cell_len > console.width:
        text = Text.assemble(f"{purpose}:", "\n", (visible(command), "bold"))
    with suppress(OSError):
        console.print(text, soft_wrap=True)


def warn(line: str) -> None:
    """Show a warning, on one line. A terminal that has been closed raises no error."""
    with suppress(OSError):
        _show("warning", line, label_style=f"bold {AMBER}")


def ask(question: str) -> bool:
    """Ask a question on stderr, and return whether the answer on stdin is yes."""
    console.print(Text(f"{visible(question)} [y/N] "), end="", soft_wrap=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def show_error(message: str, hint: str) -> None:
    """Show what went wrong on one line, and below it how to fix it. A closed terminal raises no error."""
    with suppress(OSError):
        _show("error", message, label_style="bold red")
        if hint:
            _show("hint", hint, label_style="bold")


def visible(text: str, *, keep: str = "") -> str:
    """Escape what can drive the terminal or hide text on it, except characters in `keep`.

    That is control characters, line and paragraph separators, bidirectional embeddings, overrides and isolates, and
    lone surrogates. Joiners, soft hyphens, variation selectors and directional marks are part of the text, and stay.
    """
    return DRIVES_TERMINAL.sub(lambda match: match[0] if match[0] in keep else escaped(match[0]), text)


def escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


def changes_line(changes: Mapping[str, str]) -> str:
    """Describe what was done about unknown characters, in one line."""
    replaced = [f"{named_character(old)} with {named_character(new)}" for old, new in changes.items() if new]
    skipped = [named_character(old) for old, new in changes.items() if not new]
    parts = [f"replaced {_shortened(replaced)}"] if replaced else []
    parts += [f"skipped {_shortened(skipped)}"] if skipped else []
    return f"characters that the model does not know: {'; '.join(parts)}"


def named_character(character: str) -> str:
    """Return a character with its code point, or only the code point of one that cannot be seen."""
    code_point = f"U+{ord(character):04X}"
    return f"{standing_alone(character)} ({code_point})" if is_visible(character) else code_point


def is_visible(character: str) -> bool:
    return character.isprintable() and not character.isspace()


def standing_alone(character: str) -> str:
    """Return a character as it is shown by itself: a combining mark on a circle, not on its neighbour."""
    return DOTTED_CIRCLE + character if unicodedata.category(character).startswith("M") else character


def loss(nats: float) -> str:
    """Format a loss in nats and in bits."""
    return f"{nats:.4f} nats ({nats / math.log(2):.4f} bits)"


def clock(seconds: float) -> str:
    """Format a duration as 1:02:03 or 2:03."""
    hours, rest = divmod(round(seconds), 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _show(label: str, line: str, *, label_style: str = "", style: str = "") -> None:
    """Show a line, broken at spaces on a terminal that is too narrow for it, and nowhere else."""
    prefix = f"{label}: " if label else ""
    text = Text(prefix + _wrapped(prefix + visible(with_option_names(line)))[len(prefix) :], style)
    text.stylize(label_style, 0, len(prefix))
    console.print(text, soft_wrap=True)


def _wrapped(line: str) -> str:
    """Break a line at spaces, so that a terminal does not break it within a word; a longer word stays whole."""
    if not is_terminal() or cell_len(line) <= console.width:
        return line
    from wcwidth import wrap

    return "\n".join(wrap(line, console.width, break_long_words=False, break_on_hyphens=False))


def _shortened(names: list[str]) -> str:
    more = len(names) - MAX_NAMED_CHARACTERS
    return ", ".join(names[:MAX_NAMED_CHARACTERS]) + (f" and {more} more" if more > 0 else "")
