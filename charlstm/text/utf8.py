"""UTF-8 as it comes: with characters in CESU-8, with bytes of another encoding in between, with damaged characters.

Files get joined, pasted into and cut. A line that is valid is taken as it is. In others, each run of bytes beyond ASCII
is judged on its own, since words in UTF-8 and in a legacy encoding can stand side by side.
"""

import codecs
import re
from collections.abc import Iterator

from charlstm.text.cleaning import INVALID
from charlstm.text.compression import ByteStream
from charlstm.text.encodings import is_latin

BLOCK_BYTES = 1 << 20  # read at once
ASCII = bytes(range(0x80))
RUN = re.compile(rb"[\x80-\xff]+")
CHARACTER = re.compile(  # of several bytes
    rb"[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]"
    rb"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}"
)
CESU_8 = re.compile(rb"\xed[\xa0-\xaf][\x80-\xbf]\xed[\xb0-\xbf][\x80-\xbf]|\xc0\x80")  # and the NUL of modified UTF-8
MARK_INVALID = "charlstm-mark-invalid"  # the error handler that puts INVALID in place of each piece it cannot decode


def whole_lines(stream: ByteStream) -> Iterator[bytes]:
    """Yield the bytes of a stream in blocks that end with a line or, where lines are too long, with a character."""
    held = b""
    while content := stream.read(BLOCK_BYTES):
        held += content
        end = held.rfind(b"\n") + 1
        if not end and len(held) > BLOCK_BYTES:
            end = _last_character_end(held)
        if end:
            yield held[:end]
            held = held[end:]
    if held:
        yield held


def _last_character_end(content: bytes) -> int:
    """Return where bytes can be cut without dividing a character of UTF-8, or of CESU-8."""
    for end in range(len(content) - 1, len(content) - 8, -1):
        if content[end] < 0x80 or (content[end] >= 0xC0 and content[end] != 0xED):
            return end
    return len(content)


def repair_cesu8(content: bytes) -> bytes:
    """Return bytes with pairs of surrogates, which CESU-8 encodes one by one, as characters in UTF-8."""
    return CESU_8.sub(_repair_character, content)


def _repair_character(match: re.Match[bytes]) -> bytes:
    if match[0] == b"\xc0\x80":
        return b"\0"
    pair = match[0].decode("utf-8", "surrogatepass")
    return pair.encode("utf-16-le", "surrogatepass").decode("utf-16-le").encode()


def is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def num_invalid_bytes(content: bytes) -> int:
    """Return how many bytes beyond ASCII belong to no character of UTF-8."""
    return len(CHARACTER.sub(b"", content).translate(None, ASCII))


def is_mostly_invalid(content: bytes) -> bool:
    """Return whether most bytes beyond ASCII belong to no character of UTF-8."""
    return num_invalid_bytes(content) > len(content.translate(None, ASCII)) / 2


class Utf8Decoder:
    """Decodes blocks of whole lines. Bytes that are not UTF-8 are in the encoding `legacy`, or invalid without one."""

    def __init__(self, legacy: str | None) -> None:
        self.num_legacy = 0  # characters that were read in the legacy encoding
        self.first_legacy_line = 0  # counted from 1
        self._legacy = legacy
        self._is_latin = is_latin(legacy)
        self._num_lines = 0

    def decode(self, block: bytes) -> str:
        text = self._decode(block)
        self._num_lines += block.count(b"\n") or block.count(b"\r")
        return text

    def _decode(self, block: bytes) -> str:
        if is_utf8(block):
            return block.decode()
        block = repair_cesu8(block)
        if self._legacy is None:
            return block.decode("utf-8", MARK_INVALID)
        parts = []
        for index, line in enumerate(block.splitlines(keepends=True)):
            num_before = self.num_legacy
            parts.append(line.decode() if is_utf8(line) else self._decode_line(line))
            if not num_before and self.num_legacy:
                self.first_legacy_line = self._num_lines + index + 1
        return "".join(parts)

    def _decode_line(self, line: bytes) -> str:
        if CHARACTER.search(line) is None or (not self._is_latin and is_mostly_invalid(line)):
            return self._decode_legacy(line)
        parts = []
        position = 0
        for run in RUN.finditer(line):
            parts += [line[position : run.start()].decode("ascii"), self._decode_run(run[0])]
            position = run.end()
        return "".join(parts) + line[position:].decode("ascii")

    def _decode_run(self, run: bytes) -> str:
        """Decode bytes beyond ASCII. What is invalid between characters of UTF-8 is damage."""
        return self._decode_legacy(run) if is_mostly_invalid(run) else run.decode("utf-8", MARK_INVALID)

    def _decode_legacy(self, content: bytes) -> str:
        text = content.decode(self._legacy or "ascii", MARK_INVALID)
        self.num_legacy += len(text) - len(text.encode("ascii", "ignore")) - text.count(INVALID)
        return text


def _mark_invalid(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return INVALID, error.end


codecs.register_error(MARK_INVALID, _mark_invalid)
