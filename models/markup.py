"""Take paragraphs of prose out of markup: OSIS, HTML, the Jargon File, dictd, JSON."""

import gzip
import html
import json
import re
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser

from models.paragraphs import Paragraph, plain

INVISIBLE = re.compile(r"<!--.*?-->|<(script|style)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
SKIPPED = frozenset({"pre", "table", "svg", "head", "button", "form"})
SKIPPED_CLASSES = frozenset({"menu", "toc", "searchmenu", "submenu", "codeblock", "imgcontainer", "nosearch"})
BLOCKS = frozenset({"p", "li", "dd", "dt", "h1", "h2", "h3", "h4", "div", "blockquote", "ul", "ol", "dl", "br", "hr"})
SHORTEST_OF_PAGE = 60  # characters
SHARE_OF_WORDS = 0.86  # small letters and blanks in a paragraph of prose
ENTRY = re.compile(r"^:(?P<word>[^:]+): *(?:/[^\n]*?/,? *)?(?P<word_class>[^\n/]*)$")
INDEX_LINE = re.compile(r"[^\n]{0,45}[^\n.!?:;,)\"'\u2019\u201d]")
FACTS = (
    ("Introduction", "Background"),
    ("Economy", "Economy - overview"),
    ("People and Society", "Demographic profile"),
    ("Transnational Issues", "Disputes - international"),
    ("Transnational Issues", "Trafficking in persons", "current situation"),
)


def osis_entry(markup: str) -> Iterator[Paragraph]:
    """Yield the paragraphs of a SWORD entry in OSIS markup, without titles and notes."""
    markup = re.sub(r"<(title|note)\b.*?</\1>", " ", markup, flags=re.DOTALL)
    for part in re.split(r"<div [^>]*type=\"x-p\"[^>]*/>|<lb[^>]*/>|<p>|</p>", markup):
        text = html.unescape(re.sub(r"<[^>]+>", "", part))
        text = re.sub(r"^(Ver(se|ses)?|Vers)\.? [\d, -]+\.?(\([^)]*\)\.?)? *", "", " ".join(text.split()))
        if text:
            yield [text]


class _Blocks(HTMLParser):
    """Collects the text of each block outside of elements that are skipped."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = [""]
        self.depth = 0  # of elements that are skipped

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        hidden = tag == "div" and any(name == "class" and value in SKIPPED_CLASSES for name, value in attrs)
        if tag in SKIPPED or hidden or (self.depth and tag == "div"):
            self.depth += 1
        if tag in BLOCKS:
            self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        if self.depth and (tag in SKIPPED or tag == "div"):
            self.depth -= 1
        if tag in BLOCKS:
            self.texts.append("")

    def handle_data(self, data: str) -> None:
        if not self.depth:
            self.texts[-1] += data


def html_prose(page: str) -> list[Paragraph]:
    """Return the paragraphs of a page that are prose: of some length, and mostly of words."""
    parser = _Blocks()
    parser.feed(INVISIBLE.sub(" ", page))
    texts = (" ".join(text.split()) for text in parser.texts)
    return [[text] for text in texts if len(text) >= SHORTEST_OF_PAGE and is_prose(text)]


def is_prose(text: str) -> bool:
    """Return whether a paragraph is made of words, rather than of numbers, names or code."""
    letters = sum(character.islower() or character == " " for character in text)
    return letters >= SHARE_OF_WORDS * len(text) and bool(re.search(r"[.!?:][\"')]*$", text))


def jargon_entries(text: str) -> Iterator[Paragraph]:
    """Yield the paragraphs of the Jargon File: entries without pronunciation, and what stands around them."""
    text = re.sub(r"\{([^{}]*)\}", r"\1", text)
    for block in plain(text):
        entry = ENTRY.match(" ".join(line.strip() for line in block))
        if entry:
            word_class = entry["word_class"].strip(" ,")
            yield [f"{entry['word']}, {word_class}" if word_class else entry["word"]]
        elif not INDEX_LINE.fullmatch("\n".join(block)) and "in the Crunchly saga" not in " ".join(block):
            yield [line.removeprefix("   ") for line in block]


def dictd_text(data: bytes) -> str:
    """Return the text of a dictionary in the format of dictd, without the braces around references."""
    return re.sub(r"[{}]", "", gzip.decompress(data).decode("latin-1"))


def country_facts(pages: Iterable[bytes]) -> Iterator[Paragraph]:
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
