"""Characters to integers and back, and what happens to a character that is not known."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from charlstm.arrays import Ids
from charlstm.errors import SettingError, VocabularyError

CHARACTERS_AT_ONCE = 1 << 20
STAND_IN = "\ufffd"  # Unicode's replacement character stands for all that are too rare to be learned
POLICIES = ("error", "skip", "nearest")
ALIKE = {
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\u300c\u300d", '"'),
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2039\u203a\u2032\u00b4`", "'"),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
    **dict.fromkeys("\t\u00a0\u2002\u2003\u2009\u202f\u3000", " "),
    "\u2026": ".",
    "\u2028": "\n",
    "\u2029": "\n",
}


@dataclass(frozen=True)
class CharacterMapping:
    """The ids that characters have in a vocabulary, and what was changed to find one."""

    table: npt.NDArray[np.int64]  # (characters,); -1: left out
    changes: dict[str, str]  # an unknown character to the one taken for it, or to nothing


@dataclass(frozen=True)
class Vocabulary:
    """The characters a model knows, in the order of their code points; a character's id is its place among them.

    With `lowercase` every text is put into lower case before it is encoded. `unknown` is the one of the characters
    that stands for those that were too rare to be learned; it is never generated.

    >>> Vocabulary.from_text("hello").encode("hole").tolist()
    [1, 3, 2, 0]
    """

    characters: str
    lowercase: bool = False
    unknown: str | None = None

    def __post_init__(self) -> None:
        right = isinstance(self.characters, str) and isinstance(self.lowercase, bool) and self.characters != ""
        if not right or any(a >= b for a, b in zip(self.characters, self.characters[1:], strict=False)):
            raise VocabularyError(
                "a vocabulary needs at least one character, each once and in order",
                hint="build it with Vocabulary.from_text(text)",
            )
        if any("\ud800" <= character <= "\udfff" for character in self.characters):
            raise VocabularyError(
                "a vocabulary cannot hold halves of surrogate pairs", hint="is this the text's encoding? See `encoding`"
            )
        alone = isinstance(self.unknown, str) and len(self.unknown) == 1 and self.unknown in self.characters
        if self.unknown is not None and not alone:
            raise VocabularyError("what stands for unknown characters must be one of the characters")

    @classmethod
    def from_text(cls, text: str, *, lowercase: bool = False) -> Self:
        """The vocabulary of all characters that occur in the text."""
        return cls("".join(sorted(set(text.lower() if lowercase else text))), lowercase)

    @classmethod
    def from_counts(cls, characters: str, counts: tuple[int, ...], *, lowercase: bool, min_count: int) -> Self:
        """The vocabulary of the characters that occur `min_count` times or more; one stands for all the others.

        Raises VocabularyError if none occurs so often.
        """
        kept = {character for character, count in zip(characters, counts, strict=True) if count >= min_count}
        if not kept:
            raise VocabularyError(
                f"no character occurs {min_count:,} times", hint="give a smaller `min_count`, or a longer text"
            )
        unknown = STAND_IN if len(kept) < len(characters) else None
        return cls("".join(sorted(kept | ({STAND_IN} if unknown else set()))), lowercase, unknown)

    def __len__(self) -> int:
        return len(self.characters)

    def to_json(self) -> dict[str, Any]:
        return {"characters": self.characters, "lowercase": self.lowercase, "unknown": self.unknown}

    @cached_property
    def _code_points(self) -> npt.NDArray[np.uint32]:
        return code_points_of(self.characters)

    def fold(self, text: str) -> str:
        """The text as this vocabulary sees it."""
        return text.lower() if self.lowercase else text

    def encode(self, text: str) -> Ids:
        """Ids of shape (characters,), in the smallest unsigned type that holds them.

        Raises VocabularyError, naming the characters, if some are not in the vocabulary.
        """
        text = self.fold(text)
        ids = np.empty(len(text), np.min_scalar_type(len(self) - 1))
        unknown: set[int] = set()
        for start in range(0, len(text), CHARACTERS_AT_ONCE):  # or a long text would take many times its size
            code_points = code_points_of(text[start : start + CHARACTERS_AT_ONCE])
            places = self._places(code_points)
            unknown.update(code_points[places < 0].tolist())
            ids[start : start + len(places)] = places.clip(min=0)
        if unknown:
            raise self._unknown(sorted(unknown))
        return ids

    def map_characters(self, characters: str, policy: str) -> CharacterMapping:
        """The ids of the characters of a text; those that are not known are dealt with by a policy.

        `error` raises VocabularyError, which names them. `skip` leaves them out. `nearest` takes another case, the
        letter without its accent, the plain quotation mark, dash or space; and leaves out what has none of these. A
        vocabulary with a character that stands for the rare ones takes that before it leaves one out.
        """
        if policy not in POLICIES:
            raise SettingError(
                f"`unknown` is {policy!r}, but it must be one of {', '.join(POLICIES)}", hint="nearest is a good start"
            )
        table = self._places(code_points_of(characters))
        unknown = [place for place, known in enumerate(table >= 0) if not known]
        if policy == "error" and unknown:
            raise self._unknown(sorted(ord(characters[place]) for place in unknown))
        changes = {}
        for place in unknown:
            taken = self._nearest(characters[place]) if policy == "nearest" else ""
            changes[characters[place]] = taken = taken or self.unknown or ""
            if taken:
                table[place] = self.characters.index(taken)
        return CharacterMapping(table, changes)

    def adapt(self, text: str, policy: str) -> tuple[str, dict[str, str]]:
        """The text in characters of this vocabulary, and what was changed: see `map_characters`."""
        text = unicodedata.normalize("NFC", self.fold(text))
        changes = self.map_characters("".join(sorted(set(text))), policy).changes
        return text.translate({ord(character): taken for character, taken in changes.items()}), changes

    def decode(self, ids: Ids) -> str:
        """The text of ids of shape (characters,)."""
        return text_of(self._code_points[ids])

    def _places(self, code_points: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
        """The ids of code points; -1 for those that are not known."""
        places = np.searchsorted(self._code_points, code_points).clip(max=len(self) - 1)
        return np.where(self._code_points[places] == code_points, places, -1)

    def _nearest(self, character: str) -> str:
        known = (other for other in _likenesses(character) if len(other) == 1 and other in self.characters)
        return next(known, "")

    def _unknown(self, code_points: list[int]) -> VocabularyError:
        names = [show(chr(code_point)) for code_point in code_points[:8]]
        more = f" and {len(code_points) - 8} more" if len(code_points) > 8 else ""
        known = "".join(character for character in self.characters if character.isprintable())
        known = known if len(known) <= 100 else known[:100] + "..."
        return VocabularyError(
            f"the model does not know {', '.join(names)}{more}",
            hint=f"use only characters of the text it was trained on ({known}), or `unknown` nearest",
        )


def _likenesses(character: str) -> Iterator[str]:
    """What may be taken for a character, the most alike first."""
    bare = unicodedata.normalize("NFKD", character)[0]
    for other in (character, bare, ALIKE.get(character, ""), ALIKE.get(bare, "")):
        yield from (other, other.swapcase(), other.lower(), other.upper())


def code_points_of(text: str) -> npt.NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def text_of(code_points: npt.NDArray[np.uint32]) -> str:
    return code_points.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")


def show(character: str) -> str:
    """A character with its code point, without letting it drive the terminal."""
    code_point = f"U+{ord(character):04X}"
    return f"'{character}' ({code_point})" if character.isprintable() else code_point
