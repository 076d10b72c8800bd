"""Tell how the bytes of a text are to be read, from all of them: what comes late counts as well."""

import codecs
import re
from dataclasses import dataclass, field

from charlstm.errors import CorpusError
from charlstm.text.binary_files import binary_kind, num_controls
from charlstm.text.cleaning import INVALID
from charlstm.text.encodings import (
    CERTAIN,
    GUESSED,
    LIKELY,
    OTHER_ALPHABETS,
    DetectedEncoding,
    detect_legacy_encoding,
    is_latin,
    latin_fit,
)
from charlstm.text.seven_bit import SIGNS, has_escape_codes, seven_bit_encoding
from charlstm.text.sources import TextSource
from charlstm.text.unicode_forms import WIDE_FORMS, form_by_characters, form_by_mark
from charlstm.text.utf8 import (
    ASCII,
    RUN,
    Utf8Decoder,
    is_mostly_invalid,
    is_utf8,
    num_invalid_bytes,
    repair_cesu8,
    whole_lines,
)

HEAD_BYTES = 1 << 16  # that tell binary files, byte-order marks and UTF-16
SAMPLE_BYTES = 1 << 16  # of lines that the encoding is detected from
MAX_INVALID_SHARE = 0.01  # of the characters of a text are damage, rather than in another encoding
MAX_NUL_SHARE = 0.02  # of the bytes of a text in UTF-8
MAX_CONTROL_SHARE = 0.05  # of the bytes of a text
MAX_LEGACY_CONTROL_SHARE = 0.005  # of the bytes of a text that is not in UTF-8, NULs included
MAX_FEW = 3  # NULs or control characters that any text may have
MIN_UTF8_SHARE = 0.03  # of the bytes beyond ASCII, in lines of valid UTF-8, in a text that is mixed with another script
MIN_UTF8_SHARE_CJK = 0.2  # the same for encodings with characters of two bytes, which are often valid UTF-8 by chance
MIN_OTHER_BYTES = 10  # in words that are not UTF-8, to take a few for another script
MIN_WORD = 3  # bytes
CUT_END = re.compile(rb"(?:[\xc2-\xf4]|[\xe0-\xf4][\x80-\xbf]|[\xf0-\xf4][\x80-\xbf]{2})\Z")
EBCDIC = ("cp500", "cp037", "cp273")
MIN_EBCDIC_SHARE = 0.9  # letters, digits and spaces among the characters of a text in EBCDIC


@dataclass(frozen=True)
class TextEncoding:
    """How bytes become characters: an encoding, how sure that is, and for UTF-8 that of bytes which are not UTF-8."""

    name: str
    certainty: str = CERTAIN
    legacy: str | None = None


@dataclass
class _Survey:
    """Counts over all bytes of a text, read as UTF-8, and samples of its lines."""

    num_bytes: int = 0
    num_nuls: int = 0
    num_controls: int = 0
    num_valid: int = 0  # bytes of characters beyond ASCII
    num_valid_in_runs: int = 0  # those of them that do not stand beside invalid bytes
    num_invalid: int = 0
    num_in_words: int = 0  # invalid bytes of the sample in runs that are as long as words
    valid_lines: bytes = b""  # that have a valid character beyond ASCII
    invalid_lines: bytes = b""  # without what is UTF-8, be it damaged
    cut_end: bytes = b""  # the first bytes of a character that the text ends with
    lines_with: dict[bytes, bytes] = field(default_factory=lambda: dict.fromkeys(SIGNS, b""))  # of encodings in ASCII

    def add(self, block: bytes) -> None:
        self.num_bytes += len(block)
        self.num_nuls += block.count(0)
        self.num_controls += num_controls(block)
        if block.isascii():
            for sign in SIGNS:
                sample = self.lines_with[sign]
                if sign in block and len(sample) < SAMPLE_BYTES:
                    lines = (line for line in block.splitlines(keepends=True) if sign in line)
                    self.lines_with[sign] = (sample + b"".join(lines))[:SAMPLE_BYTES]
        elif is_utf8(block):
            self._add_valid(block)
        else:
            self._add_invalid(repair_cesu8(block))

    def _add_valid(self, block: bytes) -> None:
        num_beyond_ascii = len(block.translate(None, ASCII))
        self.num_valid += num_beyond_ascii
        self.num_valid_in_runs += num_beyond_ascii
        if len(self.valid_lines) < SAMPLE_BYTES:
            self.valid_lines += block[:SAMPLE_BYTES]

    def _add_invalid(self, block: bytes) -> None:
        num_invalid = num_invalid_bytes(block)
        self.num_invalid += num_invalid
        self.num_valid += len(block.translate(None, ASCII)) - num_invalid
        self.num_valid_in_runs += sum(len(run) for run in RUN.findall(block) if is_utf8(run))
        cut = CUT_END.search(block)
        self.cut_end = cut[0] if cut else b""
        for line in block.removesuffix(self.cut_end).splitlines(keepends=True):
            if len(self.invalid_lines) >= SAMPLE_BYTES:
                break
            self._add_to_samples(line)

    def _add_to_samples(self, line: bytes) -> None:
        runs = RUN.findall(line)
        if any(map(is_utf8, runs)) and len(self.valid_lines) < SAMPLE_BYTES:
            self.valid_lines += line
        legacy_runs = [run for run in runs if is_mostly_invalid(run)]
        self.num_in_words += sum(len(run) for run in legacy_runs if len(run) >= MIN_WORD)
        if legacy_runs:
            self.invalid_lines += RUN.sub(lambda run: run[0] if is_mostly_invalid(run[0]) else b"", line)


def detect_encoding(source: TextSource) -> TextEncoding | None:
    """Return how a text is to be read: None if it is empty.

    Unicode is told by a byte-order mark or by its structure, legacy encodings by their letters. Raises CorpusError for
    bytes that are not text.
    """
    with source.open() as stream:
        head = stream.read(HEAD_BYTES)
    if not head:
        return None
    mark = form_by_mark(head)
    if mark in WIDE_FORMS:
        return TextEncoding(str(mark))
    if kind := binary_kind(head):
        raise CorpusError(f"{source.name} is not a text: it is {kind}", hint="give a plain text file")
    if 0 in head or num_controls(head) or num_invalid_bytes(head):
        form = form_by_characters(head)
        if form:
            return TextEncoding(form, LIKELY)
    survey = _Survey()
    with source.open() as stream:
        for block in whole_lines(stream):
            survey.add(block)
    if _ebcdic(head):
        raise CorpusError(
            f"{source.name} seems to be a text in EBCDIC", hint=f"name its encoding: `encoding` {' or '.join(EBCDIC)}"
        )
    if _is_binary(survey):
        raise CorpusError(
            f"{source.name} is a binary file: it has {survey.num_nuls:,} NULs and {survey.num_controls:,} other "
            f"control characters among {survey.num_bytes:,} bytes",
            hint="give a plain text file",
        )
    encoding = _judge(survey)
    if encoding is None:
        raise CorpusError(
            f"{source.name} is not a text in any known encoding",
            hint="if it is a text file, name its encoding: `encoding` latin-1",
        )
    return encoding


def encoding_by_name(encoding: str, head: bytes, *, name: str) -> str:
    """Return the codec for an encoding that was named: its byte order may depend on the text's first bytes.

    Raises CorpusError if the text has the byte-order mark of another encoding.
    """
    codec = codecs.lookup(encoding).name
    mark = form_by_mark(head)
    if mark is None:
        forms = tuple(form for form in WIDE_FORMS if form.startswith(codec + "-"))
        return (form_by_characters(head, forms) or forms[0]) if forms else codec
    if codec == mark or mark.startswith(codec + "-") or codec == f"{mark}-sig":
        return mark
    if mark in WIDE_FORMS and not codec.startswith("utf") and form_by_characters(head, (mark,)) is None:
        return codec  # the mark stands for two letters
    raise CorpusError(
        f"{name} has the byte-order mark of {mark}, but `encoding` is {encoding}", hint=f"give `encoding` {mark}"
    )


def _ebcdic(head: bytes) -> bool:
    """Return whether bytes are letters, digits and spaces in EBCDIC, and not in ASCII."""
    if head.count(b" ") > head.count(b"@") or num_invalid_bytes(head) < len(head) / 4:
        return False
    num_plain = sum(
        character.isascii() and (character.isalnum() or character == " ") for character in head.decode(EBCDIC[0])
    )
    return num_plain >= MIN_EBCDIC_SHARE * len(head)


def _is_binary(survey: _Survey) -> bool:
    num_odd = survey.num_nuls + survey.num_controls
    if num_odd <= MAX_FEW and num_odd < survey.num_bytes / 4:
        return False
    if survey.num_invalid > survey.num_valid:
        return num_odd > MAX_LEGACY_CONTROL_SHARE * survey.num_bytes
    return num_odd > MAX_CONTROL_SHARE * survey.num_bytes or survey.num_nuls > MAX_NUL_SHARE * survey.num_bytes


def _judge(survey: _Survey) -> TextEncoding | None:
    """Return the encoding of a text; None if it fits none."""
    if not survey.num_invalid:
        if not survey.num_valid and (encoding := seven_bit_encoding(survey.lines_with)):
            return TextEncoding(encoding)
        return TextEncoding("utf-8") if survey.num_valid or not has_escape_codes(survey.lines_with) else None
    sample = survey.invalid_lines + (b"" if survey.num_valid else survey.cut_end)
    legacy = None if sample.isascii() else detect_legacy_encoding(sample)
    has_few = survey.num_invalid <= MAX_INVALID_SHARE * survey.num_bytes and 4 * survey.num_invalid < survey.num_valid
    if legacy is None or is_latin(legacy.name):
        is_sure = legacy is not None and legacy.certainty != GUESSED
        is_utf8_text = has_few or (not is_sure and survey.num_valid_in_runs > survey.num_invalid)
    else:
        is_sure = not has_few or survey.num_in_words >= max(MIN_OTHER_BYTES, survey.num_invalid / 2)
        is_utf8_text = has_few
    if is_utf8_text and not is_sure:
        return TextEncoding("utf-8")  # the other bytes are damage
    if legacy is None:
        return None
    if is_utf8_text or _is_mixed(survey, legacy):
        return TextEncoding("utf-8", legacy.certainty, legacy.name)
    return TextEncoding(legacy.name, legacy.certainty)


def _is_mixed(survey: _Survey, legacy: DetectedEncoding) -> bool:
    """Return whether the valid characters of a text are UTF-8, rather than valid by chance."""
    if not survey.num_valid_in_runs:
        return False
    if not is_latin(legacy.name):
        is_cjk = legacy.name not in OTHER_ALPHABETS
        min_share = MIN_UTF8_SHARE_CJK if is_cjk else MIN_UTF8_SHARE
        return survey.num_valid_in_runs >= min_share * (survey.num_valid + survey.num_invalid)
    mixed = Utf8Decoder(legacy.name).decode(survey.valid_lines).replace(INVALID, "\ufffd")
    mixed_fit, legacy_fit = latin_fit(mixed), latin_fit(survey.valid_lines.decode(legacy.name, "replace"))
    return legacy_fit is None or (mixed_fit is not None and mixed_fit >= legacy_fit)
