"""Texts that are known by name: those that ship with charlstm, and some in the public domain that can be fetched."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from charlstm.errors import CorpusError
from charlstm.text.id_cache import text_cache_folder

SHIPPED_FOLDER = "data"
TIMEOUT = 30.0  # seconds without a byte
MAX_DOWNLOAD_BYTES = 4 << 30


@dataclass(frozen=True)
class Entry:
    """A text that can be fetched."""

    name: str
    title: str
    url: str
    sha256: str | None = None  # None: the file at the address is revised from time to time
    split: str = ""  # the sizes of training, validation and test text in published comparisons

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


class ProgressBar(Protocol):
    """Shows the progress of a download in bytes, with the methods that pooch calls."""

    total: int

    def update(self, size: int) -> None: ...
    def reset(self) -> None: ...
    def close(self) -> None: ...


def find_named_text(name: str | Path) -> Path | None:
    """Return the file of a text that ships (with or without `.txt`) or was fetched; None if there is none.

    Only a bare name can name a text. A name with a folder in it, even `./`, is a path.
    """
    if os.path.dirname(name):
        return None
    shipped = shipped_texts()
    cache = text_cache_folder()
    fetched = find_fetched(str(name), cache) if cache else None
    return shipped.get(str(name)) or shipped.get(f"{name}.txt") or fetched


def shipped_texts() -> dict[str, Path]:
    """Return the texts that ship with charlstm, file name to path: in the package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    folder = package / SHIPPED_FOLDER if (package / SHIPPED_FOLDER).is_dir() else package.parent / SHIPPED_FOLDER
    return {path.name: path for path in sorted(folder.glob("*.txt"))}


def relocate_shipped_text(path: str) -> str:
    """Return the path here of a text that shipped with another installation and has gone with it; else the same path.

    A run records the full paths of its texts. Check the digest: the text may have changed between versions.
    """
    file = Path(path)
    if file.exists() or file.parent.name != SHIPPED_FOLDER:
        return path
    return str(shipped_texts().get(file.name, path))


def find_fetched(name: str, folder: Path) -> Path | None:
    """Return the file of the text that was fetched into a folder under this name; None if there is none."""
    return next((path for suffix in (".txt", ".zip") if (path := folder / f"{name}{suffix}").is_file()), None)


def find_entry(name: str, sha256: str | None = None) -> Entry:
    """Return the entry of a name, or a new entry for a web address. Raises CorpusError if it is neither."""
    if name in CATALOGUE:
        return CATALOGUE[name]
    if name.startswith(("http://", "https://")):
        file_name = name.rstrip("/").rpartition("/")[2].partition("?")[0]
        stem = Path(file_name).stem.lstrip(".")
        stem = "".join(character for character in stem if character.isalnum() or character in "-_") or "text"
        return Entry(f"{stem}-{hashlib.sha256(name.encode()).hexdigest()[:8]}", name, name, sha256)
    raise CorpusError(f"there is no text {name!r} in the catalogue", hint=f"there are: {', '.join(CATALOGUE)}")


def fetch(entry: Entry, folder: Path, progress: ProgressBar, *, max_bytes: int = MAX_DOWNLOAD_BYTES) -> Path:
    """Download a text into a folder, unless it is there, and check its digest if that is known; return its path.

    Raises CorpusError, and leaves nothing behind, if the download fails or is too large.
    """
    import logging

    import pooch
    import requests

    logging.getLogger("pooch").setLevel(logging.ERROR)
    pooch.get_logger().setLevel(logging.ERROR)
    downloader: Any = pooch.HTTPDownloader(progressbar=_LimitedBar(progress, max_bytes), timeout=TIMEOUT)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = pooch.retrieve(
            entry.url,
            known_hash=f"sha256:{entry.sha256}" if entry.sha256 else None,
            fname=entry.file_name,
            path=folder,
            downloader=downloader,
        )
    except requests.exceptions.RequestException as error:
        raise _download_error(entry, error) from error
    except ValueError as error:  # a wrong digest
        raise CorpusError(
            f"{entry.url} has another SHA-256 than {entry.sha256}",
            hint="the download was damaged or the file has changed: download it yourself and look at it",
        ) from error
    return Path(path)


def _download_error(entry: Entry, error: Exception) -> CorpusError:
    from requests import exceptions

    if isinstance(error, exceptions.HTTPError):
        return CorpusError(
            f"{entry.url} answered {error.response.status_code}", hint="try again later, or download it yourself"
        )
    if isinstance(error, exceptions.ConnectionError | exceptions.Timeout):
        return CorpusError(
            f"{entry.url} cannot be reached, or the download broke off",
            hint="check the network and try again, or download it yourself",
        )
    return CorpusError(f"the download of {entry.url} broke off: {type(error).__name__}", hint="try again")


class _LimitedBar:
    """A progress bar that aborts a download which grows too large."""

    def __init__(self, progress: ProgressBar, max_bytes: int) -> None:
        self._progress, self._max_bytes, self._num_bytes = progress, max_bytes, 0

    @property
    def total(self) -> int:
        return self._progress.total

    @total.setter
    def total(self, total: int) -> None:
        self._progress.total = total

    def update(self, size: int) -> None:
        self._num_bytes += size
        if self._num_bytes > self._max_bytes:
            raise CorpusError(f"the download is larger than {self._max_bytes:,} bytes", hint="check the address")
        self._progress.update(size)

    def reset(self) -> None:
        self._num_bytes = 0
        self._progress.reset()

    def close(self) -> None:
        self._progress.close()
