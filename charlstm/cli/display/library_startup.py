"""A status line while TensorFlow is imported, and silence for the messages that it prints."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import BinaryIO, TextIO

from charlstm.cli.display.live_display import status_line
from charlstm.cli.display.messages import console
from charlstm.errors import CharLSTMError

# Run by another process. Its standard input ends without a byte if this process dies; its standard output is the file
# of what libraries wrote, which may say why.
WATCHER = r"""
import os, re, sys
if not sys.stdin.buffer.read(1):
    os.lseek(1, 0, os.SEEK_SET)
    lines = os.read(1, 1 << 20).decode(errors="replace").splitlines()
    lines = [line.strip() for line in lines if line.strip() and not re.match("[IW][0-9]{4} |WARNING: ", line)]
    last = "".join(character if character.isprintable() else "?" for character in lines[-1]) if lines else ""
    clear = "\r\x1b[K\x1b[?25h" if sys.stderr.isatty() else ""
    print(f"{clear}error: the process died while TensorFlow was starting{': ' if last else ''}{last}", file=sys.stderr)
    print("hint: there may be too little memory for it, or it does not fit this processor", file=sys.stderr)
"""


@contextmanager
def starting_tensorflow(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Show a status line, unless quiet, while TensorFlow is imported; yields a function that changes the line."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    with _silenced_stderr(), nullcontext(lambda _: None) if quiet else status_line("starting TensorFlow") as show:
        yield show


@contextmanager
def _silenced_stderr() -> Iterator[None]:
    """Send what libraries write to file descriptor 2 to a file; show it only if an exception is raised that we do not
    explain ourselves, or if the process dies.

    Our own console keeps writing to the terminal.
    """
    sys.stderr.flush()
    with (
        _opened_stderr() as terminal,
        tempfile.TemporaryFile() as library_output,
        _watched(library_output),
    ):
        uses_stderr = console.file is sys.__stderr__
        if uses_stderr:
            console.file = terminal
        os.dup2(library_output.fileno(), 2)
        try:
            yield
        except (CharLSTMError, MemoryError):
            raise
        except Exception:
            library_output.seek(0)
            terminal.write(library_output.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(terminal.fileno(), 2)
            if uses_stderr:
                console.file = sys.stderr


@contextmanager
def _opened_stderr() -> Iterator[TextIO]:
    """Yield a file that writes to where file descriptor 2 leads now. What is lost because that is full is no error."""
    terminal = os.fdopen(os.dup(2), "w", encoding="utf-8")
    try:
        yield terminal
    finally:
        with contextlib.suppress(OSError):
            terminal.close()


@contextmanager
def _watched(library_output: BinaryIO) -> Iterator[None]:
    """Let another process tell the user if this one dies: a library may end it without raising an exception."""
    command = [sys.executable, "-I", "-S", "-c", WATCHER]
    try:
        watcher = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=library_output, start_new_session=True)  # noqa: S603
    except OSError:  # no room for another process
        yield
        return
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            watcher.communicate(b".")
