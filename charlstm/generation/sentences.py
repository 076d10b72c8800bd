"""Where a sentence ends, in any script: its terminal mark, and the closing quotation marks and brackets after it."""

import re
import unicodedata
from enum import Enum, auto

# The property Sentence_Terminal of Unicode 17.0 (PropList.txt), with U+2026, which ends sentences as often as not.
SENTENCE_TERMINALS = (
    "!.?\u0589\u061d-\u061f\u06d4\u0700-\u0702\u07f9\u0837\u0839\u083d\u083e\u0964\u0965\u104a\u104b\u1362\u1367\u1368"
    "\u166e\u1735\u1736\u17d4\u17d5\u1803\u1809\u1944\u1945\u1aa8-\u1aab\u1b4e\u1b4f\u1b5a\u1b5b\u1b5e\u1b5f\u1b7d-\u1b7f"
    "\u1c3b\u1c3c\u1c7e\u1c7f\u2024\u2026\u203c\u203d\u2047-\u2049\u2cf9-\u2cfb\u2e2e\u2e3c\u2e53\u2e54\u2e60\u2e61\u3002"
    "\ua4ff\ua60e\ua60f\ua6f3\ua6f7\ua876\ua877\ua8ce\ua8cf\ua92f\ua9c8\ua9c9\uaa5d-\uaa5f\uaaf0\uaaf1\uabeb"
    "\ufe12\ufe15\ufe16\ufe52\ufe56\ufe57\uff01\uff0e\uff1f\uff61"
    "\U00010a56\U00010a57\U00010f55-\U00010f59\U00010f86-\U00010f89\U00011047\U00011048\U000110be-\U000110c1"
    "\U00011141-\U00011143\U000111c5\U000111c6\U000111cd\U000111de\U000111df\U00011238\U00011239\U0001123b\U0001123c"
    "\U000112a9\U000113d4\U000113d5\U0001144b\U0001144c\U000115c2\U000115c3\U000115c9-\U000115d7\U00011641\U00011642"
    "\U0001173c-\U0001173e\U00011944\U00011946\U00011a42\U00011a43\U00011a9b\U00011a9c\U00011c41\U00011c42"
    "\U00011ef7\U00011ef8\U00011f43\U00011f44\U00016a6e\U00016a6f\U00016af5\U00016b37\U00016b38\U00016b44"
    "\U00016d6e\U00016d6f\U00016e98\U0001bc9f\U0001da88"
)
# The shads of Tibetan, which that property leaves out because they end clauses as well: the script has nothing else.
TIBETAN_SHADS = "\u0f0d-\u0f12"
# Thai and Lao have no full stop. A space, which they write between sentences and not between words, ends one.
SPACED_SENTENCES = "\u0e01-\u0e4e\u0e81-\u0edf"
PLAIN_QUOTES = "\"'\uff02\uff07"
CLOSING_CATEGORIES = ("Pe", "Pf")  # of Unicode: closing brackets and closing quotation marks
OPENING_QUOTE_CATEGORY = "Pi"  # in English it opens; in German and Danish it closes
ATTACHED_CATEGORIES = ("Mn", "Me", "Cf")  # marks and signs that belong to the character before them

_is_terminal = re.compile(f"[{SENTENCE_TERMINALS}{TIBETAN_SHADS}]").fullmatch
_is_spaced = re.compile(f"[{SPACED_SENTENCES}]").fullmatch


class Place(Enum):
    """Where in a sentence a character stands."""

    INSIDE = auto()
    AT_END = auto()  # the terminal mark, or a closing mark after it; another closing mark may follow
    AFTER = auto()  # the first character after the sentence


class SentenceEnds:
    """Follows a text character by character through its sentences."""

    def __init__(self) -> None:
        self._previous = ""  # character
        self._terminal = ""  # the mark that the sentence has ended with, until another begins

    def place(self, character: str) -> Place:
        """Return where the next character stands."""
        previous, self._previous = self._previous, character
        if _is_terminal(character):
            self._terminal = character
            return Place.AT_END
        if self._terminal and _closes(character, self._terminal):
            return Place.AT_END
        had_ended, self._terminal = bool(self._terminal), ""
        return Place.AFTER if had_ended or (character.isspace() and _is_spaced(previous)) else Place.INSIDE


def _closes(character: str, terminal: str) -> bool:
    """Return whether a character after a terminal mark belongs to the same sentence."""
    category = unicodedata.category(character)
    if category == OPENING_QUOTE_CATEGORY:  # after a wide full stop no space separates the next sentence's quotation
        return unicodedata.east_asian_width(terminal) not in ("W", "F")
    return character in PLAIN_QUOTES or category in CLOSING_CATEGORIES + ATTACHED_CATEGORIES
