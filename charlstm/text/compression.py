"""Open files, compressed ones and archives too, within bounds for the size that they expand to."""

import bz2
import gzip
import lzma
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Protocol

from charlstm.atomic_files import open_regular


class ByteStream(Protocol):
    """A binary file that is open for reading."""

    def read(self, size: int = ..., /) -> bytes: ...


DECOMPRESSORS: dict[str, Callable[[BinaryIO], AbstractContextManager[ByteStream]]] = {
    ".gz": lambda file: gzip.GzipFile(fileobj=file),
    ".xz": lzma.LZMAFile,
    ".bz2": bz2.BZ2File,
}
ARCHIVE = ".zip"
MAX_EXPANDED_BYTES = 4 << 30  # of a compressed file or an archive
MAX_EXPANSION = 200  # bytes from each byte on disk; texts reach 5 to 50
ALWAYS_ALLOWED_BYTES = 64 << 20  # of small files of extreme repetition
ENCRYPTED = 0x1  # the flag of an encrypted member
MAC_FOLDER = "__MACOSX/"  # of the archives that macOS makes: it holds no texts


class ExpansionError(Exception):
    """A compressed file or archive expands to more than is allowed."""


DECOMPRESSION_ERRORS = (
    EOFError,
    UnicodeError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    NotImplementedError,
    RuntimeError,
    ExpansionError,
)


@contextmanager
def open_file(path: Path) -> Iterator[ByteStream]:
    """Yield the decompressed bytes of a regular file. Raises OSError and DECOMPRESSION_ERRORS, while it is read too."""
    with open_regular(path) as file:
        decompress = DECOMPRESSORS.get(path.suffix.lower())
        if decompress is None:
            yield file
            return
        with decompress(file) as stream:
            yield _BoundedStream(stream, _max_expanded(os.fstat(file.fileno()).st_size))


@contextmanager
def open_member(path: Path, member: str) -> Iterator[ByteStream]:
    """Yield the bytes of a member of a .zip file. Raises OSError and DECOMPRESSION_ERRORS, while it is read too."""
    with _open_archive(path, _stamp(path)).open(member) as stream:
        yield stream


def list_members(path: Path) -> tuple[list[str], list[str]]:
    """Return the names of a .zip file's visible members in sorted order, and separately those of the encrypted ones.

    Raises OSError and DECOMPRESSION_ERRORS, also if the members together expand to more than is allowed.
    """
    entries = {entry.filename: entry for entry in _open_archive(path, _stamp(path)).infolist() if not entry.is_dir()}
    if sum(entry.file_size for entry in entries.values()) > _max_expanded(path.stat().st_size):
        raise _too_large(_max_expanded(path.stat().st_size))
    visible = sorted(name for name in entries if not name.startswith(MAC_FOLDER) and not _is_hidden(name))
    encrypted = [name for name in visible if entries[name].flag_bits & ENCRYPTED]
    return [name for name in visible if name not in set(encrypted)], encrypted


def without_compression_suffixes(name: str) -> str:
    """Return the name of a file without `.gz`, `.zip` and the like."""
    for suffix in (*DECOMPRESSORS, ARCHIVE):
        name = name.removesuffix(suffix)
    return name


class _BoundedStream:
    """A stream that raises ExpansionError once it has given more than a number of bytes."""

    def __init__(self, stream: ByteStream, max_bytes: int) -> None:
        self._stream, self._max_bytes, self._num_bytes = stream, max_bytes, 0

    def read(self, size: int = -1, /) -> bytes:
        content = self._stream.read(self._max_bytes - self._num_bytes + 1 if size < 0 else size)
        self._num_bytes += len(content)
        if self._num_bytes > self._max_bytes:
            raise _too_large(self._max_bytes)
        return content


@lru_cache(maxsize=1)  # members are read one after the other, and the table of contents may be long
def _open_archive(path: Path, _stamp: tuple[int, ...]) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)


def _stamp(path: Path) -> tuple[int, ...]:
    """Return what changes if a file does. Raises OSError if it is not a regular file."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(f"{path} is not a regular file")
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _max_expanded(size: int) -> int:
    """Return the number of bytes that a compressed file of a size may expand to."""
    return min(MAX_EXPANDED_BYTES, max(ALWAYS_ALLOWED_BYTES, MAX_EXPANSION * size))


def _too_large(max_bytes: int) -> ExpansionError:
    return ExpansionError(f"it expands to more than {max_bytes:,} bytes, which is rarely a text")


def _is_hidden(member: str) -> bool:
    return Path(member).name.startswith(".")
