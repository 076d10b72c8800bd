"""Stretches of a text with a meaning: quotations, brackets, stage directions, names of speakers.

Each is a span: its first place, and the place after its last. What has marks begins with the opening one and ends
before the closing one: a reader of the latter is outside again.
"""

import re
from collections.abc import Iterator

Span = tuple[int, int]

PARAGRAPH_END = r"\n[^\S\n]*\n"
CLOSING_QUOTES = {  # by the opening one; „German“, »German«, «French»
    '"': '"',
    "\u201c": "\u201d",
    "\u201e": "\u201c\u201d",
    "\u00ab": "\u00bb",
    "\u00bb": "\u00ab",
    "\u2018": "\u2019",
}
# The single closing mark is also the apostrophe, which has a letter after it, or ends no quotation.
QUOTE_OR_PARAGRAPH = re.compile('["\u201c\u201d\u201e\u00ab\u00bb\u2018]|\u2019(?!\\w)|' + PARAGRAPH_END)
CLOSING_BRACKETS = {"(": ")", "[": "]", "{": "}"}
BRACKET_OR_PARAGRAPH = re.compile(r"[(\[{)\]}]|" + PARAGRAPH_END)
# Plays of Project Gutenberg have [_Exit._], (Exit.) and _Exit._; a direction may run over lines, but not an empty one.
STAGE_DIRECTION = re.compile(
    "|".join(
        rf"^[^\S\n]*(?P<{name}>{opening}(?:{inner}|\n(?![^\S\n]*\n))+){closing}[^\S\n]*$"
        for name, opening, inner, closing in [
            ("square", r"\[", r"[^\[\]\n]", r"\]"),
            ("round", r"\(", r"[^()\n]", r"\)"),
            ("italic", "_", r"[^_\n]", "_"),
        ]
    ),
    re.MULTILINE,
)
SPEAKER = re.compile(r"^[^\S\n]*([^\W\d_][^\n.:]{1,40}[.:])", re.MULTILINE)


def find_quotations(text: str) -> Iterator[Span]:
    """Yield what is between quotation marks; marks of another kind within are part of it.

    A quotation without a closing mark ends with its paragraph: in novels the next paragraph opens it again. The text
    may begin within one. Straight single marks are not looked at, because most are apostrophes.
    """
    start, closing = 0, _quote_at_the_start(text)
    for match in QUOTE_OR_PARAGRAPH.finditer(text):
        mark = match[0]
        if closing and (mark in closing or "\n" in mark):
            yield start, match.start()
            closing = ""
        elif not closing:
            start, closing = match.start(), CLOSING_QUOTES.get(mark, "")
    if closing:
        yield start, len(text)


def _quote_at_the_start(text: str) -> str:
    """Return the mark that will close the quotation in which the text begins, or "" if it begins outside.

    Straight marks open and close in turn. The blanks around them tell which of them do what: the majority counts.
    """
    marks = []
    for match in QUOTE_OR_PARAGRAPH.finditer(text):
        if "\n" in match[0]:
            break
        marks.append(match)
    if not marks or marks[0][0] not in '"\u201d\u00bb':
        return ""
    first = marks[0][0]
    if first == '"':
        straight = [match for match in marks if match[0] == first]
        votes = sum(_direction(match) * (-1) ** number for number, match in enumerate(straight))
    else:
        votes = _direction(marks[0]) if first == "\u00bb" else -1
    return first if votes < 0 else ""


def _direction(mark: re.Match[str]) -> int:
    """Return 1 if a mark seems to open (a blank before it, none after it), -1 if it seems to close, 0 otherwise."""
    start, end = mark.span()
    before, after = mark.string[max(start - 1, 0) : start], mark.string[end : end + 1]
    blank_before, blank_after = not before.strip(), not after.strip()
    return 0 if blank_before == blank_after else 1 if blank_before else -1


def find_bracket_depths(text: str) -> Iterator[tuple[Span, int]]:
    """Yield spans that cover the text, and how many brackets are open in each.

    A bracket that was never opened is ignored. One that closes also closes those within it that were left open, and
    the end of a paragraph closes all.
    """
    expected: list[str] = []
    start = 0
    for match in BRACKET_OR_PARAGRAPH.finditer(text):
        yield (start, match.start()), len(expected)
        start, mark = match.start(), match[0]
        if mark in CLOSING_BRACKETS:
            expected.append(CLOSING_BRACKETS[mark])
        elif "\n" in mark:
            expected.clear()
        elif mark in expected:
            while expected.pop() != mark:
                pass
    yield (start, len(text)), len(expected)


def find_brackets(text: str) -> Iterator[Span]:
    """Yield what is inside round, square or curly brackets."""
    return (span for span, depth in find_bracket_depths(text) if depth)


def find_stage_directions(text: str) -> Iterator[Span]:
    """Yield what is in square or round brackets or between underscores, and has its lines to itself."""
    return (match.span(match.lastgroup or 0) for match in STAGE_DIRECTION.finditer(text))


def find_speakers(text: str) -> Iterator[Span]:
    """Yield names of speakers: at the beginning of a line, in capitals, up to a full stop or colon, included."""
    return (match.span(1) for match in SPEAKER.finditer(text) if _is_name(match[1]))


def _is_name(text: str) -> bool:
    return text.isupper() and sum(map(str.isalpha, text)) > 1
