"""Guess the legacy encoding of a text: by the bytes first, and then by the letters that come out.

chardet ranks the encodings by pairs of bytes in some fifty languages. Between encodings of the Latin alphabet, which
share most of their bytes, it often has no reason to choose, in lists of names above all: `Muñoz` and `Muńoz` differ in
one byte's meaning. There the letters decide: those of a text should belong to the alphabet of one language.
"""

import codecs
from collections import Counter
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
    "Faroese": "áæðíóøúý",
    "Finnish, Swedish": "äåöéšž",
    "French": "àâæçéèêëîïôœùûüÿ",
    "German": "äöüß",
    "Hungarian": "áéíóöőúüű",
    "Icelandic": "áæéíðóöþúý",
    "Irish": "áéíóú",
    "Italian": "àèéìíòóù",
    "Latvian": "āčēģīķļņšūž",
    "Lithuanian": "ąčęėįšųūž",
    "Luxembourgish": "äëéèêîôöûü",
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
FREQUENT_LETTERS = {  # the most frequent first
    "Russian": "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё",
    "Ukrainian": "оаинвіетрслкудмпязьбгчйхїжцюєшщфґ",
    "Belarusian": "аіенрыоткслдвумпяьзбгчўйхжцшюэфё",
    "Bulgarian": "аеоинтрсвлдкпмзъгуябчщйцжшхюфь",
    "Serbian": "аоиенсртјвудклмпзгбшчжцћђњхљфџ",
    "Macedonian": "аоеитнрсвдлкмупзјгбшчцжќхњфљџѓѕ",
    "Greek": "αοιετσνηυρπκμλςάόίωγέδήύώθφχβξζψϊϋΐΰ",
}
WITH_CASE = ("cp1251", "koi8-r", "koi8-u", "cp866", "iso8859-5", "mac-cyrillic", "cp1253", "iso8859-7")
OTHER_ALPHABETS = (*WITH_CASE, "cp1255", "iso8859-8", "cp1256", "iso8859-6", "cp874")
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
MIN_CONFIDENCE = 0.08  # of chardet in Hebrew, Arabic or Thai: texts have 0.17 and more, capital Cyrillic has 0.03
MIN_FREQUENCY_LIKELY = 0.6  # mean rank of letters, where 1 is the most frequent one
MIN_FIT_CERTAIN, MIN_FIT_LIKELY = 0.995, 0.9  # shares of letters that fit


@dataclass(frozen=True)
class DetectedEncoding:
    """The most probable encoding of a text, and how sure that is: CERTAIN, LIKELY or GUESSED."""

    name: str
    certainty: str


def detect_legacy_encoding(sample: bytes) -> DetectedEncoding | None:
    """Guess the encoding of bytes that are not UTF-8; None if they fit no encoding of a text."""
    import chardet

    confidences = {
        codecs.lookup(found["encoding"]).name: float(found["confidence"])
        for found in chardet.detect_all(sample, ignore_threshold=True, include_encodings=ENCODINGS, compat_names=False)
        if found["encoding"]
    }
    best = max(confidences, key=lambda name: confidences[name], default=None)
    if best is None or is_latin(best):
        guess = _best_latin(sample, confidences)
    else:
        guess = DetectedEncoding(best, LIKELY if confidences[best] > 0.5 else GUESSED)
    if _has_latin_words(sample):
        if best is None or is_latin(best):
            return guess
        latin = _best_latin(sample, confidences)
        is_latin_text = latin is not None and (best in _OTHER_ALPHABETS or latin.certainty == CERTAIN)
        return latin if is_latin_text else guess
    is_weak = best not in _OTHER_ALPHABETS or confidences[best] < MIN_CONFIDENCE
    if best in _WITH_CASE or (is_weak and (guess is None or guess.certainty == GUESSED)):
        other = _best_of_case(sample, confidences)
        if other is not None and (best in _WITH_CASE or other.certainty == LIKELY):
            return other
    return guess


def _ranked(fits: dict[str, float], confidences: dict[str, float]) -> str:
    """Return the encoding whose letters fit best, with a little weight for chardet's confidence and for being common.

    `fits` has the more common encodings first.
    """
    highest = max(confidences.values(), default=0.0) or 1.0
    scores = {
        name: fit + CONFIDENCE_WEIGHT * confidences.get(name, 0.0) / highest - RARITY_PENALTY * rank
        for rank, (name, fit) in enumerate(fits.items())
    }
    return max(scores, key=lambda name: scores[name])


def _best_latin(sample: bytes, confidences: dict[str, float]) -> DetectedEncoding | None:
    possible = ((name, latin_fit(sample.decode(name, "replace"))) for name in _LATIN)
    fits = {name: fit if fit is not None else -2.0 for name, fit in possible}
    name = _ranked(fits, confidences)
    fit = fits[name]
    if fit == -2.0:
        return None
    return DetectedEncoding(name, CERTAIN if fit >= MIN_FIT_CERTAIN else LIKELY if fit >= MIN_FIT_LIKELY else GUESSED)


def _best_of_case(sample: bytes, confidences: dict[str, float]) -> DetectedEncoding | None:
    """Return the best encoding of Cyrillic or Greek, which chardet does not know in capitals."""
    fits = {name: case_fit(sample.decode(name, "replace")) for name in _WITH_CASE}
    name = _ranked(fits, confidences)
    return DetectedEncoding(name, LIKELY if fits[name] >= MIN_FREQUENCY_LIKELY else GUESSED) if fits[name] > 0 else None


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
    return encoding in _LATIN


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
            num_odd += _has_odd_case(before, character, after) or before.isdigit() or after.isdigit()
    if not letters and not num_odd:
        return 1.0
    best = max(sum(letter in alphabet for letter in letters) for alphabet in _ALPHABETS)
    return (best - num_odd) / (len(letters) + num_odd)


def _has_odd_case(before: str, character: str, after: str) -> bool:
    """Return whether a capital follows a small letter, or a small letter comes before a capital, within a word."""
    is_small = character.islower() and character != "ß"  # which had no capital for long
    return (character.isupper() and before.islower()) or (is_small and after.isupper())


def case_fit(text: str) -> float:
    """Return how frequent the letters beyond ASCII are, from 0 to 1, in the language in which they are most frequent.

    Signs, and capitals in odd places, count as -1.
    """
    counts, num_odd = Counter[str](), 0
    for before, character, after in zip(" " + text, text, text[1:] + " ", strict=False):
        if character.isascii() or character in PUNCTUATION:
            continue
        is_sigma_wrong = character in "σς" and (character == "σ") != after.isalpha()
        if character.isalpha() and not is_sigma_wrong and not _has_odd_case(before, character, after):
            counts[character.lower()] += 1
        else:
            num_odd += 1
    num_letters = counts.total()
    if not num_letters:
        return -1.0
    best = max(sum(count * ranks.get(letter, -1.0) for letter, count in counts.items()) for ranks in _FREQUENCY_RANKS)
    return (best - num_odd) / (num_letters + num_odd)


_LATIN = [codecs.lookup(name).name for name in LATIN_ENCODINGS]
_OTHER_ALPHABETS = [codecs.lookup(name).name for name in OTHER_ALPHABETS]
_WITH_CASE = [codecs.lookup(name).name for name in WITH_CASE]
_FREQUENCY_RANKS = [
    {letter: 1 - rank / len(letters) for rank, letter in enumerate(letters)} for letters in FREQUENT_LETTERS.values()
]
_ALPHABETS = [set(letters + letters.upper()) for letters in ALPHABETS.values()]
