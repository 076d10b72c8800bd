"""Turn the formats of the sources into paragraphs: lists of lines, without markup, numbers or headers."""

import bz2
import gzip
import html
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from html.parser import HTMLParser

Paragraph = list[str]

APPLAUSE = re.compile(r" ?[(\[](?:Applause|Laughter|Laughter and applause)[.,]?[)\]]", re.IGNORECASE)
LOST_BLANK = re.compile(r"(?<=[a-z][a-z][.?!])(?=[A-Z][a-z ])")
LOST_DASH = re.compile(
    r"(?<=[a-z]{3})-(?=(?:and|but|we|the|a|an|for|that|not|with|as|it|this|or|I|our|they|which|who|if|when|because) )"
)
SENTENCE_END = re.compile(r"(?<=[a-z)\]][.!?])(?<!\b[A-Z][a-z]\.)(?<!\b[A-Z][a-z][a-z]\.) (?=[A-Z\"'])")
VERSE_NUMBER = re.compile(r"(?<!\S)\d+:\d+ ")
ENTRY = re.compile(r"^:(?P<word>[^:]+): *(?:/[^\n]*?/,? *)?(?P<word_class>[^\n/]*)$")
INDEX_LINE = re.compile(r"[^\n]{0,45}[^\n.!?:;,)\"'\u2019\u201d]")
FACTS = (
    ("Introduction", "Background"),
    ("Economy", "Economy - overview"),
    ("People and Society", "Demographic profile"),
    ("Transnational Issues", "Disputes - international"),
    ("Transnational Issues", "Trafficking in persons", "current situation"),
)


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
    """Return a text whose paragraphs are lost in new ones of whole sentences, `length` characters or more."""
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

    Long poems without stanzas are divided after a sentence, every 24 lines or more.
    """
    text = re.sub(r"^ *\d+ *$|(?<=[\w,.;:!?'\")-]) +\d{1,4} *$", "", text, flags=re.MULTILINE)
    text = re.sub(r"^\.{4,}(?=[A-Z'\"])", "    ", text, flags=re.MULTILINE)
    text = re.sub(r"^\} *", "", text, flags=re.MULTILINE)
    stanzas: list[Paragraph] = []
    for block in plain(re.sub(r"(?<=[a-z])-ed\b", "ed", text)):
        stanzas.append([])
        for line in block:
            stanzas[-1].append(line)
            if len(stanzas[-1]) >= 24 and line.endswith((".", "!", "?", '"')):
                stanzas.append([])
    return [stanza for stanza in stanzas if stanza]


def bible_book(text: str, *, verse_lines: bool) -> list[Paragraph]:
    """Return the verses of a book without their numbers: a line each, or about five to a paragraph."""
    verses = [" ".join(verse.split()) for verse in VERSE_NUMBER.split(text)[1:]]
    groups = (verses[start : start + 5] for start in range(0, len(verses), 5))
    return [group if verse_lines else [" ".join(group)] for group in groups]


def osis_entry(markup: str) -> Iterator[Paragraph]:
    """Yield the paragraphs of a SWORD entry in OSIS markup, without titles and notes."""
    markup = re.sub(r"<(title|note)\b.*?</\1>", " ", markup, flags=re.DOTALL)
    for part in re.split(r"<div [^>]*type=\"x-p\"[^>]*/>|<lb[^>]*/>|<p>|</p>", markup):
        text = html.unescape(re.sub(r"<[^>]+>", "", part))
        text = re.sub(r"^(Ver(se|ses)?|Vers)\.? [\d, -]+\.?(\([^)]*\)\.?)? *", "", " ".join(text.split()))
        if text:
            yield [text]


class _Prose(HTMLParser):
    """Collects the text of paragraphs, list items and headings outside of scripts, tables and code."""

    SKIPPED = frozenset({"script", "style", "pre", "table", "svg", "head", "button", "form"})
    BLOCKS = frozenset({"p", "li", "dd", "dt", "h1", "h2", "h3", "h4", "div", "blockquote", "ul", "ol", "dl", "br", "hr"})

    def __init__(self) -> None:
        super().__init__()
        self.paragraphs: list[str] = [""]
        self.depth = 0  # of elements that are skipped

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        hidden = tag == "div" and any(name == "class" and value in HIDDEN_CLASSES for name, value in attrs)
        if tag in self.SKIPPED or hidden or (self.depth and tag == "div"):
            self.depth += 1
        if tag in self.BLOCKS:
            self.paragraphs.append("")

    def handle_endtag(self, tag: str) -> None:
        if self.depth and (tag in self.SKIPPED or tag == "div"):
            self.depth -= 1
        if tag in self.BLOCKS:
            self.paragraphs.append("")

    def handle_data(self, data: str) -> None:
        if not self.depth:
            self.paragraphs[-1] += data


INVISIBLE = re.compile(r"<!--.*?-->|<(script|style)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
HIDDEN_CLASSES = frozenset({"menu", "toc", "searchmenu", "submenu", "codeblock", "imgcontainer", "nosearch"})


def html_prose(page: str, *, shortest: int = 60) -> list[Paragraph]:
    """Return the paragraphs of a page that are prose: of some length, and mostly of words."""
    parser = _Prose()
    parser.feed(INVISIBLE.sub(" ", page))
    texts = (" ".join(text.split()) for text in parser.paragraphs)
    return [[text] for text in texts if len(text) >= shortest and is_prose(text)]


def is_prose(text: str) -> bool:
    """Return whether a paragraph is made of words, rather than of numbers, names or code."""
    letters = sum(character.islower() or character == " " for character in text)
    return letters >= 0.86 * len(text) and bool(re.search(r"[.!?:][\"')]*$", text))


def lexicon(text: str) -> Iterator[Paragraph]:
    """Yield the paragraphs of the Jargon File: entries without pronunciation, and what stands around them."""
    text = re.sub(r"\{([^{}]*)\}", r"\1", text)
    for block in plain(text):
        entry = ENTRY.match(" ".join(line.strip() for line in block))
        if entry:
            word_class = entry["word_class"].strip(" ,")
            yield [f"{entry['word']}, {word_class}" if word_class else entry["word"]]
        elif not INDEX_LINE.fullmatch("\n".join(block)) and "in the Crunchly saga" not in " ".join(block):
            yield [line.removeprefix("   ") for line in block]


def dictionary(data: bytes) -> str:
    """Return the text of a dictionary in the format of dictd, without what describes the database."""
    return re.sub(r"[{}]", "", gzip.decompress(data).decode("latin-1"))


def facts(pages: Iterable[bytes]) -> Iterator[Paragraph]:
    """Yield the longer texts about each country from the World Factbook in JSON."""
    for page in pages:
        country = json.loads(page)
        for path in FACTS:
            value = country
            for key in (*path, "text"):
                value = value.get(key, {}) if isinstance(value, dict) else {}
            if isinstance(value, str) and len(value) > 150:
                parts = re.split(r"\s*(?:\+\+|<br>)\s*", value)
                yield from ([" ".join(part.split())] for part in parts if len(part) > 80 and part[0].isupper())


def fact_paragraphs(pages: list[bytes]) -> list[Paragraph]:
    """Return `facts` as a list."""
    return list(facts(pages))
