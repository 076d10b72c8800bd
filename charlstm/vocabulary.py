"""Characters to integers and back."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from charlstm.errors import VocabularyError

CHARACTERS_AT_ONCE = 1 << 20

Ids = npt.NDArray[np.integer]


@dataclass(frozen=True)
class Vocabulary:
    """The characters a model knows, in the order of their code points; a character's id is its place among them.

    With `lowercase` every text is put into lower case before it is encoded.

    >>> Vocabulary.of("hello").encode("hole").tolist()
    [1, 3, 2, 0]
    """

    characters: str
    lowercase: bool = False

    def __post_init__(self) -> None:
        if not self.characters or any(a >= b for a, b in zip(self.characters, self.characters[1:], strict=False)):
            raise VocabularyError(
                "a vocabulary needs at least one character, each once and in order",
                hint="build it with Vocabulary.of(text)",
            )

    @classmethod
    def of(cls, text: str, *, lowercase: bool = False) -> Self:
        """The vocabulary of all characters that occur in the text."""
        return cls("".join(sorted(set(text.lower() if lowercase else text))), lowercase)

    def __len__(self) -> int:
        return len(self.characters)

    @cached_property
    def _code_points(self) -> npt.NDArray[np.uint32]:
        return _code_points(self.characters)

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
            code_points = _code_points(text[start : start + CHARACTERS_AT_ONCE])
            places = np.searchsorted(self._code_points, code_points).clip(max=len(self) - 1)
            unknown.update(code_points[self._code_points[places] != code_points].tolist())
            ids[start : start + len(places)] = places
        if unknown:
            raise self._unknown(sorted(unknown))
        return ids

    def decode(self, ids: Ids) -> str:
        """The text of ids of shape (characters,)."""
        return self._code_points[ids].astype("<u4").tobytes().decode("utf-32-le")

    def _unknown(self, code_points: list[int]) -> VocabularyError:
        names = [_show(chr(code_point)) for code_point in code_points[:8]]
        more = f" and {len(code_points) - 8} more" if len(code_points) > 8 else ""
        known = "".join(character for character in self.characters if character.isprintable())
        known = known if len(known) <= 100 else known[:100] + "..."
        return VocabularyError(
            f"the model does not know {', '.join(names)}{more}",
            hint=f"use only characters of the text it was trained on: {known}",
        )


def _code_points(text: str) -> npt.NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def _show(character: str) -> str:
    """A character with its code point, without letting it drive the terminal."""
    code_point = f"U+{ord(character):04X}"
    return f"'{character}' ({code_point})" if character.isprintable() else code_point
