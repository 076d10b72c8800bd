"""Unicode normal forms: a model reads every text in the form of the text that it was trained on."""

import re
import unicodedata
from collections.abc import Callable, Iterator

NORMAL_FORMS = ("nfc", "nfkc", "none")
_NOT_ASCII = re.compile(r"[\x00-\x7f]?[^\x00-\x7f]+")  # with the letter before it, which may have marks


def normalize(text: str, form: str) -> str:
    """Return a text in a form of NORMAL_FORMS; `none` leaves it as it is."""
    if form == "none":
        return text
    return unicodedata.normalize("NFC" if form == "nfc" else "NFKC", text)


def normalization_pieces(text: str) -> Iterator[str]:
    """Yield pieces that are normalized on their own: most often a character, or a letter with its marks.

    >>> list(normalization_pieces("ae\\u0301b"))
    ['a', 'é', 'b']
    """
    piece = ""
    for character in text:
        if piece and not _is_joined(piece, character):
            yield piece
            piece = ""
        piece += character
    if piece:
        yield piece


def respell(text: str, num_unknown: Callable[[str], int]) -> str:
    """Return a text with each piece as it is, composed or decomposed: as the fewest of its characters are unknown.

    All three are the same text to a reader (Unicode Standard Annex 15). Among equals, the one with the most known
    characters is taken.
    """

    def best_spelling(piece: str) -> str:
        spellings = (piece, unicodedata.normalize("NFC", piece), unicodedata.normalize("NFD", piece))
        return min(spellings, key=lambda spelling: (num_unknown(spelling), -len(spelling) + num_unknown(spelling)))

    def respell_match(match: re.Match[str]) -> str:
        return "".join(map(best_spelling, normalization_pieces(match[0])))

    return _NOT_ASCII.sub(respell_match, text)


def _is_joined(piece: str, character: str) -> bool:
    """Return whether a character may change with the piece before it when they are normalized."""
    if character < "\x80":
        return False
    if unicodedata.combining(character):
        return True
    separate = unicodedata.normalize("NFC", piece) + unicodedata.normalize("NFC", character)
    return unicodedata.normalize("NFC", piece + character) != separate
