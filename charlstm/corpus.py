"""Paths and names of texts, to one text."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from charlstm.errors import CorpusError


@dataclass(frozen=True)
class Corpus:
    """A text to learn from, what to call it, and where it came from."""

    name: str
    text: str
    sources: tuple[str, ...]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the text in UTF-8."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def load_corpus(texts: Sequence[str | Path]) -> Corpus:
    """Read files, or texts that ship with charlstm, and put them one after the other.

    A file wins over a shipped text of the same name. Raises CorpusError, which says how to mend it, for a text that
    is missing, empty, unreadable or not UTF-8.
    """
    paths = [find_text(text) for text in texts]
    parts = [read_text(path) for path in paths]
    whole = "".join(part if part.endswith("\n") else part + "\n" for part in parts[:-1]) + parts[-1]
    return Corpus(name=corpus_name(texts), text=whole, sources=tuple(str(path.absolute()) for path in paths))


def corpus_name(texts: Sequence[str | Path]) -> str:
    """What to call the texts together: their file names, without endings."""
    return "+".join(dict.fromkeys(Path(text).stem.removeprefix(".") or "text" for text in texts))[:80]


def find_text(text: str | Path) -> Path:
    """The file that a path, or the name of a shipped text (with or without `.txt`), stands for."""
    path = Path(text)
    if path.exists():
        return path
    shipped = shipped_texts()
    if str(text) in shipped:
        return shipped[str(text)]
    if f"{text}.txt" in shipped:
        return shipped[f"{text}.txt"]
    raise CorpusError(
        f"there is no text {str(text)!r}",
        hint=f"give the path of a text file, or the name of a text that ships with charlstm: {', '.join(shipped)}",
    )


def shipped_texts() -> dict[str, Path]:
    """File name to path of the texts that ship with charlstm: inside the package, or beside it in a checkout."""
    package = Path(__file__).parent
    folder = package / "data" if (package / "data").is_dir() else package.parent / "data"
    return {path.name: path for path in sorted(folder.glob("*.txt"))}


def read_text(path: Path) -> str:
    """A UTF-8 file (a byte-order mark is dropped) with every line ending as `\\n`."""
    if path.is_dir():
        raise CorpusError(f"{path} is a folder", hint=f"give the files in it: {path}{os.sep}*.txt")
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise CorpusError(
            f"{path} cannot be read: {problem.strerror}", hint="check the path and its permissions"
        ) from problem
    if not content:
        raise CorpusError(f"{path} is empty", hint="give a file with text in it")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise CorpusError(
            f"{path} is not a UTF-8 text: byte {problem.start:,} is 0x{content[problem.start]:02x}",
            hint=f"is it a text file? If so, convert it first: iconv -f latin1 -t utf-8 {path} > utf8.txt",
        ) from problem
    if "\0" in text:
        raise CorpusError(
            f"{path} is a binary file: it holds a NUL at character {text.index(chr(0)):,}", hint="give a plain text"
        )
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text:
        raise CorpusError(f"{path} is empty", hint="give a file with text in it")
    return text
