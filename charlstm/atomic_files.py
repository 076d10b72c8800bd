"""Write files so that a reader, or a power cut, finds the old content or the new, never a part.

New content goes to a temporary file in the same folder, is flushed to disk, and then takes the file's name; the folder
is flushed after that. Files of runs and caches are never written through links, which somebody else may have put there.
"""

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from functools import cache
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from charlstm.errors import RunError

TEMPORARY_NAME = re.compile(r"\.charlstm-[0-9a-f]{16}\.tmp")  # short, whatever the length of the file's own name
SAFE_OPEN = os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) if os.name != "nt" else 0
BINARY = getattr(os, "O_BINARY", 0)  # Windows
DESCRIPTOR_FOLDER = re.compile(r"/dev/fd|/proc/\d+/(task/\d+/)?fd")
MAX_WRITING_TIME = 3600.0  # seconds without a write, where files have no locks
NO_FLUSH = {errno.EINVAL, errno.ENOTSUP, errno.EACCES}  # a file system that flushes no folders, a folder without `r`


def write_atomically(path: Path, content: bytes, *, follow_links: bool = False) -> None:
    """Write a file as a whole; see `open_atomically`.

    Raises RunError, and leaves the old file as it was, if it cannot be written.
    """
    with open_atomically(path, follow_links=follow_links) as file:
        file.write(content)


def copy_atomically(source: Path, path: Path, *, follow_links: bool = False) -> None:
    """Write a file with the content of another; see `open_atomically`. Raises RunError if it cannot be written."""
    with source.open("rb") as original, open_atomically(path, follow_links=follow_links) as file:
        shutil.copyfileobj(original, file)


@contextlib.contextmanager
def open_atomically(path: Path, *, follow_links: bool = False, keep_old_as: Path | None = None) -> Iterator[BinaryIO]:
    """Yield an open file that replaces `path` once the block has ended without an error.

    A link in its place is replaced, and anything else that is not a file refused. With `follow_links`, which is for
    paths that the user gave, links are followed, and devices and pipes written to. With `keep_old_as`, the old file
    gets that name; one of the two names always has a whole file. Raises RunError like `write_atomically`.
    """
    with _errors_about(path):
        if follow_links:
            if (device := _open_device(path)) is not None:
                with device:
                    yield device
                return
            path = Path(os.path.realpath(path))
        old_mode = _mode_of_file(path)
        if keep_old_as:
            with _errors_about(keep_old_as):
                _mode_of_file(keep_old_as)  # raises if it is not a file
        _remove_leftovers_once(path.parent)
        temporary, file = _create_temporary(path.parent)
        try:
            with file:
                yield file
                _flush(file, mode=old_mode)
                if os.name == "nt":  # which renames no open files; elsewhere the lock is held until the end
                    file.close()
                if keep_old_as and old_mode is not None:
                    os.replace(path, keep_old_as)
                    flush_folder(path.parent)
                os.replace(temporary, path)
        except BaseException:  # also the SystemExit of a second Ctrl-C
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        flush_folder(path.parent)


def append(path: Path, content: bytes, *, length: int) -> bool:
    """Append to a file of `length` bytes and flush it; return False, having written nothing, if it is not that file.

    A link, a file that others changed, and one with a second name are not. Raises RunError, after which the end of the
    file may be missing or torn, if it cannot be written.
    """
    with _errors_about(path):
        try:
            descriptor = os.open(path, os.O_WRONLY | SAFE_OPEN | BINARY)
        except OSError:  # missing, a link, a folder, a pipe that nobody reads, or not ours to write
            return False
        with os.fdopen(descriptor, "wb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_size != length or status.st_nlink > 1:
                return False
            file.seek(length)
            file.write(content)
            _flush(file)
    return True


def open_regular(path: Path, *, follow_links: bool = True) -> BufferedReader:
    """Open a regular file for reading. Raises OSError for anything else, which might block or never end."""
    flags = SAFE_OPEN & ~getattr(os, "O_NOFOLLOW", 0) if follow_links else SAFE_OPEN
    descriptor = os.open(path, os.O_RDONLY | flags | BINARY)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(descriptor, "rb")


def read_regular_file(path: Path, *, max_bytes: int) -> bytes:
    """Return the content of a file.

    Raises OSError if it cannot be read, is a link or no regular file, or has more than `max_bytes`.
    """
    with open_regular(path, follow_links=False) as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return content


def move(source: Path, target: Path) -> None:
    """Rename a file within its folder, and flush the folder, so that the new name survives a power cut.

    Raises RunError if that fails.
    """
    with _errors_about(target):
        os.replace(source, target)
        flush_folder(target.parent)


def remove_leftovers(folder: Path, *, also: re.Pattern[str] | None = None) -> None:
    """Remove the temporary files that killed processes left in a folder, and those whose names match `also`.

    A process that is still writing holds a lock on its file.
    """
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if (TEMPORARY_NAME.fullmatch(entry.name) and not _is_being_written(entry.path)) or (
                also and also.fullmatch(entry.name) and entry.is_file(follow_symlinks=False)
            ):
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)


def cannot_write(path: Path, error: OSError) -> RunError:
    """Return the error to raise when the system does not let a file or folder be written."""
    return RunError(
        f"{path} cannot be written: {error.strerror or error}",
        hint="check that the folder exists, its permissions and the free space",
    )


def flush_folder(folder: Path) -> None:
    """Flush the names in a folder to disk, where the system can do that."""
    if not hasattr(os, "O_DIRECTORY"):  # Windows cannot open a folder
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in NO_FLUSH:
            raise


@contextlib.contextmanager
def _errors_about(path: Path) -> Iterator[None]:
    """Turn an OSError into a RunError about the path."""
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error) from error


def _open_device(path: Path) -> BinaryIO | None:
    """Open a device, a pipe or an open descriptor (/dev/stdout, /dev/fd/63); return None for a file or a new one."""
    if (descriptor := _descriptor_of(path)) is not None:
        return os.fdopen(os.dup(descriptor), "wb")  # opening it again would start at the beginning of its file
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return None
    return None if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else path.open("wb")


def _descriptor_of(path: Path) -> int | None:
    """Return which descriptor of this process a path names, after its links but the last are followed."""
    own = os.path.realpath("/proc/self")
    for _ in range(40):  # links, as many as Linux follows
        folder = os.path.realpath(path.parent)
        if path.name.isdecimal() and DESCRIPTOR_FOLDER.fullmatch(folder):
            return int(path.name) if folder == "/dev/fd" or folder.startswith(own + "/") else None
        if not path.is_symlink():
            return None
        path = Path(folder, os.readlink(path))
    return None


def _mode_of_file(path: Path) -> int | None:
    """Return the permissions of a file; None if there is none, or a link. Raises OSError for anything else."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode) and not stat.S_ISLNK(mode):
        raise OSError(errno.EINVAL, "a device or a pipe is in its place", str(path))
    return mode & 0o777 if stat.S_ISREG(mode) else None


def _create_temporary(folder: Path) -> tuple[Path, BinaryIO]:
    """Create a locked file under a name that nobody can have foreseen."""
    while True:
        path = folder / f".charlstm-{secrets.token_hex(8)}.tmp"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | SAFE_OPEN | BINARY, 0o666)
        if _lock(descriptor) is not False and path.exists():  # else another process has just taken it for a leftover
            return path, os.fdopen(descriptor, "wb")
        os.close(descriptor)


def _lock(descriptor: int) -> bool | None:
    """Lock a file until it is closed; return False if another process has locked it, None if it has no locks."""
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return None
    return True


def _is_being_written(path: str) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | SAFE_OPEN)
    except OSError:
        return True  # a link, or a file of somebody else
    try:
        is_free = _lock(descriptor)
        age = time.time() - os.fstat(descriptor).st_mtime
        return not is_free if is_free is not None else age < MAX_WRITING_TIME
    finally:
        os.close(descriptor)


@cache
def _remove_leftovers_once(folder: Path) -> None:
    remove_leftovers(folder)


def _flush(file: BinaryIO, *, mode: int | None = None) -> None:
    """Flush a file to disk; with `mode`, give it these permissions, where the file system has any."""
    if mode is not None and hasattr(os, "fchmod"):
        with contextlib.suppress(OSError):
            os.fchmod(file.fileno(), mode)
    file.flush()
    os.fsync(file.fileno())
