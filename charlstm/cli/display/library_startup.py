"""A status line while TensorFlow is imported, without the messages that it prints."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from charlstm.cli.display.messages import console


@contextmanager
def starting_tensorflow(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """A status line while TensorFlow is imported, and silence for what it says meanwhile.

    Yields a function that changes the line.
    """
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["KERAS_BACKEND"] = "tensorflow"
    with _own_stderr(), nullcontext() if quiet else console.status("starting TensorFlow") as status:
        yield status.update if status else lambda _: None


@contextmanager
def _own_stderr() -> Iterator[None]:
    """Send what libraries write to file descriptor 2 to a file, and only show it if an exception passes."""
    sys.stderr.flush()
    with os.fdopen(os.dup(2), "w", encoding="utf-8") as screen, tempfile.TemporaryFile() as chatter:
        goes_to_screen = console.file is sys.__stderr__
        if goes_to_screen:
            console.file = screen
        os.dup2(chatter.fileno(), 2)
        try:
            yield
        except Exception:
            chatter.seek(0)
            screen.write(chatter.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(screen.fileno(), 2)
            if goes_to_screen:
                console.file = sys.stderr
