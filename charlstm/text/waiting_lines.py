"""Lines of a stream as they come: those that are waiting are taken together, and nobody waits for the next ones."""

import codecs
import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from charlstm.errors import CorpusError
from charlstm.text.streams import cannot_read, open_unbuffered, stream_name
from charlstm.text.utf8 import MARK_INVALID

CHUNK_BYTES = 1 << 16
MAX_WAITING_BYTES = 1 << 28  # that are read ahead: more than that, and the writer has to wait
MAX_LINE_LENGTH = 1 << 24  # characters
DEFAULT_ENCODING = "utf-8"  # the encoding cannot be detected before all lines are there


def waiting_lines(text: str | Path, encoding: str | None = None) -> Iterator[list[str]]:
    """Yield the lines of a stream without their ends: each time all that have come, at least one.

    A line has `cleaning.INVALID` in place of bytes that cannot be decoded. Raises CorpusError for a stream that cannot
    be read, and for a line without an end.
    """
    name = stream_name(text)
    arrived = _ArrivedBytes(open_unbuffered(text))
    decoder = io.IncrementalNewlineDecoder(_make_decoder(encoding or DEFAULT_ENCODING), translate=True)
    rest = ""
    try:
        while content := arrived.take():
            *lines, rest = (rest + decoder.decode(content)).split("\n")
            if len(rest) > MAX_LINE_LENGTH:
                raise CorpusError(
                    f"{name} has a line of more than {MAX_LINE_LENGTH:,} characters", hint="end each line with \\n"
                )
            if lines:
                yield lines
    except OSError as error:
        raise cannot_read(name, error) from error
    if rest := rest + decoder.decode(b"", final=True):
        yield rest.split("\n")


def _make_decoder(encoding: str) -> codecs.IncrementalDecoder:
    codec = codecs.lookup(encoding).name
    return codecs.getincrementaldecoder("utf-8-sig" if codec == "utf-8" else codec)(MARK_INVALID)


class _ArrivedBytes:
    """Reads a stream in a thread of its own, so that its writer need not wait while other lines are answered."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._bytes = stream, bytearray()
        self._has_ended = False
        self._error: OSError | None = None
        self._changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()  # a read that waits must not keep the process alive

    def take(self) -> bytes:
        """Wait until something has come, and return all of it; nothing at the end. Raises OSError."""
        with self._changed:
            self._changed.wait_for(lambda: self._bytes or self._has_ended)
            content = bytes(self._bytes)
            self._bytes.clear()
            self._changed.notify_all()
        if self._error and not content:
            raise self._error
        return content

    def _read(self) -> None:
        try:
            while content := self._stream.read(CHUNK_BYTES):
                with self._changed:
                    self._changed.wait_for(lambda: len(self._bytes) < MAX_WAITING_BYTES)
                    self._bytes += content
                    self._changed.notify_all()
        except OSError as error:
            self._error = error
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()
