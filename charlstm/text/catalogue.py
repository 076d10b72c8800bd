"""Texts that are known by name: those that ship with charlstm, and some in the public domain that can be fetched."""

import hashlib
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from charlstm.atomic_files import remove_leftovers
from charlstm.errors import CorpusError
from charlstm.machine import cache_folder
from charlstm.text.download import ProgressBar, download

SHIPPED_FOLDER = "data"
MAX_DOWNLOAD_BYTES = 4 << 30
LEFTOVER = re.compile(r"\..+\.(?:txt|zip)\.[1-9]\d{0,8}\.tmp")  # of earlier versions


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
        "https://mattmahoney.net/dc/enwik8.zip",
        "547994d9980ebed1288380d652999f38a14fe291a6247c157c3d33d4932534bc",
        "90 / 5 / 5 million bytes",
    ),
    Entry(
        "text8",
        "the same in 27 characters",
        "https://mattmahoney.net/dc/text8.zip",
        "a6640522afe85d1963ad56c05b0ede0a0c000dddc9671758a6cc09b7a38e5232",
        "90,000,000 / 5,000,000 / 5,000,000",
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


def find_named_text(name: str | Path) -> Path | None:
    """Return the file of a text that ships (with or without `.txt`) or was fetched; None if there is none.

    Only a bare name can name a text. A Path, which drops `./`, and a name with a folder in it, even `./`, are paths.
    """
    if isinstance(name, Path) or os.path.dirname(name):
        return None
    shipped = shipped_texts()
    cache = cache_folder()
    fetched = find_fetched(name, cache) if cache else None
    return shipped.get(name) or shipped.get(f"{name}.txt") or fetched


def shipped_texts() -> dict[str, Path]:
    """Return the texts that ship with charlstm, file name to path: in the package, or beside it in a checkout."""
    return {path.name: path for path in sorted(shipped_folder().glob("*.txt"))}


def shipped_folder() -> Path:
    """Return the folder of the files that ship with charlstm and are not code."""
    package = Path(__file__).parents[1]
    return package / SHIPPED_FOLDER if (package / SHIPPED_FOLDER).is_dir() else package.parent / SHIPPED_FOLDER


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
    """Return the entry of a name, or a new entry for a web address, with the digest that its file must have.

    Raises CorpusError if it is neither a name nor an address, or if the catalogue knows another digest.
    """
    sha256 = sha256.lower() if sha256 else None
    if entry := CATALOGUE.get(name):
        if sha256 and entry.sha256 not in (None, sha256):
            raise CorpusError(
                f"{name} has the SHA-256 {entry.sha256}, not {sha256}",
                hint="for another version of it, give a web address instead of the name",
            )
        return replace(entry, sha256=sha256 or entry.sha256)
    if name.startswith(("http://", "https://")):
        file_name = name.rstrip("/").rpartition("/")[2].partition("?")[0]
        stem = Path(file_name).stem.lstrip(".-")
        stem = "".join(character for character in stem if character.isalnum() or character in "-_")[:40] or "text"
        return Entry(f"{stem}-{hashlib.sha256(name.encode()).hexdigest()[:8]}", name, name, sha256)
    raise CorpusError(f"there is no text {name!r} in the catalogue", hint=f"there are: {', '.join(CATALOGUE)}")


def fetch(entry: Entry, folder: Path, progress: ProgressBar, *, max_bytes: int = MAX_DOWNLOAD_BYTES) -> Path:
    """Download a text into an existing folder, unless it is there, and return its path.

    Its digest is checked if it is known.

    Raises CorpusError, and leaves nothing behind, if the download fails, or RunError if it cannot be written.
    """
    path = folder / entry.file_name
    if _is_complete(path, entry.sha256):
        return path
    remove_leftovers(folder, also=LEFTOVER)
    download(entry.url, path, progress, sha256=entry.sha256, max_bytes=max_bytes)
    return path


def _is_complete(path: Path, sha256: str | None) -> bool:
    """Return whether a file is there and has the digest, if that is known. Raises CorpusError if it cannot be read."""
    if not path.is_file():
        return False
    if sha256 is None:
        return True
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError as error:
        raise CorpusError(f"{path} cannot be read: {error.strerror}", hint="check its permissions") from error
