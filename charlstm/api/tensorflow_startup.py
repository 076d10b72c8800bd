"""Import TensorFlow without the notes about itself that it writes to stderr."""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_NOTE = re.compile(rb"[IW]0000 00:00:\d|WARNING: All log messages before absl")


@contextmanager
def starting_tensorflow() -> Iterator[None]:
    """Return a context to import TensorFlow in."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    if "tensorflow" in sys.modules:
        yield
    else:
        with _without_notes():
            yield


@contextmanager
def _without_notes() -> Iterator[None]:
    """Hold back what is written to file descriptor 2, and then write all of it but TensorFlow's notes.

    TensorFlow writes them from C++ before it can be told not to. Other threads may write to stderr meanwhile.
    """
    sys.stderr.flush()
    with os.fdopen(os.dup(2), "wb") as stderr, tempfile.TemporaryFile() as held_back:
        os.dup2(held_back.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr.fileno(), 2)
            held_back.seek(0)
            stderr.writelines(line for line in held_back if not _NOTE.match(line))
