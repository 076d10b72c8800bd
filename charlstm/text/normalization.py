"""Unicode normal form and lower case, piece by piece, with the same result as for the whole text.

Both depend on the characters around: a mark combines with the letter before it, and whether a Greek sigma ends a word
decides its small letter. So a text is cut only where nothing on one side depends on the other. Looking for such a place
from a fixed length on keeps the time linear, whatever the text consists of.
"""

import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Literal

PIECE_LENGTH = 512  # characters that are converted together, at least
MAX_SEARCH = 256  # characters in which a place to cut is sought; only a run of marks or a word can be longer
JAMO = "\u1160", "\u11ff"  # Hangul vowels and final consonants: they combine with what is before them


def normalize_chunks(chunks: Iterator[str], form: str) -> Iterator[str]:
    """Yield a text in the normal form nfc or nfkc, or unchanged for none."""
    if form == "none":
        return chunks
    unicode_form: Literal["NFC", "NFKC"] = "NFC" if form == "nfc" else "NFKC"
    return _convert_pieces(chunks, partial(unicodedata.normalize, unicode_form), _never_combines)


def lowercase_chunks(chunks: Iterator[str]) -> Iterator[str]:
    """Yield a text in lower case."""
    return _convert_pieces(chunks, str.lower, _separates_words)


def _convert_pieces(
    chunks: Iterator[str], convert: Callable[[str], str], can_cut_before: Callable[[str], bool]
) -> Iterator[str]:
    """Yield a converted text. Where no place to cut is found in MAX_SEARCH characters, it is cut all the same.

    That keeps memory bounded, and the time too: putting n marks in canonical order takes n**2 steps.
    """
    held = ""
    for chunk in chunks:
        held += chunk
        pieces = []
        start = 0
        while len(held) - start > PIECE_LENGTH + MAX_SEARCH:
            first = start + PIECE_LENGTH
            places = range(first, first + MAX_SEARCH)
            end = next((index for index in places if can_cut_before(held[index])), first + MAX_SEARCH)
            pieces.append(convert(held[start:end]))
            start = end
        if pieces:
            yield "".join(pieces)
        held = held[start:]
    if held:
        yield convert(held)


@lru_cache(maxsize=1 << 12)
def _never_combines(character: str) -> bool:
    """Return whether a character is independent of what is before it: the compatibility form begins with no mark."""
    first = unicodedata.normalize("NFKD", character)[0]
    return unicodedata.category(first)[0] != "M" and not JAMO[0] <= first <= JAMO[1]


@lru_cache(maxsize=1 << 12)
def _separates_words(character: str) -> bool:
    """Return whether no letter on one side affects the case of one on the other.

    Letters without case do, except for the two ordinal signs, which count as small letters. Full stops, apostrophes
    and marks do not: they may stand within a word.
    """
    category = unicodedata.category(character)
    return character.isspace() or category == "Nd" or (category == "Lo" and not character.islower())
