"""Leave out what Project Gutenberg puts around its e-books: licence, headers and footers of all its years.

The marks may also be quoted in any text, so each needs evidence. A header begins the text, or follows a footer, and
says what it is before its last line. After the first line of a footer comes the licence, the next header, or nothing.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator

GUTENBERG = r"Proje[ck]t Gutenberg"
EBOOK = r"(?:THE|THIS) " + GUTENBERG + r" (?:E-?BOOK|E-?TEXT)"
FLAGS = re.IGNORECASE | re.MULTILINE
HEADER_END = re.compile(  # the last line of a header; a title may continue on the next lines
    rf"^ *(?:\*\*\* ?START OF {EBOOK}(?:[^*\n]*(?:\n[^*\n]+){{0,3}}\*\*\*)?"
    r"|\*+ ?END[ *]*(?:OF )?(?:THE )?SMALL PRINT)[^\n]*(?:\n|\Z)",
    FLAGS,
)
HEADER_NAME = re.compile(rf"{GUTENBERG}|Gutenberg (?:e-?text|e-?book)", FLAGS)
HEADER_EVIDENCE = re.compile(
    r"^ *(?:Title|Titel|Titre|Author|Autor|Auteur|Editor|Translator|Language|Release Date|Posting Date|Credits)\b"
    r"[^\n]{0,20}:|^ *Copyright laws are changing|This e-?(?:book|text) is for the use of anyone|SMALL PRINT",
    FLAGS,
)
BOOK_END = (
    rf"(?:\*\*\* ?END OF {EBOOK}|\**(?:\*\*\*)? ?(?:End|Ende|Fin) (?:of |de |du |des |dieses |diese |von )"
    rf"(?:the |this |ce |cet |le |dieses )?{GUTENBERG})"
)
FOOTER_START = re.compile(rf"^ *(?:{BOOK_END}|\*+ ?START[ *]*(?:OF )?(?:THE )?SMALL PRINT)[^\n]*(?:\n|\Z)", FLAGS)
LICENCE_EVIDENCE = re.compile(
    r"^ *(?:Updated editions will replace|\** ?This file should be named)|START: FULL LICENSE", FLAGS
)
FOOTER_EVIDENCE = re.compile(
    rf"{LICENCE_EVIDENCE.pattern}|SMALL PRINT|^ *{BOOK_END}|{GUTENBERG}(?:-tm|\u2122)"
    rf"|^[* ]*(?:The |This is the )?{GUTENBERG}(?:'s)? (?:e-?book|e-?text|edition)",
    FLAGS,
)
LICENCE_END = re.compile(r"newsletter to hear about new eBooks\.?[^\n]*(?:\n|\Z)", re.IGNORECASE)
MAX_HEADER = MAX_LICENCE = 40_000  # characters
MAX_NAMING = 600  # characters at the start of a header in which Project Gutenberg is named
MAX_BETWEEN = 2_000  # characters between two marks of the same header
MAX_EVIDENCE = 3_000  # characters after the first line of a footer that tell whether it is one
MAX_END_NOTE = 200  # characters after the footer of a book that had a header: its title and author
WINDOW = MAX_HEADER + 1_000  # characters that decide what a mark means


def strip_boilerplate(chunks: Iterator[str], on_removed: Callable[[int], None]) -> Iterator[str]:
    """Yield a text without what Project Gutenberg puts around an e-book, or around each of several in one file.

    `on_removed` gets the number of characters left out, unless it is 0.
    """
    stripper = _Stripper()
    held = ""
    for chunk in chunks:
        held += chunk
        if len(held) > 2 * WINDOW:
            held = stripper.strip(held, is_last=False)
            yield from stripper.take()
    stripper.strip(held, is_last=True)
    yield from stripper.take()
    if stripper.num_removed:
        on_removed(stripper.num_removed)


class _Stripper:
    """Goes through a text from header to book to footer, and leaves out empty lines around a book."""

    def __init__(self) -> None:
        self.num_removed = 0  # characters
        self._kept: list[str] = []
        self._expects_header, self._follows_footer = True, False
        self._has_header = self._is_at_start = False  # of the book

    def take(self) -> list[str]:
        """Return the text that was kept since the last call."""
        kept, self._kept = self._kept, []
        return kept

    def strip(self, text: str, *, is_last: bool) -> str:
        """Keep what is certain, and return the rest, which needs more text behind it."""
        marks = _Marks(text)
        position = 0
        while position < len(text) and (is_last or len(text) - position > WINDOW):
            if self._expects_header:
                end = marks.end_of_header(position, follows_footer=self._follows_footer)
                self._has_header = self._is_at_start = end > position
                self._expects_header = False
                self.num_removed += end - position
            else:
                limit = len(text) if is_last else _line_start_before(text, len(text) - WINDOW, position)
                end = self._keep_book(text, marks, position, limit)
            position = end
        return text[position:]

    def _keep_book(self, text: str, marks: "_Marks", start: int, limit: int) -> int:
        """Keep a book up to its footer or to `limit`; return the end of the footer's licence, or `limit`."""
        for mark in FOOTER_START.finditer(text, start):
            if mark.start() >= limit:
                break
            if marks.is_footer(mark, has_header=self._has_header):
                self._keep(text[start : mark.start()], is_end=True)
                end = marks.end_of_licence(mark.end())
                self.num_removed += end - mark.start()
                self._expects_header, self._follows_footer = True, end == mark.end()
                return end
        self._keep(text[start:limit], is_end=False)
        return limit

    def _keep(self, part: str, *, is_end: bool) -> None:
        kept = part
        if self._is_at_start:
            kept = kept.lstrip("\n")
            self._is_at_start = not kept
        if is_end:
            kept = kept.rstrip() + "\n"
        self.num_removed += len(part) - len(kept)
        self._kept.append(kept)


def _line_start_before(text: str, index: int, start: int) -> int:
    """Return the start of the line at `index`; `index` itself if that line begins before `start`."""
    line_start = text.rfind("\n", start, index) + 1
    return line_start if line_start > start else index


class _Marks:
    """The places in a text that headers and licences end at, found once: there may be thousands of them."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._headers = list(HEADER_END.finditer(text))
        self._licence_starts = [match.start() for match in LICENCE_EVIDENCE.finditer(text)]
        self._footer_evidence = [match.start() for match in FOOTER_EVIDENCE.finditer(text)]
        self._licence_ends = [match.end() for match in LICENCE_END.finditer(text)]

    def end_of_header(self, start: int, *, follows_footer: bool) -> int:
        """Return where the header at `start` ends: at `start` if there is none."""
        end = start
        for index in range(bisect_left(self._headers, start, key=re.Match.start), len(self._headers)):
            mark = self._headers[index]
            is_near = mark.start() <= start + MAX_HEADER
            if not is_near or not _is_header(self._text[end : mark.start()], mark[0], end > start, follows_footer):
                break
            end = mark.end()
        return end

    def is_footer(self, mark: re.Match[str], *, has_header: bool) -> bool:
        """Return whether the mark of a footer is one: without a header before it, only the licence itself counts."""
        limit = mark.end() + MAX_EVIDENCE
        evidence = self._footer_evidence if has_header else self._licence_starts
        index = bisect_left(evidence, mark.end())
        if index < len(evidence) and evidence[index] < limit:
            return True
        after = self._text[mark.end() : limit].strip()
        return len(after) <= (MAX_END_NOTE if has_header else 0)

    def end_of_licence(self, start: int) -> int:
        """Return the end of the licence at `start`: its last line or, without one, the next header or the end."""
        limit = start + MAX_LICENCE
        header_end = self.end_of_header(start, follows_footer=True)
        index = bisect_left(self._licence_ends, start)
        if index < len(self._licence_ends) and self._licence_ends[index] <= (
            header_end if header_end > start else limit
        ):
            return self._licence_ends[index]
        return start if header_end > start or len(self._text) > limit else len(self._text)


def _is_header(head: str, mark: str, is_continued: bool, follows_footer: bool) -> bool:
    """Return whether the text before the last line of a header shows that it is one, or a second part of one."""
    if is_continued:  # some headers have the small print behind another mark, or before it
        has_small_print = "SMALL PRINT" in mark.upper() and "Small Print" in head
        return (len(head) < MAX_BETWEEN or has_small_print) and re.search(rf"^ *{BOOK_END}", head, FLAGS) is None
    named = HEADER_NAME.search(head.lstrip()[: len(head) if follows_footer else MAX_NAMING])
    return not head.strip() or (named is not None and HEADER_EVIDENCE.search(head) is not None)
