"""The line endings of a file that is edited as if it had Unix ones."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Self

CRLF, LF = "\r\n", "\n"


@dataclass(frozen=True)
class LineEndings:
    """The lines of a file, and the ending of each; an empty one if the last line has none."""

    lines: tuple[str, ...] = ("",)
    endings: tuple[str, ...] = ("",)

    @classmethod
    def of(cls, text: str) -> Self:
        """Read the endings of a text; a carriage return alone is part of its line."""
        parts = [*re.split("(\r?\n)", text), ""]
        return cls(tuple(parts[::2]), tuple(parts[1::2]))

    @property
    def usual(self) -> str:
        """The ending that most lines have."""
        return CRLF if self.endings.count(CRLF) > self.endings.count(LF) else LF

    def restore(self, text: str) -> str:
        """Give the lines of an edited text, which end in `\\n`, their own endings, and the usual one to new lines."""
        if len(set(self.endings) - {""}) < 2:
            return text.replace(LF, self.usual)
        lines = text.split(LF)
        endings = [""] * len(lines)
        for block in SequenceMatcher(None, self.lines, lines).get_matching_blocks():
            endings[block.b : block.b + block.size] = self.endings[block.a : block.a + block.size]
        whole = (line + (ending or self.usual) for line, ending in zip(lines[:-1], endings, strict=False))
        return "".join(whole) + lines[-1]
