"""Lines on stderr: status, warnings and errors. stdout is for results."""

import math
import unicodedata
from contextlib import suppress

from rich.console import Console
from rich.text import Text

from charlstm.cli.options import with_option_names

console = Console(stderr=True, highlight=False)


def terminal_width() -> int:
    """Columns that can be written in."""
    return console.width


def say(line: str, style: str = "") -> None:
    """One line of status, never wrapped. A terminal that has gone away stops nobody's work."""
    with suppress(OSError):
        console.print(Text(visible(with_option_names(line)), style=style), soft_wrap=True)


def warn(line: str) -> None:
    """One line about what did not go as it should."""
    with suppress(OSError):
        console.print(Text.assemble(("warning: ", "bold yellow"), visible(with_option_names(line))), soft_wrap=True)


def show_error(message: str, hint: str) -> None:
    """What is wrong, on one line, and on the next what to do about it."""
    console.print(Text.assemble(("error: ", "bold red"), visible(with_option_names(message))), soft_wrap=True)
    if hint:
        console.print(Text.assemble(("hint: ", "bold"), visible(with_option_names(hint))), soft_wrap=True)


def visible(text: str, *, keep: str = "") -> str:
    """The text with every control character written out, so that it cannot drive the terminal."""
    return "".join(
        character
        if character in keep or unicodedata.category(character) not in ("Cc", "Cf", "Cs")
        else character.encode("unicode_escape").decode()
        for character in text
    )


def changes_line(changes: dict[str, str]) -> str:
    """What was done about unknown characters, in a line."""
    replaced = [f"{_name(old)} to {_name(new)}" for old, new in changes.items() if new]
    left_out = [_name(old) for old, new in changes.items() if not new]
    parts = []
    if replaced:
        parts.append("changed " + _some(replaced))
    if left_out:
        parts.append("left out " + _some(left_out))
    return f"characters that the model does not know: {'; '.join(parts)}"


def _some(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _name(character: str) -> str:
    code_point = f"U+{ord(character):04X}"
    return f"{character} ({code_point})" if character.isprintable() and character.strip() else code_point


def loss(nats: float) -> str:
    return f"{nats:.4f} nats ({nats / math.log(2):.4f} bits)"


def clock(seconds: float) -> str:
    """1:02:03 or 2:03."""
    hours, rest = divmod(round(seconds), 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
