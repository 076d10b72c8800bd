"""Find and open the files of a text: files, folders, globs, archives or standard input, compressed or not."""

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
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from charlstm.errors import CorpusError


class ByteStream(Protocol):
    """A binary file that is open for reading."""

    def read(self, size: int = ..., /) -> bytes: ...


STANDARD_INPUT = "-"
DECOMPRESSORS: dict[str, Callable[[Path], AbstractContextManager[ByteStream]]] = {
    ".gz": gzip.GzipFile,
    ".xz": lzma.LZMAFile,
    ".bz2": bz2.BZ2File,
}
ARCHIVE = ".zip"
DECOMPRESSION_ERRORS = (
    EOFError,
    UnicodeError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    NotImplementedError,
    RuntimeError,
)
SAMPLE_BYTES = 8192  # enough to tell whether a file in a folder is a text
RUN_FILES = ("model.safetensors", "checkpoint.safetensors", ".lock")  # any of these makes a folder a run folder
MAX_NAME = 80  # characters

_spools: list[IO[bytes]] = []  # temporary copies of streams, which are deleted when the process ends


@dataclass(frozen=True)
class TextSource:
    """One text: a file, or a member of a .zip file."""

    path: Path
    member: str | None = None
    display_name: str | None = None  # None: the path

    @property
    def name(self) -> str:
        return self.display_name or (f"{self.path}:{self.member}" if self.member else str(self.path))

    @contextmanager
    def open(self) -> Iterator[ByteStream]:
        """Yield a stream of the decompressed bytes.

        Raises CorpusError, also while the stream is read, if the file cannot be read or decompressed.
        """
        try:
            if self.member is not None:
                with zipfile.ZipFile(self.path) as archive, archive.open(self.member) as stream:
                    yield stream
            else:
                open_file = DECOMPRESSORS.get(self.path.suffix.lower(), _open_uncompressed)
                with open_file(self.path) as stream:
                    yield stream
        except DECOMPRESSION_ERRORS as error:
            raise CorpusError(
                f"{self.name} cannot be decompressed: {error or type(error).__name__}",
                hint="check that the file is complete, or fetch or compress it again",
            ) from error
        except OSError as error:
            raise CorpusError(
                f"{self.name} cannot be read: {error.strerror or error}",
                hint="check the path, its permissions, and that the file is complete",
            ) from error


def find_sources(text: str | Path) -> list[TextSource]:
    """Return the sources of one argument in sorted order; none if it is neither a path nor a pattern.

    A file that exists takes precedence over a pattern. In folders and archives, hidden files and files that are not
    text are skipped. Raises CorpusError if a folder, an archive or a pattern has no text.
    """
    if str(text) == STANDARD_INPUT:
        return [_standard_input()]
    path = Path(text)
    if is_stream(path):
        with path.open("rb") as stream:
            return [_spool(stream, str(text))]
    if path.is_dir():
        sources = [source for file in _files_below(path) for source in _sources_in(file) if _looks_like_text(source)]
        if not sources:
            raise CorpusError(f"{path} is a folder without text files", hint="give files, or a folder of text files")
        return sources
    if path.exists():
        return _sources_in(path)
    return _matches(str(text)) if glob.has_magic(str(text)) else []


def is_stream(path: Path) -> bool:
    """Return whether a path is a pipe, a device or the like, which can be read only once."""
    return path.exists() and not path.is_file() and not path.is_dir()


def corpus_name(texts: Sequence[str | Path]) -> str:
    """Return a name for texts that are read together: the names of their files without suffixes."""
    return "+".join(dict.fromkeys(_stem(str(text)) for text in texts))[:MAX_NAME]


def _matches(pattern: str) -> list[TextSource]:
    paths = [Path(match) for match in sorted(glob.glob(pattern, recursive=True))]
    files = [path for path in paths if path.is_file() and not _is_run_folder(path.parent)]
    sources = [source for file in files for source in _sources_in(file)]
    if not sources:
        raise CorpusError(f"no file matches {pattern!r}", hint="check the pattern")
    return sources


def _open_uncompressed(path: Path) -> AbstractContextManager[ByteStream]:
    return path.open("rb")


def _files_below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and not _is_run_folder(Path(parent, name))
        )
        paths = (Path(parent, name) for name in sorted(files) if not name.startswith("."))
        yield from (path for path in paths if path.is_file())


def _is_run_folder(folder: Path) -> bool:
    """Return whether a folder holds a run, whose files are not to be trained on."""
    return any(folder.joinpath(name).exists() for name in RUN_FILES)


def _sources_in(path: Path) -> list[TextSource]:
    """Return the file itself, or the texts in it if it is a .zip file."""
    if path.suffix.lower() != ARCHIVE:
        return [TextSource(path)]
    try:
        with zipfile.ZipFile(path) as archive:
            members = sorted(entry.filename for entry in archive.infolist() if not entry.is_dir())
    except DECOMPRESSION_ERRORS as error:
        raise CorpusError(
            f"{path} cannot be decompressed: {error}", hint="check that the file is complete, or compress it again"
        ) from error
    except OSError as error:
        raise CorpusError(
            f"{path} cannot be read: {error.strerror}", hint="check the path and its permissions"
        ) from error
    visible = [name for name in members if not name.startswith("__MACOSX/") and not Path(name).name.startswith(".")]
    sources = [source for source in (TextSource(path, name) for name in visible) if _looks_like_text(source)]
    if not sources:
        raise CorpusError(f"{path} has no text in it", hint="give an archive of text files")
    return sources


def _looks_like_text(source: TextSource) -> bool:
    """Return whether a source is not empty and has no NUL among its first bytes, unless it is in UTF-16 or UTF-32."""
    try:
        with source.open() as stream:
            sample = stream.read(SAMPLE_BYTES)
    except CorpusError:
        return False
    return bool(sample) and (b"\0" not in sample or sample[:2] in (b"\xff\xfe", b"\xfe\xff"))


def _standard_input() -> TextSource:
    if sys.stdin is None or sys.stdin.isatty():
        raise CorpusError(
            "standard input is a terminal", hint="pipe a text into the command: cat lyrics.txt | charlstm train -"
        )
    return _spool(sys.stdin.buffer, "standard input")


def _spool(stream: ByteStream, name: str) -> TextSource:
    """Copy a stream, which can be read only once, to a temporary file: a text is read several times."""
    spool = tempfile.NamedTemporaryFile(prefix="charlstm-")  # noqa: SIM115 (kept open in _spools)
    shutil.copyfileobj(stream, spool)
    spool.flush()
    _spools.append(spool)
    return TextSource(Path(spool.name), display_name=name)


def _stem(text: str) -> str:
    if text == STANDARD_INPUT:
        return "stdin"
    name = Path(os.path.abspath(text)).name
    for suffix in (*DECOMPRESSORS, ARCHIVE):
        name = name.removesuffix(suffix)
    name = Path(name).stem.lstrip(".")
    return "".join(character for character in name if character not in "*?[]") or "text"
