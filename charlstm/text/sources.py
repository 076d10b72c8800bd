"""What people hand in as a text: files, folders, globs, standard input, compressed or not, to streams of bytes."""

import bz2
import glob
import gzip
import lzma
import os
import shutil
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

from charlstm.errors import CorpusError

STANDARD_INPUT = "-"
OPENERS: dict[str, Callable[[Path], Any]] = {".gz": gzip.GzipFile, ".xz": lzma.LZMAFile, ".bz2": bz2.BZ2File}
BROKEN = (
    EOFError,
    UnicodeError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    NotImplementedError,
    RuntimeError,
)
LOOKED_AT = 8192  # bytes that decide whether a file in a folder is a text


@dataclass(frozen=True)
class TextSource:
    """One text: a file, or a member of a .zip file."""

    path: Path
    member: str | None = None
    label: str | None = None  # what to call it, if not by its path

    @property
    def name(self) -> str:
        return self.label or (f"{self.path}:{self.member}" if self.member else str(self.path))

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """The bytes, decompressed. Raises CorpusError, also while they are read, if they cannot be had."""
        try:
            if self.member is not None:
                with zipfile.ZipFile(self.path) as archive, archive.open(self.member) as stream:
                    yield stream
            else:
                with OPENERS.get(self.path.suffix.lower(), _open)(self.path) as stream:
                    yield stream
        except BROKEN as problem:
            raise CorpusError(
                f"{self.name} cannot be unpacked: {problem or type(problem).__name__}",
                hint="is the file whole? Fetch or pack it again",
            ) from problem
        except OSError as problem:
            reason = problem.strerror or str(problem)
            raise CorpusError(
                f"{self.name} cannot be read: {reason}", hint="check the path, its permissions, and that it is whole"
            ) from problem


def find_sources(text: str | Path) -> list[TextSource]:
    """What one argument stands for, in sorted order.

    A file that exists wins over a glob. In folders and archives what is not text is passed over, and so is what begins
    with a dot. Raises CorpusError if there is nothing.
    """
    if str(text) == STANDARD_INPUT:
        return [_standard_input()]
    path = Path(text)
    if is_passing(path):
        with path.open("rb") as stream:
            return [_spooled(stream, str(text))]
    if path.is_dir():
        sources = [source for file in _files_below(path) for source in _in_file(file) if _is_text(source)]
        if not sources:
            raise CorpusError(f"{path} is a folder without text files", hint="give files, or a folder with texts in it")
        return sources
    if path.exists():
        return _in_file(path)
    if glob.has_magic(str(text)):
        found = sorted(glob.glob(str(text), recursive=True))
        files = [Path(match) for match in found if Path(match).is_file() and not _is_run(Path(match).parent)]
        sources = [source for file in files for source in _in_file(file)]
        if not sources:
            raise CorpusError(f"no file matches {str(text)!r}", hint="check the pattern")
        return sources
    return []


def _open(path: Path) -> BinaryIO:
    return path.open("rb")


def _files_below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and not _is_run(Path(parent, name)))
        paths = (Path(parent, name) for name in sorted(files) if not name.startswith("."))
        yield from (path for path in paths if path.is_file())


def _is_run(folder: Path) -> bool:
    """Whether a training keeps its files there: what it writes is no text to learn from."""
    return any(folder.joinpath(name).exists() for name in ("model.safetensors", "checkpoint.safetensors", ".lock"))


def _in_file(path: Path) -> list[TextSource]:
    """The file itself, or the texts in it if it is a .zip file."""
    if path.suffix.lower() != ".zip":
        return [TextSource(path)]
    try:
        with zipfile.ZipFile(path) as archive:
            members = sorted(entry.filename for entry in archive.infolist() if not entry.is_dir())
    except BROKEN as problem:
        raise CorpusError(f"{path} cannot be unpacked: {problem}", hint="is the file whole? Pack it again") from problem
    except OSError as problem:
        raise CorpusError(
            f"{path} cannot be read: {problem.strerror}", hint="check the path and its permissions"
        ) from problem
    visible = [name for name in members if not name.startswith("__MACOSX/") and not Path(name).name.startswith(".")]
    sources = [source for source in (TextSource(path, name) for name in visible) if _is_text(source)]
    if not sources:
        raise CorpusError(f"{path} holds no text", hint="give an archive with text files in it")
    return sources


def _is_text(source: TextSource) -> bool:
    """Whether the first bytes are not empty and look like text: no NUL, or those of UTF-16 and UTF-32."""
    try:
        with source.open() as stream:
            beginning = stream.read(LOOKED_AT)
    except CorpusError:
        return False
    return bool(beginning) and (b"\0" not in beginning or beginning[:2] in (b"\xff\xfe", b"\xfe\xff"))


def _standard_input() -> TextSource:
    """Standard input in a temporary file that lives as long as the process: a text is read more than once."""
    if sys.stdin is None or sys.stdin.isatty():
        raise CorpusError("standard input is a terminal", hint="send a text into it: cat lyrics.txt | charlstm train -")
    return _spooled(sys.stdin.buffer, "standard input")


def is_passing(path: Path) -> bool:
    """Whether a path leads to a pipe or the like, which can be read only once."""
    return path.exists() and not path.is_file() and not path.is_dir()


def _spooled(stream: IO[bytes], name: str) -> TextSource:
    spool = tempfile.NamedTemporaryFile(prefix="charlstm-")  # noqa: SIM115 (kept open in _SPOOLS)
    shutil.copyfileobj(stream, spool)
    spool.flush()
    _SPOOLS.append(spool)
    return TextSource(Path(spool.name), label=name)


_SPOOLS: list["tempfile._TemporaryFileWrapper[bytes]"] = []


def label(texts: Sequence[str | Path]) -> str:
    """What to call texts together: their names without endings."""
    return "+".join(dict.fromkeys(_stem(str(text)) for text in texts))[:80]


def _stem(text: str) -> str:
    if text == STANDARD_INPUT:
        return "stdin"
    name = Path(os.path.abspath(text)).name
    for ending in (*OPENERS, ".zip"):
        name = name.removesuffix(ending)
    name = Path(name).stem.lstrip(".")
    return "".join(c for c in name if c not in "*?[]") or "text"
