"""UTF-16 and UTF-32 with and without a byte-order mark, told by the mark or by the characters that come out."""

import codecs
import unicodedata
from functools import lru_cache

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),  # after UTF-32, which starts with the same bytes
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
WIDE_FORMS = {"utf-32-le": 4, "utf-32-be": 4, "utf-16-le": 2, "utf-16-be": 2}  # bytes of a unit
MAX_SAMPLE = 1 << 14  # bytes
MIN_COMMON = 0.9  # share of common characters in a text in UTF-16; in other bytes it is a third at the most
MIN_CHARACTERS = 4  # of a text without a mark
LEVEL_1 = (  # multi-byte encodings that list common characters first, and the last lead byte of those
    ("gb2312", 0xD7),
    ("euc_jp", 0xCF),
    ("big5", 0xC6),
)
OTHER_COMMON = (  # alphabets, signs, kana, full-width forms and emoji
    *((0x20, 0x206F), (0x20A0, 0x20BF), (0x2100, 0x25FF), (0x2600, 0x27BF), (0x3001, 0x30FF), (0xFE70, 0xFFEF)),
    *((0x1F300, 0x1FAFF),),
)


def form_by_mark(head: bytes) -> str | None:
    """Return the Unicode encoding whose byte-order mark a text begins with."""
    return next((encoding for mark, encoding in BYTE_ORDER_MARKS if head.startswith(mark)), None)


def form_by_characters(head: bytes, forms: tuple[str, ...] = tuple(WIDE_FORMS)) -> str | None:
    """Return the one of some forms of UTF-16 and UTF-32 that makes the most plausible text of bytes, if any does."""
    sample = head[:MAX_SAMPLE]
    shares = {form: _share_of_common(sample, form) for form in forms}
    best = max(shares, key=lambda form: shares[form])
    return best if shares[best] >= MIN_COMMON else None


def share_of_common(text: str) -> float:
    """Return the share of characters that are common in texts of any language."""
    return sum(map(_is_common, text)) / len(text) if text else 0.0


def _share_of_common(sample: bytes, form: str) -> float:
    whole = sample[: len(sample) - len(sample) % WIDE_FORMS[form]]
    text = codecs.getincrementaldecoder(form)("replace").decode(whole)  # leaves out half a character at the end
    return share_of_common(text) if len(text) >= MIN_CHARACTERS else 0.0


@lru_cache(maxsize=1 << 14)
def _is_common(character: str) -> bool:
    if character in "\t\n\r\x0c\ufeff":
        return True
    if unicodedata.category(character) in ("Cc", "Cn", "Co", "Cs"):
        return False
    if "\u4e00" <= character <= "\u9fff":
        return any(0xA1 <= _lead_byte(character, encoding) <= last for encoding, last in LEVEL_1)
    if "\uac00" <= character <= "\ud7a3":
        return len(character.encode("euc_kr", "ignore")) == 2  # the others are spelled out in letters
    return any(first <= ord(character) <= last for first, last in OTHER_COMMON)


def _lead_byte(character: str, encoding: str) -> int:
    """Return the first byte of a character in an encoding; 0 if it is not in it."""
    encoded = character.encode(encoding, "ignore")
    return encoded[0] if encoded else 0
