"""Ranges of the bytes of a file as texts of their own, for splits that count bytes."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from charlstm.errors import CorpusError
from charlstm.text.compression import ByteStream
from charlstm.text.corpus import Corpus, find_texts, load_corpus
from charlstm.text.decoding_options import DecodingOptions, OnMessage
from charlstm.text.sources import TextSource
from charlstm.text.streams import is_stream

CHUNK_BYTES = 1 << 20
CONTINUATION = bytes(range(0x80, 0xC0))  # bytes of a character in UTF-8 after its first one
MAX_CONTINUATION = 3  # of a character


def count_bytes(texts: Sequence[str | Path]) -> int:
    """Return the number of bytes of the only file among texts, decompressed. Raises CorpusError if it is not one."""
    with _only_source(texts).open() as stream:
        return sum(map(len, iter(lambda: stream.read(CHUNK_BYTES), b"")))


def load_byte_range(
    texts: Sequence[str | Path],
    start: int,
    end: int,
    options: DecodingOptions,
    *,
    is_recorded: bool = False,
    on_message: OnMessage = lambda _: None,
) -> Corpus:
    """Read the bytes from `start` to before `end` of the only file among texts as a text.

    A character in UTF-8 belongs to the range that it begins in. Raises CorpusError if there is no single file.
    """
    source = _only_source(texts, is_recorded=is_recorded)
    with tempfile.TemporaryDirectory(prefix="charlstm-") as folder:
        path = Path(folder, "range")
        with source.open() as stream, path.open("wb") as copy:
            copy.writelines(_range(stream, start, end))
        return load_corpus(
            [path], options, on_message=lambda message: on_message(message.replace(str(path), source.name))
        )


def _only_source(texts: Sequence[str | Path], *, is_recorded: bool = False) -> TextSource:
    if len(texts) == 1 and not is_stream(texts[0]):
        sources = find_texts(texts[0], None, is_recorded=is_recorded).sources
        if len(sources) == 1:
            return sources[0]
    raise CorpusError("a split in bytes is of one file, but the text is not one file", hint="give the path of the file")


def _range(stream: ByteStream, start: int, end: int) -> Iterator[bytes]:
    for _ in _read(stream, start):
        pass
    head = b"".join(_read(stream, min(MAX_CONTINUATION, end - start))) if start else b""
    yield head.lstrip(CONTINUATION)
    yield from _read(stream, end - start - len(head))
    tail = b"".join(_read(stream, MAX_CONTINUATION))
    yield tail[: len(tail) - len(tail.lstrip(CONTINUATION))]


def _read(stream: ByteStream, size: int) -> Iterator[bytes]:
    """Yield the next bytes in chunks; fewer at the end of the file."""
    while size and (chunk := stream.read(min(CHUNK_BYTES, size))):
        yield chunk
        size -= len(chunk)
