"""When to stop generating: a length, lines, paragraphs, a stop string, the end of a sentence, a time limit."""

import copy
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from charlstm.config import MAX_LENGTH, MAX_SECONDS
from charlstm.errors import SettingError, shown
from charlstm.generation.sentences import Place, SentenceEnds

if TYPE_CHECKING:
    from charlstm.text.vocabulary import Vocabulary

MAX_STOPS, MAX_STOP_LENGTH = 1_000, 10_000  # stop strings, and characters of each
MAX_SENTENCE_LENGTH = 2000  # characters to wait for the end of a sentence
MAX_PAUSE_LENGTH = 200  # characters to wait for the end of a line or a sentence, before the end of a word will do


@dataclass(frozen=True, kw_only=True)
class StopRules:
    """The rules that end a text besides its length; the first one that applies ends it.

    A paragraph is a run of lines that are not blank, and ends with the blank line after it. A line of white space is
    blank. Blank lines before the first paragraph, and further ones between two paragraphs, do not count.
    """

    stops: Sequence[str] = ()  # stop strings
    include_stop: bool = False  # keep the stop string at the end of the text
    lines: int | None = None
    paragraphs: int | None = None
    until_sentence: bool = False  # after the length, generate up to the end of the sentence
    until_pause: bool = False  # the same, or up to the end of the line if that comes first
    max_time: float | None = None  # seconds

    def __post_init__(self) -> None:
        if "" in self.stops:
            raise SettingError("`stop` is empty", hint="give the text to stop at")
        if len(self.stops) > MAX_STOPS or any(len(stop) > MAX_STOP_LENGTH for stop in self.stops):
            longest = max(map(len, self.stops))
            raise SettingError(
                f"`stop` has {len(self.stops):,} texts of up to {longest:,} characters, but it may have "
                f"{MAX_STOPS:,} of {MAX_STOP_LENGTH:,}",
                hint="each of them is looked for after every character: give fewer, or shorter ones",
            )
        for field, number in (("`lines`", self.lines), ("`paragraphs`", self.paragraphs)):
            if number is not None and not 1 <= number <= MAX_LENGTH:
                raise SettingError(
                    f"{field} is {shown(number)}, but it must be at least 1 and at most {MAX_LENGTH:,}",
                    hint=f"try {field} 1",
                )
        if self.max_time is not None and not 0 < self.max_time <= MAX_SECONDS:
            raise SettingError(
                f"`max_time` is {shown(self.max_time)}, but it must be above 0 and at most {MAX_SECONDS:,}",
                hint="try `max_time` 10s",
            )

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"stops": list(self.stops)}


def max_length(rules: StopRules, length: int) -> int:
    """Return how many characters a text of this length has at most."""
    return length + (MAX_SENTENCE_LENGTH if rules.until_sentence or rules.until_pause else 0)


def unreachable_stops(rules: StopRules, length: int, vocabulary: "Vocabulary") -> dict[str, str]:
    """Return the stop strings that a text of this length can never hold, and why not."""
    written = set(vocabulary.characters) - {vocabulary.unknown}
    limit = max_length(rules, length)
    reasons = {}
    for stop in rules.stops:
        if missing := [character for character in dict.fromkeys(stop) if character not in written]:
            reasons[stop] = f"the model never writes {', '.join(map(repr, missing))}"
        elif len(stop) > limit:
            reasons[stop] = f"it has {len(stop):,} characters, but `length` is {length:,}"
    return reasons


class StopCondition:
    """Watches one text grow, decides when it is complete, and returns the characters that belong to it.

    Characters that may turn out to be the start of a stop string are held back until it is clear that they are not.
    Whether a sentence has ended shows in the character after it, which does not belong to the text either.
    """

    def __init__(self, rules: StopRules, length: int) -> None:
        self._rules, self._length = rules, length
        self._has_only_length = not (
            rules.stops
            or rules.lines
            or rules.paragraphs
            or rules.until_sentence
            or rules.until_pause
            or rules.max_time
        )
        self._deadline = None if rules.max_time is None else time.monotonic() + rules.max_time
        self._held_back = ""
        self._sentences = SentenceEnds()
        self._num_lines, self._num_paragraphs = 0, 0
        self._line_is_blank, self._is_in_paragraph = True, False
        self.num_fed = 0  # characters
        self.is_reached = False

    def copy(self) -> Self:
        """Return a condition that has been fed the same characters and goes on independently."""
        twin = copy.copy(self)
        twin._sentences = copy.copy(self._sentences)
        return twin

    def feed_all(self, characters: str) -> str:
        """Feed several characters and return the text they complete; those after the end are ignored."""
        if self._has_only_length:
            accepted = characters[: self._length - self.num_fed]
            self.num_fed += len(accepted)
            self.is_reached = self.num_fed >= self._length
            return accepted
        parts = []
        for character in characters:
            if self.is_reached:
                break
            parts.append(self.feed(character))
        return "".join(parts)

    def feed(self, character: str) -> str:
        """Feed one character and return the text it completes, which may be empty or longer than one character."""
        self.num_fed += 1
        self._held_back += character
        if self._ends_before(character):
            self.is_reached = True
            return self._release(len(self._held_back) - 1)
        for stop in self._rules.stops:
            if self._held_back.endswith(stop):
                self.is_reached = True
                return self._release(len(self._held_back) - (0 if self._rules.include_stop else len(stop)))
        self._count(character)
        self.is_reached = self._is_complete()
        return self._release(len(self._held_back) - (0 if self.is_reached else self._stop_prefix_length()))

    def _release(self, size: int) -> str:
        released, self._held_back = self._held_back[:size], self._held_back[size:]
        return released

    def _stop_prefix_length(self) -> int:
        """Return the length of the longest suffix of the held-back text that is a prefix of a stop string."""
        stops, held_back = self._rules.stops, self._held_back
        longest = max((len(stop) - 1 for stop in stops), default=0)
        lengths = range(min(longest, len(held_back)), 0, -1)
        return next((size for size in lengths if any(stop.startswith(held_back[-size:]) for stop in stops)), 0)

    def _count(self, character: str) -> None:
        """Count lines and paragraphs at the line ends."""
        if character != "\n":
            self._line_is_blank = self._line_is_blank and character.isspace()
            return
        self._num_lines += 1
        self._num_paragraphs += self._line_is_blank and self._is_in_paragraph
        self._is_in_paragraph = not self._line_is_blank
        self._line_is_blank = True

    def _ends_before(self, character: str) -> bool:
        """Return whether the text has ended before this character, and is long enough."""
        if not (self._rules.until_sentence or self._rules.until_pause):
            return False
        is_after_sentence = self._sentences.place(character) is Place.AFTER
        num_extra = self.num_fed - self._length  # with this character
        if self._rules.until_sentence:
            return is_after_sentence and num_extra > 0
        is_word = character.isascii() and character.isalnum()  # as after the full stop in 3.14 or index.html
        is_after_word = character.isspace() and num_extra > MAX_PAUSE_LENGTH
        return (num_extra >= 0 and character == "\n") or (
            num_extra > 0 and ((is_after_sentence and not is_word) or is_after_word)
        )

    def _is_complete(self) -> bool:
        """Return whether the text ends after the last character."""
        rules = self._rules
        counts = ((rules.lines, self._num_lines), (rules.paragraphs, self._num_paragraphs))
        if any(limit is not None and count >= limit for limit, count in counts):
            return True
        if self._deadline is not None and time.monotonic() > self._deadline:
            return True
        return self.num_fed >= max_length(rules, self._length)
