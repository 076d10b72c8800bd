"""A status line while TensorFlow is imported, and silence for the messages that it prints."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from charlstm.cli.display.live_display import status_line
from charlstm.cli.display.messages import console


@contextmanager
def starting_tensorflow(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Show a status line, unless quiet, while TensorFlow is imported; yields a function that changes the line."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["KERAS_BACKEND"] = "tensorflow"
    with _silenced_stderr(), nullcontext(lambda _: None) if quiet else status_line("starting TensorFlow") as show:
        yield show


@contextmanager
def _silenced_stderr() -> Iterator[None]:
    """Send what libraries write to file descriptor 2 to a file; show it only if an exception is raised.

    Our own console keeps writing to the terminal.
    """
    sys.stderr.flush()
    with os.fdopen(os.dup(2), "w", encoding="utf-8") as terminal, tempfile.TemporaryFile() as library_output:
        uses_stderr = console.file is sys.__stderr__
        if uses_stderr:
            console.file = terminal
        os.dup2(library_output.fileno(), 2)
        try:
            yield
        except Exception:
            library_output.seek(0)
            terminal.write(library_output.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(terminal.fileno(), 2)
            if uses_stderr:
                console.file = sys.stderr
