"""Leave lines out of a text while it is generated: those that are known, and repeated ones."""

from collections.abc import Container

from charlstm.generation.stopping import StopCondition
from charlstm.text.known_lines import line_checksum

MAX_LEFT_OUT = 100  # lines in a row, after which the model is taken to have no other


class LineFilter:
    """What lines may be written: new ones if `known` is given, and each only once if `unique`.

    White space at the ends of a line and its case are ignored. Blank lines may be written between others.
    """

    def __init__(self, *, known: Container[str] | None = None, unique: bool = False) -> None:
        self.is_new, self.is_unique = known is not None, unique
        self._known: Container[str] = () if known is None else known
        self._written: set[int] = set()  # checksums; only if lines are unique

    def to_json(self) -> dict[str, bool]:
        return {"new": self.is_new, "unique": self.is_unique}

    def allows(self, line: str) -> bool:
        return not line.strip() or (line not in self._known and line_checksum(line) not in self._written)

    def accept(self, lines: list[str]) -> bool:
        """Return whether all lines of a finished text are allowed; if so they count as written."""
        if not all(map(self.allows, lines)):
            return False
        if self.is_unique:
            self._written.update(line_checksum(line) for line in lines if line.strip())
        return True


class FilteredCondition:
    """A stop condition that a filter takes lines from: for the rules it is as if they had not been generated.

    A line is released when it is complete. If the first line continues one of the prompt (`line_start`) and is not
    allowed, the text cannot be saved by leaving it out: it ends, `is_refused`. So is a text without any written line.
    """

    def __init__(self, condition: StopCondition, line_filter: LineFilter, line_start: str = "") -> None:
        self._condition, self._filter = condition, line_filter
        self._at_line_start = condition.copy()
        self._line_start = line_start  # of the current line, in the prompt
        self._line, self._released = "", ""  # what was fed of the current line, and what the condition released of it
        self._blank_start = ""  # blank lines at the start, which are released with the first other one
        self._num_left_out = 0  # lines in a row
        self._own: set[int] = set()  # checksums of the lines of this text, if they must be unique
        self._line_first = 0  # number of the first character of the line
        self.num_fed = 0
        self.left_out: list[range] = []  # numbers of the characters that were left out
        self.lines: list[str] = []  # of the text, with the line start of the prompt
        self.is_reached = False
        self.is_refused = False  # the text ended because no line was allowed

    def feed_all(self, characters: str) -> str:
        """Feed several characters and return the text they complete; those after the end are ignored."""
        parts = []
        for character in characters:
            if self.is_reached:
                break
            parts.append(self._feed(character))
        return "".join(parts)

    def _feed(self, character: str) -> str:
        self.num_fed += 1
        self._released += self._condition.feed(character)
        self._line += character
        if character != "\n" and not self._condition.is_reached:
            return ""
        text = self._released if self._condition.is_reached else self._line
        line = self._line_start + text.removesuffix("\n")
        ends_blank = self._condition.is_reached and not line.strip() and self._is_blank()
        if self._allows(line) and not ends_blank:
            return self._end_line(line)
        self._leave_out(at_line_end=character == "\n")
        return ""

    def _allows(self, line: str) -> bool:
        return self._filter.allows(line) and not (line.strip() and line_checksum(line) in self._own)

    def _end_line(self, line: str) -> str:
        """Release the line, and begin the next one."""
        if self._filter.is_unique:
            self._own.add(line_checksum(line))
        self.lines.append(line)
        self._num_left_out = 0
        self.is_reached = self._condition.is_reached
        released, self._blank_start = self._blank_start + self._released, ""
        if self._is_blank():
            released, self._blank_start = "", released
        self._begin_line()
        self._at_line_start = self._condition.copy()
        return released

    def _leave_out(self, *, at_line_end: bool) -> None:
        """Go back to the start of the line, or end the text if it ends within this line or no other line comes."""
        self.left_out.append(range(self._line_first, self.num_fed))
        self._num_left_out += 1
        gives_up = self._num_left_out >= MAX_LEFT_OUT or bool(self._line_start)
        self.is_reached = gives_up or not at_line_end
        self.is_refused = gives_up or (self.is_reached and self._is_blank())
        self._condition = self._at_line_start.copy()
        self._begin_line()

    def _is_blank(self) -> bool:
        return not any(map(str.strip, self.lines))

    def _begin_line(self) -> None:
        self._line, self._released, self._line_start = "", "", ""
        self._line_first = self.num_fed
