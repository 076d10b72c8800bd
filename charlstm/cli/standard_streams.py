"""Standard input, output and error as a shell may hand them over: closed, full, or read by a process that has ended."""

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO


class StandardOutput(io.TextIOWrapper):
    """Standard output, which remembers why it could not be written: the exception alone does not say what failed."""

    error: OSError | None = None

    def write(self, text: str) -> int:
        with self._remembering_errors():
            return super().write(text)

    def flush(self) -> None:
        with self._remembering_errors():
            super().flush()

    @contextlib.contextmanager
    def _remembering_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.error = error
            raise


@dataclass(frozen=True)
class StandardStreams:
    """The streams that a command writes to. Typer replaces those in `sys` when the reader has gone away."""

    stdout: TextIO
    stderr: TextIO

    @property
    def stdout_error(self) -> OSError | None:
        """Why what was written to standard output cannot be delivered, or None."""
        return getattr(self.stdout, "error", None)

    def abandon_broken(self) -> None:
        """Let Python, which flushes both when it exits, succeed: what could not be written is lost."""
        for stream in (self.stdout, self.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):  # ValueError: it has been closed
                with contextlib.suppress(OSError, ValueError):
                    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def prepare_standard_streams() -> StandardStreams:
    """Write UTF-8, and open what is closed, so that no file of ours gets its number and a library's messages.

    A closed standard output stays one that cannot be written. The messages for a closed standard error are lost.
    """
    for descriptor, mode in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        if not _is_open(descriptor):
            os.open(os.devnull, mode)  # gets the lowest number that is free
            os.set_inheritable(descriptor, True)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", closefd=False)
    if sys.stdout is None:
        sys.stdout = StandardOutput(os.fdopen(1, "wb", closefd=False))
    elif sys.stdout is sys.__stdout__ and type(sys.stdout) is io.TextIOWrapper:
        line_buffering, write_through = sys.stdout.line_buffering, sys.stdout.write_through
        binary = sys.stdout.detach()
        sys.stdout = StandardOutput(binary, line_buffering=line_buffering, write_through=write_through)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")
    return StandardStreams(sys.stdout, sys.stderr)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
