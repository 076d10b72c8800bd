"""What each place of a text is: inside quotes, in capitals, how far into its line, inside a match of a pattern.

The value at a place says where the reader is who has just read its character. It may need what follows: where a line
ends, or that a bracket has a line to itself.
"""

import re
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from charlstm.analysis.stretches import (
    Span,
    find_bracket_depths,
    find_brackets,
    find_quotations,
    find_speakers,
    find_stage_directions,
)
from charlstm.errors import SettingError, shown

Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]

WORD = re.compile(r"\w+(?:['\u2019]\w+)*")  # an apostrophe within a word is part of it
INDENTATION = re.compile(r"^[ \t]+", re.MULTILINE)
VOWELS = frozenset(
    "aeiou\u03b1\u03b5\u03b7\u03b9\u03bf\u03c5\u03c9\u0430\u0435\u0438\u043e\u0443\u044b\u044d\u044e\u044f"
)


@dataclass(frozen=True)
class Feature:
    """A property of each place of a text: flags or numbers (characters,)."""

    name: str
    values: Flags | Numbers

    @property
    def is_binary(self) -> bool:
        return self.values.dtype == np.bool_

    @property
    def varies(self) -> bool:
        return len(self.values) > 0 and bool((self.values != self.values[0]).any())


def find_features(text: str, patterns: Sequence[str] = ()) -> list[Feature]:
    """Return the features of a text, and one for each regular expression: whether a place is inside a match of it.

    In an expression, ^ and $ stand for the ends of a line. Raises SettingError if one is malformed.
    """
    expressions = compile_patterns(patterns)
    column, length = _lines(text)
    return [
        Feature("inside quotes", _inside(find_quotations(text), len(text))),
        Feature("inside brackets", _inside(find_brackets(text), len(text))),
        Feature("bracket depth", _bracket_depth(text)),
        Feature("stage direction", _inside(find_stage_directions(text), len(text))),
        Feature("speaker's name", _inside(find_speakers(text), len(text))),
        Feature("position in the line", column / np.maximum(length, 1)),
        Feature("distance to the last newline", column),
        Feature("indentation", _indentation(text)),
        Feature("position in the word", _position_in_word(text)),
        Feature("capitals", _each(text, str.isupper)),
        Feature("digit", _each(text, str.isdigit)),
        Feature("vowel", _each(text, _is_vowel)),
        *(
            Feature(expression.pattern, _inside((match.span() for match in expression.finditer(text)), len(text)))
            for expression in expressions
        ),
    ]


def compile_patterns(patterns: Sequence[str]) -> list[re.Pattern[str]]:
    """Return each regular expression once. Raises SettingError if one is malformed."""
    return [_compile(pattern) for pattern in dict.fromkeys(patterns)]


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a later Python may read it in another way
            return re.compile(pattern, re.MULTILINE)
    except (re.error, OverflowError, RecursionError) as problem:
        raise SettingError(
            f"the `feature` {shown(pattern)} is no regular expression: {problem}",
            hint="write a backslash before a character that stands for itself, such as \\( or \\?",
        ) from problem


def _each(text: str, test: Callable[[str], bool]) -> Flags:
    known = {character: test(character) for character in set(text)}
    return np.array([known[character] for character in text], np.bool_)


def _inside(spans: Iterable[Span], length: int) -> Flags:
    inside = np.zeros(length, np.bool_)
    for start, end in spans:
        inside[start:end] = True
    return inside


def _is_vowel(character: str) -> bool:
    return unicodedata.normalize("NFD", character.lower())[0] in VOWELS


def _bracket_depth(text: str) -> Numbers:
    depths = np.zeros(len(text))
    for (start, end), depth in find_bracket_depths(text):
        depths[start:end] = depth
    return depths


def _lines(text: str) -> tuple[Numbers, Numbers]:
    """Return for each place how many characters of its line have been read, and how many the line has.

    A line end belongs to the line that it begins, of which nothing has been read.
    """
    places = np.arange(len(text))
    is_end = _each(text, "\n".__eq__)
    last = np.maximum.accumulate(np.where(is_end, places, -1))
    ends = np.append(np.flatnonzero(is_end), len(text))
    following = ends[np.searchsorted(ends, places, side="right")]
    return (places - last).astype(np.float64), (following - last - 1).astype(np.float64)


def _indentation(text: str) -> Numbers:
    """Return how many blanks the line of each place has begun with so far."""
    indentation = np.zeros(len(text))
    for match in INDENTATION.finditer(text):
        start, end = match.span()
        line_end = text.find("\n", end)
        indentation[start:end] = np.arange(1, end - start + 1)
        indentation[end : line_end if line_end >= 0 else len(text)] = end - start
    return indentation


def _position_in_word(text: str) -> Numbers:
    """Return the number of each character within its word, from 1; 0 between words."""
    positions = np.zeros(len(text))
    for match in WORD.finditer(text):
        positions[slice(*match.span())] = np.arange(1, len(match[0]) + 1)
    return positions
