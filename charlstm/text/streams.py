"""Texts that can be read only once, such as standard input: copied to where they can be read again.

The copy is in memory or, if it is large, in a temporary file without a name, which the system removes with the process.
"""

import contextlib
import io
import os
import re
import stat
import sys
import tempfile
from pathlib import Path
from typing import IO

from charlstm.errors import CorpusError

STANDARD_INPUT = "-"
MAX_STREAM_BYTES = 1 << 30
MAX_IN_MEMORY = 1 << 24  # bytes
CHUNK_BYTES = 1 << 20
_STANDARD_INPUT = re.compile(r"-|/dev/(?:stdin|fd/0)|/proc/self/fd/0")
_DESCRIPTOR = re.compile(r"/(?:dev|proc/(?:self|thread-self|\d+))/fd/(\d+)")  # what the shell makes of `<(command)`


def is_stream(text: str | Path) -> bool:
    """Return whether an argument can be read only once: standard input, a descriptor, a pipe or a device."""
    return is_descriptor(text) or (os.path.exists(text) and not os.path.isfile(text) and not os.path.isdir(text))


def is_descriptor(text: str | Path) -> bool:
    """Return whether an argument is a descriptor that this process was started with: `-`, `/dev/stdin`, `/dev/fd/3`."""
    path = _normal_path(text)
    return bool(_STANDARD_INPUT.fullmatch(path) or _DESCRIPTOR.fullmatch(path))


def stream_name(text: str | Path) -> str:
    """Return what a stream is called in messages."""
    return "standard input" if _STANDARD_INPUT.fullmatch(_normal_path(text)) else str(text)


def copy_stream(text: str | Path) -> IO[bytes]:
    """Copy a stream to its end, to a file that the caller closes.

    Raises CorpusError for a device (apart from the null device), a terminal, and more than MAX_STREAM_BYTES.
    """
    name = stream_name(text)
    try:
        if _STANDARD_INPUT.fullmatch(_normal_path(text)):
            if sys.stdin is None:
                raise _closed()
            return _copy(sys.stdin.buffer, name)
        if not is_descriptor(text):
            _check_is_no_device(os.stat(text), name)  # opening some devices has effects
        with Path(text).open("rb") as stream:
            return _copy(stream, name)
    except OSError as error:
        raise cannot_read(name, error) from error


def open_unbuffered(text: str | Path) -> IO[bytes]:
    """Open a stream to read what has come of it, without waiting for more; a terminal is one as well.

    Raises CorpusError for a device and for a stream that cannot be opened.
    """
    name = stream_name(text)
    try:
        if not _STANDARD_INPUT.fullmatch(_normal_path(text)):
            if not is_descriptor(text):
                _check_is_no_device(os.stat(text), name)
            return Path(text).open("rb", buffering=0)
        if sys.stdin is None:
            raise _closed()
        stream: IO[bytes] = getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)
        if not stream.isatty():
            with contextlib.suppress(io.UnsupportedOperation):  # a stream in memory has no descriptor
                _check_is_no_device(os.fstat(stream.fileno()), name)
        return stream
    except OSError as error:
        raise cannot_read(name, error) from error


def _closed() -> CorpusError:
    return CorpusError("standard input is closed", hint="give a file, or pipe a text into the command")


def cannot_read(name: str, error: OSError) -> CorpusError:
    """Return the error for a stream that cannot be opened or read."""
    return CorpusError(f"{name} cannot be read: {error.strerror or error}", hint="check that it is open")


def _copy(stream: IO[bytes], name: str) -> IO[bytes]:
    try:
        descriptor = stream.fileno()
    except OSError:  # a stream in memory has none
        pass
    else:
        if os.isatty(descriptor):
            raise CorpusError(
                f"{name} is a terminal", hint="pipe a text into the command: cat lyrics.txt | charlstm train -"
            )
        _check_is_no_device(os.fstat(descriptor), name)
    copy = tempfile.SpooledTemporaryFile(max_size=MAX_IN_MEMORY)  # noqa: SIM115 (the caller closes it)
    try:
        for content in iter(lambda: stream.read(CHUNK_BYTES), b""):
            _append(copy, content, name)
            if copy.tell() > MAX_STREAM_BYTES:
                raise CorpusError(
                    f"{name} has more than {MAX_STREAM_BYTES:,} bytes", hint="save the text to a file and give the file"
                )
    except BaseException:
        copy.close()
        raise
    return copy


def _append(copy: "tempfile.SpooledTemporaryFile[bytes]", content: bytes, name: str) -> None:
    try:
        copy.write(content)
    except OSError as error:
        raise CorpusError(
            f"{name} cannot be kept in a temporary file: {error.strerror or error}",
            hint="free some space, set TMPDIR to another folder, or save the text to a file and give the file",
        ) from error


def _check_is_no_device(status: os.stat_result, name: str) -> None:
    is_null = stat.S_ISCHR(status.st_mode) and status.st_rdev == os.stat(os.devnull).st_rdev
    if (stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode)) and not is_null:
        raise CorpusError(f"{name} is a device, not a text", hint="give a file, a folder, or - for standard input")


def _normal_path(text: str | Path) -> str:
    return STANDARD_INPUT if str(text) == STANDARD_INPUT else os.path.abspath(text)
