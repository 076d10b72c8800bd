"""Bytes to clean text, chunk by chunk: encoding, line endings, Project Gutenberg's licence, Unicode normal form."""

import codecs
import io
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from charlstm.errors import CorpusError, SettingError, shown
from charlstm.text.compression import ByteStream
from charlstm.text.encodings import CERTAIN, LIKELY, DetectedEncoding, detect_legacy_encoding
from charlstm.text.normal_form import NORMAL_FORMS
from charlstm.text.sources import TextSource

CHUNK_BYTES = 1 << 20  # read at once; a chunk of text has about as many characters
SAMPLE_BYTES = 1 << 18  # that the encoding is detected from
MIN_SAMPLE_BYTES = 1 << 12  # of the start, and of what follows, beside a sample from the middle
MAX_INVALID_SHARE = 0.01  # of the characters of a text that is still taken for UTF-8
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),  # after UTF-32, which starts with the same bytes
    (codecs.BOM_UTF16_BE, "utf-16"),
)
MARK_INVALID = "charlstm-mark-invalid"  # the error handler that puts INVALID in place of bytes it cannot decode
INVALID = "\U0010ffff"  # a code point that Unicode promises never to assign
BOOK_START = re.compile(r"\*\*\* ?START OF (?:THE|THIS) PROJECT GUTENBERG EBOOK[^\n]*\n", re.IGNORECASE)
BOOK_END = re.compile(
    r"(?:\*\*\* ?END OF (?:THE|THIS) PROJECT GUTENBERG EBOOK|\n *End of (?:the )?Project Gutenberg)", re.IGNORECASE
)
MAX_PREAMBLE = 40_000  # characters before the first start mark of a Project Gutenberg file
MAX_MARK = 400  # characters of a start or end mark

OnMessage = Callable[[str], None]


@dataclass(frozen=True)
class DecodingOptions:
    """How bytes become text."""

    encoding: str | None = None  # None: detected
    normalize: str = "nfc"
    keep_boilerplate: bool = False
    lowercase: bool = False

    def __post_init__(self) -> None:
        if self.normalize not in NORMAL_FORMS:
            raise SettingError(
                f"`normalize` is {shown(self.normalize)}, but it must be one of {', '.join(NORMAL_FORMS)}",
                hint="leave it out for nfc",
            )
        if self.encoding is not None and not _is_text_encoding(self.encoding):
            raise SettingError(
                f"there is no encoding {shown(self.encoding)}",
                hint="try `encoding` utf-8, latin-1 or cp1252, or leave it out",
            )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def read_chunks(source: TextSource, options: DecodingOptions, on_message: OnMessage) -> Iterator[str]:
    """Yield the clean text of a source in chunks of about a million characters.

    `on_message` gets a line about an unusual encoding and about what was left out. Raises CorpusError if the source
    cannot be read or is not a text.
    """
    with source.open() as stream:
        sample = _read_sample(stream)
    if not sample:
        return
    encoding = options.encoding
    if encoding is None:
        detected = detect_encoding(sample, name=source.name)
        encoding = detected.name
        if encoding not in ("utf-8", "utf-8-sig"):
            on_message(f"{source.name}: read as {encoding} ({detected.certainty}); if that is wrong, give `encoding`")
    with source.open() as stream:
        errors = MARK_INVALID if options.encoding is None else "strict"
        chunks = _decode(stream, encoding, errors=errors, name=source.name, on_message=on_message)
        if not options.keep_boilerplate:
            chunks = strip_boilerplate(chunks, partial(_report_boilerplate, source.name, on_message))
        for chunk in normalize_chunks(chunks, options.normalize):
            yield chunk.lower() if options.lowercase else chunk


def _read_sample(stream: ByteStream) -> bytes:
    """Read up to SAMPLE_BYTES from the start or, if that is ASCII, from the first byte beyond ASCII on."""
    head = sample = stream.read(SAMPLE_BYTES)
    while sample and sample.isascii() and b"\x1b" not in sample:
        sample = stream.read(SAMPLE_BYTES)
    return head if not sample or sample is head else head[:MIN_SAMPLE_BYTES] + sample + stream.read(MIN_SAMPLE_BYTES)


def detect_encoding(sample: bytes, *, name: str) -> DetectedEncoding:
    """Return the encoding of a text by its byte-order mark, as UTF-8 if it nearly is, else by its letters.

    Raises CorpusError, with the name of the source, for bytes that are not text.
    """
    for mark, encoding in BYTE_ORDER_MARKS:
        if sample.startswith(mark):
            return DetectedEncoding(encoding, CERTAIN)
    if b"\0" in sample:
        for encoding, zero_byte in (("utf-16-le", 1), ("utf-16-be", 0)):
            if sample[zero_byte::2].count(0) > len(sample) // 4 > sample[1 - zero_byte :: 2].count(0):
                return DetectedEncoding(encoding, LIKELY)
        raise CorpusError(
            f"{name} is a binary file: it has a NUL at byte {sample.index(0):,}", hint="give a plain text file"
        )
    if b"\x1b$" not in sample and _is_utf8(sample):  # an escape sequence switches to Japanese or Korean in ISO-2022
        return DetectedEncoding("utf-8", CERTAIN)
    detected = detect_legacy_encoding(sample)
    num_controls = sum(byte < 32 and byte not in b"\t\n\f\r\x1b" for byte in sample)
    if detected is None or num_controls > 0.05 * len(sample):
        raise CorpusError(
            f"{name} is not a text in any known encoding",
            hint="if it is a text file, name its encoding: `encoding` latin-1",
        )
    return detected


def _is_utf8(sample: bytes) -> bool:
    """Return whether bytes are UTF-8, with few errors at the most; the last character may be cut."""
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(sample)
    num_invalid = text.count("\ufffd") - sample.count("\ufffd".encode())
    num_multibyte = sum(1 for byte in sample if byte >= 0xC0)  # characters of several bytes, if it is UTF-8
    return num_invalid == 0 or (num_invalid <= MAX_INVALID_SHARE * len(text) and num_invalid < num_multibyte / 4)


def _is_text_encoding(name: str) -> bool:
    try:
        codecs.getincrementaldecoder(name)
        io.TextIOWrapper(io.BytesIO(), encoding=name)  # refuses codecs of other things than text, such as zlib
    except (LookupError, ValueError):
        return False
    return True


def _mark_invalid(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return INVALID, error.end


codecs.register_error(MARK_INVALID, _mark_invalid)


def _decode(stream: ByteStream, encoding: str, *, errors: str, name: str, on_message: OnMessage) -> Iterator[str]:
    """Yield decoded text with newlines as line ends. Leave out invalid bytes, and report how many there were."""
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    num_invalid = 0
    while True:
        content = stream.read(CHUNK_BYTES)
        try:
            text = decoder.decode(content, not content)
        except UnicodeError as error:
            raise CorpusError(
                f"{name} is not {encoding}: {getattr(error, 'reason', error)}",
                hint="give another `encoding`, or leave it out to have it detected",
            ) from error
        num_invalid += text.count(INVALID)
        text = newlines.decode(text.replace(INVALID, ""), not content)
        if text:
            yield text
        if not content:
            break
    if num_invalid:
        on_message(f"{name}: {num_invalid:,} characters that are not {encoding} were left out")


def strip_boilerplate(chunks: Iterator[str], on_removed: Callable[[int], None]) -> Iterator[str]:
    """Yield a text without what Project Gutenberg puts around an e-book, or around each of several in one file.

    `on_removed` gets the number of characters left out. A text without a start mark is not changed.
    """
    head = ""
    for chunk in chunks:
        head += chunk
        if len(head) >= MAX_PREAMBLE:
            break
    if not BOOK_START.search(head, 0, MAX_PREAMBLE):
        if head:
            yield head
        yield from chunks
        return
    stripper = _BoilerplateStripper()
    for chunk in _keep_marks_whole(head, chunks):
        yield from stripper.strip(chunk)
    on_removed(stripper.num_removed)


class _BoilerplateStripper:
    """Keeps what is between a start and an end mark, without empty lines around it."""

    def __init__(self) -> None:
        self.num_removed = 0  # characters
        self._in_book = self._at_start = False

    def strip(self, chunk: str) -> Iterator[str]:
        while chunk:
            mark = (BOOK_END if self._in_book else BOOK_START).search(chunk)
            part, chunk = (chunk[: mark.start()], chunk[mark.end() :]) if mark else (chunk, "")
            kept = self._trim(part, is_last=mark is not None) if self._in_book else ""
            self.num_removed += len(part) - len(kept)
            if kept:
                yield kept
            if mark:
                self.num_removed += len(mark[0])
                self._in_book = self._at_start = not self._in_book

    def _trim(self, part: str, *, is_last: bool) -> str:
        if self._at_start:
            part = part.lstrip("\n")
            self._at_start = not part
        return part.rstrip() + "\n" if is_last else part


def _keep_marks_whole(held: str, chunks: Iterator[str]) -> Iterator[str]:
    """Yield a text that starts with `held`, cut at line ends so far back that no mark is divided between chunks."""
    for chunk in chunks:
        held += chunk
        cut = held.rfind("\n", 0, max(0, len(held) - MAX_MARK))
        if cut > 0:
            yield held[:cut]
            held = held[cut:]
    if held:
        yield held


def _report_boilerplate(name: str, on_message: OnMessage, num_removed: int) -> None:
    on_message(
        f"{name}: Project Gutenberg's licence was left out, {num_removed:,} characters (`keep_boilerplate` keeps it)"
    )


def normalize_chunks(chunks: Iterator[str], form: str) -> Iterator[str]:
    """Yield a text in a normal form, cut before ASCII characters, which never combine with what is before them."""
    if form == "none":
        yield from chunks
        return
    normalize = partial(unicodedata.normalize, "NFC" if form == "nfc" else "NFKC")
    held = ""
    for chunk in chunks:
        held += chunk
        cut = next((index for index in range(len(held) - 1, 0, -1) if held[index] < "\x80"), 0)
        if cut:
            yield normalize(held[:cut])
            held = held[cut:]
    if held:
        yield normalize(held)
