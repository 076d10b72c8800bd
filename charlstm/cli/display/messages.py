"""Messages on stderr: status, warnings and errors. stdout is for results."""

import math
import shlex
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from rich.text import Text

from charlstm.cli.options import with_option_names

MAX_NAMED_CHARACTERS = 8  # in a message about unknown characters
HIDDEN_CATEGORIES = ("Cc", "Cf", "Cs")  # of Unicode: control characters, format characters, surrogates


class _Console(Console):
    """A console that falls silent, instead of ending the process, when the reader of stderr has gone away."""

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


def say(line: str, style: str = "") -> None:
    """Show one line of status, never wrapped. A terminal that has been closed raises no error."""
    with suppress(OSError):
        _show("", line, style=style)


def warn(line: str) -> None:
    """Show a warning, on one line. A terminal that has been closed raises no error."""
    with suppress(OSError):
        _show("warning", line, label_style="bold yellow")


def show_error(message: str, hint: str) -> None:
    """Show what went wrong on one line, and below it how to fix it. A closed terminal raises no error."""
    with suppress(OSError):
        _show("error", message, label_style="bold red")
        if hint:
            _show("hint", hint, label_style="bold")


def visible(text: str, *, keep: str = "") -> str:
    """Escape all control characters except those in `keep`, so that the text cannot drive the terminal."""
    return "".join(
        character
        if character in keep or unicodedata.category(character) not in HIDDEN_CATEGORIES
        else character.encode("unicode_escape").decode()
        for character in text
    )


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
    return f"{character} ({code_point})" if is_visible(character) else code_point


def is_visible(character: str) -> bool:
    return character.isprintable() and not character.isspace()


def loss(nats: float) -> str:
    """Format a loss in nats and in bits."""
    return f"{nats:.4f} nats ({nats / math.log(2):.4f} bits)"


def clock(seconds: float) -> str:
    """Format a duration as 1:02:03 or 2:03."""
    hours, rest = divmod(round(seconds), 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _show(label: str, line: str, *, label_style: str = "", style: str = "") -> None:
    prefix = (f"{label}: ", label_style) if label else ""
    console.print(Text.assemble(prefix, (visible(with_option_names(line)), style)), soft_wrap=True)


def _shortened(names: list[str]) -> str:
    more = len(names) - MAX_NAMED_CHARACTERS
    return ", ".join(names[:MAX_NAMED_CHARACTERS]) + (f" and {more} more" if more > 0 else "")
