"""Bring the paragraphs of all sources to the same conventions.

ASCII only, straight quotes, `--` for a dash, one blank between words, no emphasis marks, footnotes or chapter numbers.
Accents are taken off; a paragraph with other foreign letters (Greek, Hebrew) is dropped.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator

from models.paragraphs import Paragraph

SIGNS = str.maketrans(
    {
        "\u2018": "'", "\u2019": "'", "\u201b": "'", "\u2032": "'", "\u00b4": "'", "`": "'",
        "\u201c": '"', "\u201d": '"', "\u201f": '"', "\u2033": '"', "\u00ab": '"', "\u00bb": '"',
        "\u2014": "--", "\u2015": "--", "\u2013": "-", "\u2010": "-", "\u2011": "-", "\u2212": "-",
        "\u2026": "...", "\u00a0": " ", "\u00ad": "", "\ufeff": "", "\u2022": "*", "\u00d7": "x",
        "\u00c6": "AE", "\u00e6": "ae", "\u0152": "OE", "\u0153": "oe", "\u00df": "ss", "\u00d8": "O", "\u00f8": "o",
        "\u00bd": "1/2", "\u00bc": "1/4", "\u00be": "3/4",
    }
)  # fmt: skip
TWO_BACKTICKS = re.compile(r"``|''")
FOOTNOTE_MARK = re.compile(r" ?[\[{](?:\d{1,3}|\*+|[A-Za-z]|Footnote[^\]]*|Illustration[^\]]*|p\.\d+|FN#\d+)[\]}]")
EMPHASIS = re.compile(r"(?<!\w)_+(?=\S)|(?<=\S)_+(?!\w)|=(?=\w[^=]*\w=)|(?<=\w)=(?!\w)")
DASH = re.compile(r" *(?:-{2,}| - (?=\w)) *")
CHAPTER = re.compile(
    r"(?:chapter|volume|vol\.|book|part|letter|canto|section|appendix|(?:the )?end|finis)"
    r"(?: (?:the )?(?:[IVXLC]+|\d+|first|second|third|last)\b.{0,70})?[.:]?"
    r"|[IVXLC]+\.?|\d+\.?|\[.{0,60}\]|[*\s.#-]+|end of .{0,60}",
    re.IGNORECASE,
)
RULE = re.compile(r"\W{5,}")
ARCHIVE = re.compile(
    r"\[greek|project gutenberg|e-?text|transcriber|proofread|isbn|https?:|www\.|@\w+\.", re.IGNORECASE
)

SHORT = 60  # characters: longer paragraphs that come twice in a work are kept once


def clean(paragraphs: Iterable[Paragraph], *, joined: bool, code: bool = False) -> Iterator[str]:
    """Yield each paragraph as one string.

    Args:
        paragraphs: as read from a source.
        joined: put wrapped prose on one line; verse keeps its lines.
        code: the text is about programs, so underscores, equals signs and single hyphens between blanks stay.

    """
    seen: set[str] = set()
    for paragraph in paragraphs:
        lines = [_clean_line(line, code=code) for line in _without_margin(paragraph)]
        lines = [line for line in lines if line.strip() and not RULE.fullmatch(line)]
        text = "\n".join(lines)
        if not text or not text.isascii() or ARCHIVE.search(text) or text in seen:
            continue
        if len(text) > SHORT:
            seen.add(text)
        if not re.search(r"[A-Za-z]{2}", text):
            continue
        if len(lines) <= 2 and CHAPTER.fullmatch(" ".join(text.split())):
            continue
        yield _join(lines) if joined and not is_verse(lines) else text


def is_verse(lines: list[str]) -> bool:
    """Return whether lines are to stay lines: verse, addresses, lists; unlike prose they end early or are indented."""
    if len(lines) < 2:
        return False
    widest = max(map(len, lines))
    inner = lines[1:-1] or lines[:1]
    filled = sum(len(line) > max(widest - 16, 45) for line in inner)
    indented = sum(line.startswith("  ") for line in lines[1:])
    return filled < 0.6 * len(inner) or indented > len(lines[1:]) / 2


def _without_margin(lines: Paragraph) -> Paragraph:
    """Take off the blanks with which all lines begin, and the indentation of a first line alone."""
    lines = [line for line in lines if line.strip()]
    if not lines:
        return []
    margin = min(len(line) - len(line.lstrip()) for line in (lines[1:] or lines))
    first = lines[0].lstrip() if len(lines) == 1 or not margin else lines[0][min(margin, _indent(lines[0])) :]
    rest = [line[margin:] for line in lines[1:]]
    if rest and all(_indent(line) == 0 for line in rest) and _indent(first) <= 6:
        first = first.lstrip()
    return [first, *rest]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _clean_line(line: str, *, code: bool) -> str:
    line = FOOTNOTE_MARK.sub("", line.translate(SIGNS))
    line = "".join(c for c in unicodedata.normalize("NFD", line) if not unicodedata.combining(c))
    line = line.removeprefix(">") if line.startswith(">From") else line  # as mail programs quote it
    indent = " " * min(_indent(line), 8)
    line = TWO_BACKTICKS.sub('"', line.strip())
    if not code:
        line = DASH.sub("--", EMPHASIS.sub("", line)).replace("_", " ")
    line = re.sub(r" +([,;:.?!])(?= |$)", r"\1", " ".join(line.split()))
    return indent + line if line else ""


def _join(lines: list[str]) -> str:
    """Return wrapped lines as one, with words that were cut at a dash put together."""
    text = " ".join(line.strip() for line in lines)
    return re.sub(r" ?-- ?", "--", text) if "--" in text else text
