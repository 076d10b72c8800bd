"""Characters to ids and back, and a policy for characters that are not in the vocabulary."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from charlstm.arrays import Ids
from charlstm.errors import SettingError, VocabularyError, shown
from charlstm.text.normal_form import NORMAL_FORMS, normalize, respell

MAX_VOCABULARY = 1 << 16  # different characters
CHUNK_CHARACTERS = 1 << 20  # encoded at once, so that a long text does not take many times its size in memory
MAX_NAMED = 8  # unknown characters in an error
MAX_SHOWN = 100  # known characters in an error
RARE_CHARACTER = "\ufffd"  # Unicode's replacement character, which takes the place of all rare characters
POLICIES = ("error", "skip", "nearest")
LOOKALIKES = {
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\u300c\u300d", '"'),
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2039\u203a\u2032\u00b4`", "'"),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
    **dict.fromkeys("\t\u00a0\u2002\u2003\u2009\u202f\u3000", " "),
    "\u2026": ".",
    "\u2028": "\n",
    "\u2029": "\n",
}


@dataclass(frozen=True)
class IdTable:
    """The ids of some characters in a vocabulary, and what replaces the characters that it does not have."""

    ids: npt.NDArray[np.int64]  # (characters,); -1: left out
    replacements: dict[str, str]  # unknown character to its replacement, or to "" if it is left out


@dataclass(frozen=True)
class Vocabulary:
    """The characters that a model knows, ordered by code point. The id of a character is its index.

    With `lowercase`, a text is converted to lower case before it is encoded. `unknown` is the character, if there is
    one, that takes the place of rare characters in training; it is never generated. `normalize` is the normal form of
    the text that the characters come from, see `normal_form`.

    >>> Vocabulary.from_text("hello").encode("hole").tolist()
    [1, 3, 2, 0]
    """

    characters: str
    lowercase: bool = False
    unknown: str | None = None
    normalize: str = "nfc"

    def __post_init__(self) -> None:
        has_types = isinstance(self.characters, str) and isinstance(self.lowercase, bool) and self.characters != ""
        if not has_types or any(a >= b for a, b in zip(self.characters, self.characters[1:], strict=False)):
            raise VocabularyError(
                "a vocabulary must have at least one character, each once, ordered by code point",
                hint="build it with Vocabulary.from_text(text)",
            )
        if len(self.characters) > MAX_VOCABULARY:
            raise VocabularyError(
                f"a vocabulary of {len(self.characters):,} characters is too large: it may have {MAX_VOCABULARY:,}",
                hint="a text in any language has fewer: was this file made by something else?",
            )
        if any("\ud800" <= character <= "\udfff" for character in self.characters):
            raise VocabularyError(
                "the text has surrogates (U+D800 to U+DFFF), which are no characters",
                hint="name the text's encoding with `encoding`",
            )
        is_member = isinstance(self.unknown, str) and len(self.unknown) == 1 and self.unknown in self.characters
        if self.unknown is not None and not is_member:
            raise VocabularyError(
                f"{shown(self.unknown)}, for unknown characters, is not a character of the vocabulary"
            )
        if self.normalize not in NORMAL_FORMS:
            raise VocabularyError(
                f"there is no normal form {shown(self.normalize)}", hint=f"use {', '.join(NORMAL_FORMS)}"
            )

    @classmethod
    def from_text(cls, text: str, *, lowercase: bool = False, normalize: str = "nfc") -> Self:
        """Return the vocabulary of all characters in a text, which must be in the normal form already."""
        return cls("".join(sorted(set(text.lower() if lowercase else text))), lowercase, normalize=normalize)

    @classmethod
    def from_counts(
        cls, characters: str, counts: Sequence[int], *, lowercase: bool, min_count: int, normalize: str = "nfc"
    ) -> Self:
        """Return the vocabulary of the characters that occur at least `min_count` times.

        One more character takes the place of the rarer ones, if there are any. Raises VocabularyError if no character
        occurs often enough.
        """
        kept = {character for character, count in zip(characters, counts, strict=True) if count >= min_count}
        if not kept:
            raise VocabularyError(
                f"no character occurs {min_count:,} times", hint="give a smaller `min_count`, or a longer text"
            )
        unknown = RARE_CHARACTER if len(kept) < len(characters) else None
        return cls("".join(sorted(kept | ({RARE_CHARACTER} if unknown else set()))), lowercase, unknown, normalize)

    def __len__(self) -> int:
        return len(self.characters)

    def to_json(self) -> dict[str, Any]:
        return {
            "characters": self.characters,
            "lowercase": self.lowercase,
            "unknown": self.unknown,
            "normalize": self.normalize,
        }

    def fold_case(self, text: str) -> str:
        """Return the text in lower case if the vocabulary is."""
        return text.lower() if self.lowercase else text

    def spell(self, text: str) -> str:
        """Return the same text as the training text would have it: in its normal form and its case.

        A model without a normal form may know a letter composed, decomposed or both ways: the known one is taken.
        """
        text = self.fold_case(normalize(text, self.normalize))
        return respell(text, self._num_unknown) if self.normalize == "none" and self._num_unknown(text) else text

    def encode(self, text: str) -> Ids:
        """Return ids of shape (characters,), in the smallest unsigned type that holds them.

        Raises VocabularyError, which names the characters, if some are not in the vocabulary.
        """
        text = self.fold_case(text)
        ids = np.empty(len(text), np.min_scalar_type(len(self) - 1))
        unknown: set[int] = set()
        for start in range(0, len(text), CHUNK_CHARACTERS):
            code_points = to_code_points(text[start : start + CHUNK_CHARACTERS])
            chunk = self._ids(code_points)
            unknown.update(code_points[chunk < 0].tolist())
            ids[start : start + len(chunk)] = chunk.clip(min=0)
        if unknown:
            raise self._unknown_characters(unknown)
        return ids

    def decode(self, ids: Ids) -> str:
        """Return the text of ids of shape (characters,)."""
        return from_code_points(self._code_points[ids])

    def id_table(self, characters: str, policy: str, *, keeps_rare: bool = False) -> IdTable:
        """Return the id of each character; a policy decides about those that are not in the vocabulary.

        `error` raises VocabularyError, which names them. `skip` leaves them out. `nearest` takes the other case, the
        letter without its accent, or the plain quotation mark, dash or space, and leaves out a character that has none
        of these. With `keeps_rare`, for training, a vocabulary with a character for rare ones takes that instead of
        leaving one out.
        """
        if policy not in POLICIES:
            raise SettingError(
                f"`unknown` is {policy!r}, but it must be one of {', '.join(POLICIES)}",
                hint="nearest takes a similar character, skip leaves it out",
            )
        ids = self._ids(to_code_points(characters))
        unknown = [index for index, id_ in enumerate(ids) if id_ < 0]
        if policy == "error" and unknown:
            raise self._unknown_characters({ord(characters[index]) for index in unknown})
        replacements = {}
        for index in unknown:
            nearest = self._nearest(characters[index]) if policy == "nearest" else ""
            replacements[characters[index]] = replacement = nearest or (self.unknown if keeps_rare else None) or ""
            if replacement:
                ids[index] = self.characters.index(replacement)
        return IdTable(ids, replacements)

    def adapt(self, text: str, policy: str) -> tuple[str, dict[str, str]]:
        """Return the text in characters of the vocabulary, and the replacements that were made: see `id_table`."""
        text = self.spell(text)
        replacements = self.id_table("".join(sorted(set(text))), policy).replacements
        return text.translate({ord(old): new for old, new in replacements.items()}), replacements

    @cached_property
    def _code_points(self) -> npt.NDArray[np.uint32]:
        return to_code_points(self.characters)

    def _ids(self, code_points: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
        """Return the ids of code points, -1 for those that are not in the vocabulary."""
        indices = np.searchsorted(self._code_points, code_points).clip(max=len(self) - 1)
        return np.where(self._code_points[indices] == code_points, indices, -1)

    def _num_unknown(self, text: str) -> int:
        return int((self._ids(to_code_points(text)) < 0).sum())

    def _nearest(self, character: str) -> str:
        candidates = _similar_characters(character)
        return next((other for other in candidates if len(other) == 1 and other in self.characters), "")

    def _unknown_characters(self, code_points: set[int]) -> VocabularyError:
        names = [_describe(chr(code_point)) for code_point in sorted(code_points)[:MAX_NAMED]]
        more = f" and {len(code_points) - MAX_NAMED} more" if len(code_points) > MAX_NAMED else ""
        known = "".join(character for character in self.characters if character.isprintable())
        known = known if len(known) <= MAX_SHOWN else known[:MAX_SHOWN] + "..."
        return VocabularyError(
            f"the model does not know {', '.join(names)}{more}",
            hint=f"use only characters of the text it was trained on ({known}), or set `unknown` to nearest",
        )


def _similar_characters(character: str) -> Iterator[str]:
    """Yield strings that may replace a character, the most similar first."""
    bare = unicodedata.normalize("NFKD", character)[0]
    for other in (character, bare, LOOKALIKES.get(character, ""), LOOKALIKES.get(bare, "")):
        yield from (other, other.swapcase(), other.lower(), other.upper())


def to_code_points(text: str) -> npt.NDArray[np.uint32]:
    """Return the code points of a text, shape (characters,)."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def from_code_points(code_points: npt.NDArray[np.uint32]) -> str:
    """Return the text of code points of shape (characters,)."""
    return code_points.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")


def _describe(character: str) -> str:
    """Return a character and its code point; the code point only if printing the character could upset a terminal."""
    code_point = f"U+{ord(character):04X}"
    return f"'{character}' ({code_point})" if character.isprintable() else code_point
