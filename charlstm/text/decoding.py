"""Bytes to clean text, piece by piece: encoding, line endings, the licence around an e-book, Unicode's normal form."""

import codecs
import io
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import IO, Any

from charlstm.errors import CorpusError, SettingError
from charlstm.text.sources import TextSource

PIECE = 1 << 20  # bytes read at once, and about as many characters in a piece
SAMPLE = 1 << 18  # bytes that the encoding is told from
DAMAGED = 0.01  # up to this share of the bytes may be wrong in a text that is taken for UTF-8
NORMAL_FORMS = ("nfc", "nfkc", "none")
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),  # after UTF-32, which begins alike
    (codecs.BOM_UTF16_BE, "utf-16"),
)
START = re.compile(r"\*\*\* ?START OF (?:THE|THIS) PROJECT GUTENBERG EBOOK[^\n]*\n", re.IGNORECASE)
END = re.compile(r"(?:\*\*\* ?END OF (?:THE|THIS) PROJECT GUTENBERG EBOOK|\n *End of (?:the )?Project Gutenberg)", re.I)
LICENCE_WITHIN, LONGEST_MARK = 40_000, 400  # characters

LEGACY = (  # what texts are found in; among all encodings there are, rare ones would win by chance
    *("cp1252", "cp1250", "iso8859_2", "cp1257", "cp1254", "cp1258", "cp850", "mac_roman"),
    *("cp1251", "koi8_r", "koi8_u", "cp866", "iso8859_5", "cp1253", "iso8859_7", "cp1255", "cp1256", "cp874"),
    *("cp932", "euc_jp", "iso2022_jp", "gb18030", "big5", "cp949"),
)
WRONG = "\U0010ffff"  # stands for bytes that mean nothing; Unicode promises never to make it a character

OnMessage = Callable[[str], None]


@dataclass(frozen=True)
class DecodingOptions:
    """How a text is read."""

    encoding: str | None = None  # None: told from the bytes
    normalize: str = "nfc"
    keep_boilerplate: bool = False
    lowercase: bool = False

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def __post_init__(self) -> None:
        if self.normalize not in NORMAL_FORMS:
            raise SettingError(
                f"`normalize` is {self.normalize!r}, but it must be one of {', '.join(NORMAL_FORMS)}",
                hint="leave it out for nfc",
            )
        try:
            known = self.encoding is None or codecs.lookup(self.encoding)._is_text_encoding
        except (LookupError, ValueError):
            known = False
        if not known:
            raise SettingError(
                f"there is no encoding {self.encoding!r}", hint="try `encoding` utf-8, latin-1 or cp1252"
            )


def read_pieces(source: TextSource, reading: DecodingOptions, on_message: OnMessage) -> Iterator[str]:
    """The clean text of a source, in pieces of about a million characters.

    `on_message` gets a line about everything that was not as usual. Raises CorpusError if it is not a text.
    """
    with source.open() as stream:
        sample = stream.read(SAMPLE)
    if not sample:
        return
    encoding = reading.encoding or tell_encoding(source, sample)
    if reading.encoding is None and encoding not in ("utf-8", "utf-8-sig"):
        on_message(f"{source.name}: read as {encoding} (another: `encoding`)")
    with source.open() as stream:
        pieces = _decoded(source, stream, encoding, strict=reading.encoding is not None, on_message=on_message)
        if not reading.keep_boilerplate:
            pieces = without_licence(pieces, lambda size: on_message(_licence_line(source, size)))
        for piece in normalized(pieces, reading.normalize):
            yield piece.lower() if reading.lowercase else piece


def tell_encoding(source: TextSource, sample: bytes) -> str:
    """The encoding of a text by its byte-order mark, as UTF-8 if it nearly is, else by its statistics.

    Raises CorpusError for bytes that are no text.
    """
    for mark, encoding in MARKS:
        if sample.startswith(mark):
            return encoding
    if b"\0" in sample:
        for encoding, place in (("utf-16-le", 1), ("utf-16-be", 0)):
            if sample[place::2].count(0) > len(sample) // 4 > sample[1 - place :: 2].count(0):
                return encoding
        raise CorpusError(
            f"{source.name} is a binary file: it holds a NUL at byte {sample.index(0):,}", hint="give a plain text"
        )
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(sample)
    wrong = text.count("\ufffd") - sample.count("\ufffd".encode())
    beyond_ascii = sum(1 for byte in sample if byte >= 0xC0)  # how many characters would be of several bytes
    if wrong == 0 or (wrong <= DAMAGED * len(text) and wrong < beyond_ascii / 4):
        return "utf-8"
    return _by_statistics(source, sample)


def _by_statistics(source: TextSource, sample: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=list(LEGACY)).best()
    if best is None or sum(byte < 32 and byte not in b"\t\n\f\r\x1b" for byte in sample) > 0.05 * len(sample):
        raise CorpusError(
            f"{source.name} is not a text in any encoding known",
            hint="is it a text file? If so, name its encoding: `encoding` latin-1",
        )
    if best.encoding == "cp1251" and not any(0xC0 <= byte <= 0xDF or byte >= 0xFB for byte in sample):
        return "cp1255"  # Cyrillic without a capital, and without the last letters of its alphabet, is Hebrew
    return str(best.encoding)


def _decoded(
    source: TextSource, stream: IO[bytes], encoding: str, *, strict: bool, on_message: OnMessage
) -> Iterator[str]:
    """Decoded text with every line ending as `\\n`."""
    codecs.register_error("charlstm", lambda problem: (WRONG, problem.end))  # type: ignore[attr-defined]
    decode = codecs.getincrementaldecoder(encoding)("strict" if strict else "charlstm").decode
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    wrong = 0
    while True:
        content = stream.read(PIECE)
        try:
            text = decode(content, not content)
        except UnicodeError as problem:
            raise CorpusError(
                f"{source.name} is not {encoding}: {getattr(problem, 'reason', problem)}",
                hint="leave `encoding` out, and it is told from the bytes",
            ) from problem
        if WRONG in text:
            wrong += text.count(WRONG)
            text = text.replace(WRONG, "")
        text = str(newlines.decode(text, not content))
        if text:
            yield text
        if not content:
            break
    if wrong:
        on_message(f"{source.name}: {wrong:,} characters that are not {encoding} were left out")


def without_licence(pieces: Iterator[str], on_message: Callable[[int], None]) -> Iterator[str]:
    """Leave out what Project Gutenberg puts around an e-book, or around each of several in one file.

    `on_message` gets the number of characters left out.
    """
    beginning = ""
    for piece in pieces:
        beginning += piece
        if len(beginning) >= LICENCE_WITHIN:
            break
    if not START.search(beginning, 0, LICENCE_WITHIN):
        if beginning:
            yield beginning
        yield from pieces
        return
    left_out, in_book, at_start = 0, False, False
    for piece in _then(beginning, pieces):
        while piece:
            mark = (END if in_book else START).search(piece)
            size = mark.start() if mark else len(piece)
            part, piece = piece[:size], piece[mark.end() if mark else size :]
            if in_book:
                part, before = (part.lstrip("\n") if at_start else part), len(part)
                at_start = at_start and not part
                part = part.rstrip() + "\n" if mark else part
                left_out += before - len(part)
                if part:
                    yield part
            else:
                left_out += len(part)
            if mark:
                left_out += len(mark[0])
                in_book = not in_book
                at_start = in_book
    on_message(left_out)


def _then(held: str, pieces: Iterator[str]) -> Iterator[str]:
    """The pieces, cut so that a mark at the seam of two stands whole in one of them."""
    for piece in pieces:
        held += piece
        cut = held.rfind("\n", 0, max(0, len(held) - LONGEST_MARK))
        if cut > 0:
            yield held[:cut]
            held = held[cut:]
    if held:
        yield held


def _licence_line(source: TextSource, size: int) -> str:
    return f"{source.name}: Project Gutenberg's licence taken off, {size:,} characters (`keep_boilerplate` keeps it)"


def normalized(pieces: Iterator[str], form: str) -> Iterator[str]:
    """Every piece in a normal form, cut before ASCII characters: those never join what stands before them."""
    if form == "none":
        yield from pieces
        return
    normalize = partial(unicodedata.normalize, "NFC" if form == "nfc" else "NFKC")
    held = ""
    for piece in pieces:
        held += piece
        cut = next((place for place in range(len(held) - 1, 0, -1) if held[place] < "\x80"), 0)
        if cut:
            yield normalize(held[:cut])
            held = held[cut:]
    if held:
        yield normalize(held)
