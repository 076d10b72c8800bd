"""Guess the legacy encoding of a text: by the bytes first, and then by the letters that come out.

chardet ranks the encodings by pairs of bytes in some fifty languages. Between encodings of the Latin alphabet, which
share most of their bytes, it often has no reason to choose, in lists of names above all: `Muñoz` and `Muńoz` differ in
one byte's meaning. There the letters decide: those of a text should belong to the alphabet of one language.
"""

import codecs
from dataclasses import dataclass
from string import ascii_letters

ALPHABETS = {  # the letters beyond ASCII
    "Albanian": "çë",
    "Catalan": "àçèéíïòóúü",
    "Czech": "áčďéěíňóřšťúůýž",
    "Danish, Norwegian": "æøåéòô",
    "Dutch": "áëèéêïíöóü",
    "Esperanto": "ĉĝĥĵŝŭ",
    "Estonian": "äõöüšž",
    "Finnish, Swedish": "äåöéšž",
    "French": "àâæçéèêëîïôœùûüÿ",
    "German": "äöüß",
    "Hungarian": "áéíóöőúüű",
    "Icelandic": "áæéíðóöþúý",
    "Irish": "áéíóú",
    "Italian": "àèéìíòóù",
    "Latvian": "āčēģīķļņšūž",
    "Lithuanian": "ąčęėįšųūž",
    "Maltese": "ċġħżàèìòù",
    "Polish": "ąćęłńóśźż",
    "Portuguese": "áâãàçéêíóôõúü",
    "Romanian": "ăâîşţșț",
    "Croatian": "ćčđšž",
    "Slovak": "áäčďéíĺľňóôŕšťúýž",
    "Spanish": "áéíñóúü",
    "Turkish": "âçğîıöşûüi̇",
    "Welsh": "âáêéîïôöûŵŷ",
}
LATIN_ENCODINGS = (  # the more common an encoding is, the earlier it stands: among equals the first one is taken
    *("cp1252", "iso8859-1", "iso8859-15", "cp1250", "iso8859-2", "cp1254", "iso8859-9", "cp1257", "cp850", "cp852"),
    *("mac-roman", "iso8859-13", "iso8859-16", "cp857", "iso8859-3", "iso8859-14", "iso8859-4", "cp437", "mac-latin2"),
)
OTHER_ALPHABETS = (
    *("cp1251", "koi8-r", "koi8-u", "cp866", "iso8859-5", "mac-cyrillic", "cp1253", "iso8859-7", "cp1255", "iso8859-8"),
    *("cp1256", "iso8859-6", "cp874"),
)
OTHER_ENCODINGS = (
    *("cp1258", "cp932", "euc_jis_2004", "shift_jis_2004", "iso2022_jp_2", "iso2022_jp_ext", "iso2022_kr"),
    *("gb18030", "big5hkscs", "cp949", "ascii"),
)
ENCODINGS = (*LATIN_ENCODINGS, *OTHER_ALPHABETS, *OTHER_ENCODINGS)
PUNCTUATION = set("¿¡«»‹›“”‘’„‚…–—·©®™§†•\xa0\xad")  # that may stand beside letters
INSIDE_WORDS = set("’‘·–—\xad")  # that may also stand between two
AMOUNTS = set("€£¥¢°±²³½¼¾×÷ªº¹")  # that stand beside digits or spaces
MAX_INVALID_SHARE = 0.001  # of the bytes may mean nothing in the encoding; one byte always may
CONFIDENCE_WEIGHT = 0.1  # of chardet's confidence, beside the share of letters that fit
RARITY_PENALTY = 0.005  # for each more common encoding
CERTAIN, LIKELY, GUESSED = "certain", "likely", "a guess"
MIN_FIT_CERTAIN, MIN_FIT_LIKELY = 0.995, 0.9  # shares of letters that fit


@dataclass(frozen=True)
class DetectedEncoding:
    """The most probable encoding of a text, and how sure that is: CERTAIN, LIKELY or GUESSED."""

    name: str
    certainty: str


def detect_legacy_encoding(sample: bytes) -> DetectedEncoding | None:
    """Guess the encoding of bytes that are not UTF-8; None if they fit no encoding of a text."""
    import chardet

    candidates = {
        codecs.lookup(found["encoding"]).name: float(found["confidence"])
        for found in chardet.detect_all(sample, ignore_threshold=True, include_encodings=ENCODINGS, compat_names=False)
        if found["encoding"]
    }
    best = max(candidates, key=lambda name: candidates[name], default=None)
    latin = [codecs.lookup(name).name for name in LATIN_ENCODINGS]
    other_alphabets = [codecs.lookup(name).name for name in OTHER_ALPHABETS]
    if best is not None and best not in latin and not (best in other_alphabets and _has_latin_words(sample)):
        return DetectedEncoding(best, LIKELY if candidates[best] > 0.5 else GUESSED)
    scores = {}
    for rank, name in enumerate(latin):
        fit = latin_fit(sample.decode(name, "replace"))
        if fit is not None:
            relative = candidates.get(name, 0.0) / candidates[best] if best else 0.0
            scores[name] = fit + CONFIDENCE_WEIGHT * relative - RARITY_PENALTY * rank, fit
    if not scores:
        return None
    name = max(scores, key=lambda name: scores[name])
    fit = scores[name][1]
    return DetectedEncoding(name, CERTAIN if fit >= MIN_FIT_CERTAIN else LIKELY if fit >= MIN_FIT_LIKELY else GUESSED)


def _has_latin_words(sample: bytes) -> bool:
    """Return whether most bytes beyond ASCII stand beside ASCII letters: no other alphabet mixes with them."""
    num_beyond, num_beside = 0, 0
    for before, byte, after in zip(b" " + sample, sample, sample[1:] + b" ", strict=False):
        if byte >= 0x80:
            num_beyond += 1
            num_beside += chr(before) in ascii_letters or chr(after) in ascii_letters
    return num_beside > num_beyond / 2


def is_latin(encoding: str | None) -> bool:
    """Return whether an encoding, named as in a DetectedEncoding, is one of those for the Latin alphabet."""
    return encoding in [codecs.lookup(name).name for name in LATIN_ENCODINGS]


def latin_fit(text: str) -> float | None:
    """Return the share of characters beyond ASCII that one language accounts for; None for too many invalid ones."""
    num_invalid = text.count("\ufffd")
    if num_invalid > max(1, MAX_INVALID_SHARE * len(text)):
        return None
    letters, num_odd = [], num_invalid
    for before, character, after in zip(" " + text, text, text[1:] + " ", strict=False):
        if character.isascii() or character == "\ufffd":
            continue
        if character in AMOUNTS:
            num_odd += before.isalpha() and after.isalpha()
        elif character < "\xa0":  # a control character
            num_odd += 2
        elif not character.isalpha():
            is_inside = before.isalpha() and after.isalpha()
            num_odd += character not in (INSIDE_WORDS if is_inside else PUNCTUATION)
        else:
            letters.append(character)
            num_odd += (character.isupper() and before.islower()) or before.isdigit() or after.isdigit()
    if not letters and not num_odd:
        return 1.0
    best = max(sum(letter in alphabet for letter in letters) for alphabet in _ALPHABETS)
    return (best - num_odd) / (len(letters) + num_odd)


_ALPHABETS = [set(letters + letters.upper()) for letters in ALPHABETS.values()]
