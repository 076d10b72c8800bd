"""Divide the texts of the sources into paragraphs: lists of lines, without numbers beside or before them."""

import re
from collections.abc import Sequence

Paragraph = list[str]

APPLAUSE = re.compile(r" ?[(\[](?:Applause|Laughter|Laughter and applause)[.,]?[)\]]", re.IGNORECASE)
LOST_BLANK = re.compile(r"(?<=[a-z][a-z][.?!])(?=[A-Z][a-z ])")
LOST_DASH = re.compile(
    r"(?<=[a-z]{3})-(?=(?:and|but|we|the|a|an|for|that|not|with|as|it|this|or|I|our|they|which|who|if|when|because) )"
)
SENTENCE_END = re.compile(r"(?<=[a-z)\]][.!?])(?<!\b[A-Z][a-z]\.)(?<!\b[A-Z][a-z][a-z]\.) (?=[A-Z\"'])")
VERSE_NUMBER = re.compile(r"(?<!\S)\d+:\d+ ")
LINES_OF_STANZA = 24
VERSES_OF_PARAGRAPH = 5


def plain(text: str) -> list[Paragraph]:
    """Return the paragraphs of a text that blank lines separate."""
    lines = [line.rstrip() for line in text.expandtabs().splitlines()]
    return [block.split("\n") for block in re.split(r"\n{2,}", "\n".join(lines).strip("\n"))]


def from_spans(text: str, spans: Sequence[tuple[str, str]]) -> str:
    """Return the parts of a text that begin with one string and end before another ("": the text's own end).

    Raises:
        ValueError: if a string is not in the text.

    """
    parts, position = [], 0
    for first, last in spans:
        start = text.index(first, position) if first else position
        position = text.index(last, start + len(first)) if last else len(text)
        parts.append(text[start:position])
    return "\n\n".join(parts)


def sentences(text: str, *, length: int = 500) -> list[Paragraph]:
    """Divide a speech whose paragraphs are lost into new ones of whole sentences, `length` characters or more.

    What went with the paragraphs is mended: blanks between sentences, and dashes that became hyphens.
    """
    paragraphs: list[Paragraph] = []
    pending = ""
    text = LOST_DASH.sub("--", LOST_BLANK.sub(" ", APPLAUSE.sub("", " ".join(text.split()))))
    for sentence in SENTENCE_END.split(text):
        pending = f"{pending} {sentence}".strip()
        if len(pending) >= length:
            paragraphs.append([pending])
            pending = ""
    return [*paragraphs, [pending]] if pending else paragraphs


def numbered_verse(text: str) -> list[Paragraph]:
    """Return verse without the numbers beside its lines, above its stanzas and dots for indentation.

    Long poems without stanzas are divided at the end of a sentence, after `LINES_OF_STANZA` lines or more.
    """
    text = re.sub(r"^ *\d+ *$|(?<=[\w,.;:!?'\")-]) +\d{1,4} *$", "", text, flags=re.MULTILINE)
    text = re.sub(r"^\.{4,}(?=[A-Z'\"])", "    ", text, flags=re.MULTILINE)
    text = re.sub(r"^\} *", "", text, flags=re.MULTILINE)
    stanzas: list[Paragraph] = []
    for block in plain(re.sub(r"(?<=[a-z])-ed\b", "ed", text)):
        stanzas.append([])
        for line in block:
            stanzas[-1].append(line)
            if len(stanzas[-1]) >= LINES_OF_STANZA and line.endswith((".", "!", "?", '"')):
                stanzas.append([])
    return [stanza for stanza in stanzas if stanza]


def bible_book(text: str, *, verse_lines: bool) -> list[Paragraph]:
    """Return the verses of a book without their numbers: each on a line, or all of a paragraph on one."""
    verses = [" ".join(verse.split()) for verse in VERSE_NUMBER.split(text)[1:]]
    groups = (verses[start : start + VERSES_OF_PARAGRAPH] for start in range(0, len(verses), VERSES_OF_PARAGRAPH))
    return [group if verse_lines else [" ".join(group)] for group in groups]
