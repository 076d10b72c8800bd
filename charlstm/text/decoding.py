"""Bytes to clean text, chunk by chunk: encoding, line ends, Project Gutenberg's licence, Unicode normal form, case."""

import codecs
from collections.abc import Iterator
from functools import partial

from charlstm.errors import CorpusError
from charlstm.figures import counted
from charlstm.text.boilerplate import strip_boilerplate
from charlstm.text.cleaning import Counts, clean_chunks
from charlstm.text.compression import ByteStream
from charlstm.text.decoding_options import DecodingOptions, OnMessage
from charlstm.text.detection import HEAD_BYTES, TextEncoding, detect_encoding, encoding_by_name
from charlstm.text.normalization import lowercase_chunks, normalize_chunks
from charlstm.text.sources import TextSource
from charlstm.text.utf8 import MARK_INVALID, Utf8Decoder, whole_lines

CHUNK_BYTES = 1 << 20  # read at once; a chunk of text has about as many characters
ENCODINGS_WITH_NEXT_LINE = ("cp037", "cp273", "cp424", "cp500", "cp875", "cp1026", "cp1140")  # EBCDIC


def read_chunks(source: TextSource, options: DecodingOptions, on_message: OnMessage) -> Iterator[str]:
    """Yield the clean text of a source in chunks of about a million characters.

    `on_message` gets a line about an unusual encoding and about what was left out. Raises CorpusError if the source
    cannot be read or is not a text.
    """
    counts = Counts()
    if options.encoding is not None:
        chunks = _decode_named(source, options.encoding)
        encoding = TextEncoding(codecs.lookup(options.encoding).name)
    else:
        detected = detect_encoding(source)
        if detected is None:
            return
        encoding = detected
        chunks = _decode_detected(source, encoding, on_message)
    chunks = clean_chunks(chunks, counts, has_next_line=encoding.name in ENCODINGS_WITH_NEXT_LINE)
    if not options.keep_boilerplate:
        chunks = strip_boilerplate(chunks, partial(_report_boilerplate, source.name, on_message))
    chunks = normalize_chunks(chunks, options.normalize)
    yield from lowercase_chunks(chunks) if options.lowercase else chunks
    if counts.num_nuls:
        on_message(f"{source.name}: left out {counted(counts.num_nuls, 'NUL character')}")
    if counts.num_invalid:
        on_message(
            f"{source.name}: left out {counted(counts.num_invalid, 'character')} not in {encoding.name}, the first in "
            f"line {counts.first_invalid_line:,}"
        )


def _decode_detected(source: TextSource, encoding: TextEncoding, on_message: OnMessage) -> Iterator[str]:
    """Yield decoded text, with INVALID in place of bytes that cannot be decoded."""
    if encoding.name == "utf-8":
        utf8_decoder = Utf8Decoder(encoding.legacy)
        with source.open() as stream:
            yield from map(utf8_decoder.decode, whole_lines(stream))
        if utf8_decoder.num_legacy:
            on_message(
                f"{source.name}: read {counted(utf8_decoder.num_legacy, 'character')} not in utf-8, the first in line "
                f"{utf8_decoder.first_legacy_line:,}, as {encoding.legacy} ({encoding.certainty})"
            )
        return
    on_message(f"{source.name}: read as {encoding.name} ({encoding.certainty}); if that is wrong, give `encoding`")
    decoder = codecs.getincrementaldecoder(encoding.name)(MARK_INVALID)
    with source.open() as stream:
        for content in _contents(stream):
            yield decoder.decode(content, not content)


def _decode_named(source: TextSource, encoding: str) -> Iterator[str]:
    """Yield text decoded in the encoding that the user named; raises CorpusError for bytes that are not in it."""
    with source.open() as stream:
        codec = encoding_by_name(encoding, stream.read(HEAD_BYTES), name=source.name)
    decoder = codecs.getincrementaldecoder(codec)()
    num_lines = 0
    with source.open() as stream:
        for content in _contents(stream):
            try:
                text = decoder.decode(content, not content)
            except UnicodeError as error:
                before = error.object[: error.start] if isinstance(error, UnicodeDecodeError) else b""
                line = num_lines + before.count(b"\n") + 1
                raise CorpusError(
                    f"{source.name} is not {encoding}: {getattr(error, 'reason', error)} in line {line:,}",
                    hint="give another `encoding`, or leave it out to have it detected",
                ) from error
            num_lines += text.count("\n")
            yield text


def _contents(stream: ByteStream) -> Iterator[bytes]:
    """Yield the bytes of a stream in chunks, and an empty one at the end."""
    while content := stream.read(CHUNK_BYTES):
        yield content
    yield b""


def _report_boilerplate(name: str, on_message: OnMessage, num_removed: int) -> None:
    on_message(
        f"{name}: Project Gutenberg's licence was left out, {num_removed:,} characters (`keep_boilerplate` keeps it)"
    )
