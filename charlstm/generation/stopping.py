"""Where a written text ends: a length, lines, paragraphs, a text to stop at, the end of a sentence, a time."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from types import NoneType
from typing import Any, Self

from charlstm.errors import SettingError

SENTENCE_ENDS, CLOSERS = ".!?\u2026\u3002\uff01\uff1f", "\"'\u201d\u2019)]\u300d"
LONGEST_SENTENCE = 2000  # characters to wait for a sentence's end


@dataclass(frozen=True, kw_only=True)
class StopRules:
    """What ends a text; the rule that is met first does."""

    stops: Sequence[str] = ()  # texts
    include_stop: bool = False  # whether the one that was met is written
    lines: int | None = None
    paragraphs: int | None = None
    until_sentence: bool = False  # after the length, finish the sentence
    max_time: float | None = None  # seconds

    def __post_init__(self) -> None:
        if "" in self.stops:
            raise SettingError("`stop` is empty", hint="give the text to stop at")
        for field, number in (("`lines`", self.lines), ("`paragraphs`", self.paragraphs)):
            if number is not None and number < 1:
                raise SettingError(f"{field} is {number}, but it must be at least 1", hint=f"try {field} 1")
        if self.max_time is not None and not self.max_time > 0:
            raise SettingError("`max_time` must be above 0", hint="try `max_time` 10s")

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"stops": list(self.stops)}

    @classmethod
    def from_json(cls, settings: dict[str, Any]) -> Self:
        """Raises SettingError for a rule that is not of its type."""
        kinds: dict[str, tuple[type, ...]] = {
            "stops": (list,),
            "include_stop": (bool,),
            "lines": (int, NoneType),
            "paragraphs": (int, NoneType),
            "until_sentence": (bool,),
            "max_time": (int, float, NoneType),
        }
        for name, value in settings.items():
            is_number = isinstance(value, bool) and bool not in kinds[name]
            if is_number or not isinstance(value, kinds[name]):
                raise SettingError(f"{name} is {value!r}, which is not of its kind")
        if not all(isinstance(stop, str) for stop in settings["stops"]):
            raise SettingError(f"stop is {settings['stops']!r}, but it must be a text or several")
        return cls(**settings | {"stops": tuple(settings["stops"])})


class StopCondition:
    """One text on its way to its end: takes a character at a time, and hands out what may be written.

    What may be the beginning of a text to stop at is held back until it is known not to be.
    """

    def __init__(self, rules: StopRules, length: int) -> None:
        self._rules, self._length = rules, length
        self._only_length = not (
            rules.stops or rules.lines or rules.paragraphs or rules.until_sentence or rules.max_time
        )
        self._held, self._newlines, self._paragraphs = "", 0, 0
        self._line_is_blank, self._is_in_paragraph = True, False
        self.num_taken = 0
        self._last = " "
        self._end = None if rules.max_time is None else time.monotonic() + rules.max_time
        self.is_reached = False

    def take_all(self, characters: str) -> str:
        """What may be written now that several characters have come; those after the end are not taken."""
        if self._only_length:
            taken = characters[: self._length - self.num_taken]
            self.num_taken += len(taken)
            self.is_reached = self.num_taken >= self._length
            return taken
        parts = []
        for character in characters:
            if self.is_reached:
                break
            parts.append(self.take(character))
        return "".join(parts)

    def take(self, character: str) -> str:
        """What may be written now that this character has come."""
        self.num_taken += 1
        self._held += character
        for stop in self._rules.stops:
            if self._held.endswith(stop):
                self.is_reached = True
                return self._release(len(self._held) - (0 if self._rules.include_stop else len(stop)))
        self.is_reached = self._is_over(character)
        self._last = character
        return self._release(len(self._held) - (0 if self.is_reached else self._may_become_a_stop()))

    def _release(self, size: int) -> str:
        released, self._held = self._held[:size], self._held[size:]
        return released

    def _may_become_a_stop(self) -> int:
        """The length of the longest end of what is held that begins a text to stop at."""
        longest = max((len(stop) - 1 for stop in self._rules.stops), default=0)
        sizes = range(min(longest, len(self._held)), 0, -1)
        return next((size for size in sizes if any(s.startswith(self._held[-size:]) for s in self._rules.stops)), 0)

    def _count(self, character: str) -> None:
        """Count lines and paragraphs at the line ends."""
        if character != "\n":
            self._line_is_blank = self._line_is_blank and character.isspace()
            return
        self._newlines += 1
        self._paragraphs += self._line_is_blank and self._is_in_paragraph
        self._is_in_paragraph = not self._line_is_blank
        self._line_is_blank = True

    def _is_over(self, character: str) -> bool:
        rules = self._rules
        self._count(character)
        counts = ((rules.lines, self._newlines), (rules.paragraphs, self._paragraphs))
        if any(wanted is not None and count >= wanted for wanted, count in counts):
            return True
        if self._end is not None and time.monotonic() > self._end:
            return True
        if self.num_taken < self._length:
            return False
        if not rules.until_sentence or self.num_taken >= self._length + LONGEST_SENTENCE:
            return True
        return character in SENTENCE_ENDS or (character in CLOSERS and self._last in SENTENCE_ENDS)
