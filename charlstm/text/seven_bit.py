"""Encodings that write every script in ASCII bytes: ISO-2022 with escape codes, HZ with ~{, UTF-7 with +.

Such bytes are ASCII and valid UTF-8, so all that can tell them are the codes, and what they make of the text.
"""

import codecs
import re
from collections.abc import Mapping

from charlstm.text.unicode_forms import MIN_COMMON, share_of_common

ISO_2022_CODE = re.compile(rb"\x1b\$(?:[@AB]|\([CDOPQ@AB]|\)[CAGEH])|\x1b\(I|\x1b\.[AF]|\x1b\*H")
ISO_2022 = ("iso2022_kr", "iso2022_jp", "iso2022_jp_2", "iso2022_jp_ext", "iso2022_jp_2004")  # the narrower first
SHIFTS = set("\x1b\x0e\x0f")  # characters that must not be left over
HZ_RUN = re.compile(rb"~\{(?:[\x21-\x77][\x21-\x7e])+(?:~\}|\n|$)")
UTF_7_RUN = re.compile(rb"\+[A-Za-z0-9+/]{3,}-?")
MIN_CHARACTERS = 3  # beyond ASCII in UTF-7: formulas with a plus sign can be valid as well
ESCAPE, HZ_SIGN, UTF_7_SIGN = SIGNS = b"\x1b", b"~{", b"+"  # one of them is in every such text


def seven_bit_encoding(lines_with: Mapping[bytes, bytes]) -> str | None:
    """Return the encoding of a text in ASCII bytes that has characters beyond ASCII, if there is one.

    `lines_with` has, for each of SIGNS, lines of the text with it.
    """
    if has_escape_codes(lines_with):
        return next((name for name in ISO_2022 if _leaves_no_codes(lines_with[ESCAPE], name)), None)
    sample = lines_with[HZ_SIGN]
    if HZ_RUN.search(sample) and _is_plausible(_decoded(sample, "hz"), min_characters=2):
        return "hz"
    sample = lines_with[UTF_7_SIGN]
    if UTF_7_RUN.search(sample) and _is_plausible(_decoded(sample, "utf-7"), min_characters=MIN_CHARACTERS):
        return "utf-7"
    return None


def has_escape_codes(lines_with: Mapping[bytes, bytes]) -> bool:
    """Return whether a text switches between character sets as ISO-2022 does."""
    return ISO_2022_CODE.search(lines_with[ESCAPE]) is not None


def _leaves_no_codes(sample: bytes, encoding: str) -> bool:
    text = _decoded(sample, encoding)
    return text is not None and not SHIFTS & set(text)


def _decoded(sample: bytes, encoding: str) -> str | None:
    """Return a text; None for bytes that are not in an encoding. The end may be cut."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeError:
        return None


def _is_plausible(text: str | None, *, min_characters: int) -> bool:
    beyond_ascii = "".join(character for character in text or "" if not character.isascii())
    return len(beyond_ascii) >= min_characters and share_of_common(beyond_ascii) >= MIN_COMMON
