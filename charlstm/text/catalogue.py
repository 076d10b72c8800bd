"""A few texts in the public domain known by name, and fetching one into the user's cache."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from charlstm.errors import CorpusError

TIMEOUT = 30.0  # seconds without a byte
LARGEST = 4 << 30  # bytes


@dataclass(frozen=True)
class Entry:
    """A text that can be fetched."""

    name: str
    title: str
    url: str
    sha256: str | None = None  # None: the file at the address is revised from time to time
    split: str = ""  # characters for training, validation and test that are usual in comparisons

    @property
    def file_name(self) -> str:
        return self.name + (".zip" if self.url.endswith(".zip") else ".txt")


def _gutenberg(name: str, title: str, number: int) -> Entry:
    return Entry(
        name, f"{title} (Project Gutenberg {number})", f"https://www.gutenberg.org/cache/epub/{number}/pg{number}.txt"
    )


ENTRIES = (
    Entry(
        "tinyshakespeare",
        "Shakespeare's plays, a million characters",
        "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        "1,003,854 / 111,540",
    ),
    Entry(
        "war-and-peace",
        "Tolstoy, War and Peace, as used with char-rnn",
        "https://cs.stanford.edu/people/karpathy/char-rnn/warpeace_input.txt",
        split="80% / 10% / 10%",
    ),
    Entry(
        "enwik8",
        "the first 100 MB of the English Wikipedia",
        "http://mattmahoney.net/dc/enwik8.zip",
        split="90 / 5 / 5 million bytes",
    ),
    Entry(
        "text8",
        "the same in 27 characters",
        "http://mattmahoney.net/dc/text8.zip",
        split="90,000,000 / 5,000,000 / 5,000,000",
    ),
    _gutenberg("alice", "Carroll, Alice's Adventures in Wonderland", 11),
    _gutenberg("frankenstein", "Shelley, Frankenstein", 84),
    _gutenberg("shakespeare", "Shakespeare, complete works", 100),
    _gutenberg("dracula", "Stoker, Dracula", 345),
    _gutenberg("divina-commedia", "Dante, La Divina Commedia", 1012),
    _gutenberg("pride-and-prejudice", "Austen, Pride and Prejudice", 1342),
    _gutenberg("sherlock-holmes", "Doyle, The Adventures of Sherlock Holmes", 1661),
    _gutenberg("don-quijote", "Cervantes, Don Quijote", 2000),
    _gutenberg("faust", "Goethe, Faust I", 2229),
    _gutenberg("moby-dick", "Melville, Moby Dick", 2701),
)
CATALOGUE = {entry.name: entry for entry in ENTRIES}


class Bar(Protocol):
    """Whoever shows how far a download is, in bytes."""

    total: int

    def update(self, size: int) -> None: ...
    def reset(self) -> None: ...
    def close(self) -> None: ...


class Limited:
    """A bar that breaks a download off when it grows beyond all measure."""

    def __init__(self, bar: Bar, largest: int) -> None:
        self._bar, self._largest, self._size = bar, largest, 0

    @property
    def total(self) -> int:
        return self._bar.total

    @total.setter
    def total(self, total: int) -> None:
        self._bar.total = total

    def update(self, size: int) -> None:
        self._size += size
        if self._size > self._largest:
            raise CorpusError(f"more than {self._largest:,} bytes came", hint="is it the right address?")
        self._bar.update(size)

    def reset(self) -> None:
        self._size = 0
        self._bar.reset()

    def close(self) -> None:
        self._bar.close()


def find_entry(name: str, sha256: str | None = None) -> Entry:
    """The entry of a name, or one made up for an address. Raises CorpusError if it is neither."""
    if name in CATALOGUE:
        return CATALOGUE[name]
    if name.startswith(("http://", "https://")):
        last = name.rstrip("/").rpartition("/")[2].partition("?")[0]
        stem = Path(last).stem.lstrip(".")
        stem = "".join(c for c in stem if c.isalnum() or c in "-_") or "text"
        return Entry(f"{stem}-{hashlib.sha256(name.encode()).hexdigest()[:8]}", name, name, sha256)
    raise CorpusError(f"there is no text {name!r} in the catalogue", hint=f"there are: {', '.join(CATALOGUE)}")


def find_fetched(name: str, folder: Path) -> Path | None:
    """Where a text lies that was fetched under this name."""
    return next((path for ending in (".txt", ".zip") if (path := folder / f"{name}{ending}").is_file()), None)


def fetch(entry: Entry, folder: Path, bar: Bar, *, largest: int = LARGEST) -> Path:
    """Download a text into the folder, unless it is there, and check its digest where that is known.

    Raises CorpusError, and leaves nothing behind, if it cannot be had whole.
    """
    import logging

    import pooch
    import requests

    logging.getLogger("pooch").setLevel(logging.ERROR)
    pooch.get_logger().setLevel(logging.ERROR)
    downloader: Any = pooch.HTTPDownloader(progressbar=Limited(bar, largest), timeout=TIMEOUT)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = pooch.retrieve(
            entry.url,
            known_hash=f"sha256:{entry.sha256}" if entry.sha256 else None,
            fname=entry.file_name,
            path=folder,
            downloader=downloader,
        )
    except requests.exceptions.HTTPError as problem:
        status = problem.response.status_code
        raise CorpusError(f"{entry.url} answered {status}", hint="try again later, or fetch it yourself") from problem
    except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as problem:
        raise CorpusError(
            f"{entry.url} cannot be reached, or broke off", hint="is there a network? Try again, or fetch it yourself"
        ) from problem
    except requests.exceptions.RequestException as problem:
        raise CorpusError(f"{entry.url} broke off: {type(problem).__name__}", hint="try again") from problem
    except ValueError as problem:  # a wrong digest
        raise CorpusError(
            f"{entry.url} is not what it should be: its SHA-256 differs from {entry.sha256}",
            hint="the transfer was damaged, or the file has changed: fetch it yourself, and look at it",
        ) from problem
    return Path(path)
