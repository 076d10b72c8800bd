"""Line ends and characters that are no part of a text, in decoded text that comes in chunks of any size."""

import re
from collections.abc import Iterator

NEXT_LINE = "\x85"  # a newline in EBCDIC only: in legacy texts it is more often an ellipsis
BYTE_ORDER_MARK = "\ufeff"  # also within a text: there it is left over from files that were joined
END_OF_FILE = "\x1a"  # DOS and CP/M end a text with it, and fill the last block with more
MAX_HELD = 128  # characters at the end of a chunk that what follows decides about; a block of CP/M
LINE_END = re.compile(r"\r{1,3}\n|\r")  # some programs turn every \r\n into \r\r\n
INVALID = "\udfff"  # stands for bytes that could not be decoded: half a surrogate pair, which no text can contain


class Counts:
    """What was left out of a text."""

    def __init__(self) -> None:
        self.num_nuls = self.num_invalid = self.num_lines = 0
        self.first_invalid_line = 0  # counted from 1


def clean_chunks(chunks: Iterator[str], counts: Counts, *, has_next_line: bool = False) -> Iterator[str]:
    """Yield a text with newlines as line ends, without NULs, byte-order marks, the end-of-file sign and INVALID.

    With `has_next_line`, NEXT_LINE is a line end as well.
    """
    for text in _strip_end_of_file(_translate_line_ends(chunks)):
        if INVALID in text:
            if not counts.num_invalid:
                counts.first_invalid_line = counts.num_lines + text[: text.index(INVALID)].count("\n") + 1
            counts.num_invalid += text.count(INVALID)
        counts.num_lines += text.count("\n")
        counts.num_nuls += text.count("\0")
        clean = text.replace(BYTE_ORDER_MARK, "").replace("\0", "").replace(INVALID, "")
        if has_next_line:
            clean = clean.replace(NEXT_LINE, "\n")
        if clean:
            yield clean


def _translate_line_ends(chunks: Iterator[str]) -> Iterator[str]:
    held = ""
    for chunk in chunks:
        text = held + chunk
        end = max(len(text.rstrip("\r")), len(text) - 3)  # more than three are line ends already
        held = text[end:]
        yield LINE_END.sub("\n", text[:end]) if "\r" in text else text
    yield LINE_END.sub("\n", held)


def _strip_end_of_file(chunks: Iterator[str]) -> Iterator[str]:
    held = ""
    for chunk in chunks:
        text = held + chunk
        end = max(len(text.rstrip(END_OF_FILE)), len(text) - MAX_HELD)
        held = text[end:]
        yield text[:end]
