"""Write files so that a reader, or a power cut, finds the old content or the new, never a part.

New content goes to a temporary file in the same folder, is flushed to disk, and then takes the file's name.
"""

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from charlstm.errors import RunError


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file as a whole.

    Raises RunError, and leaves the old file as it was, if it cannot be written.
    """
    with open_atomically(path) as file:
        file.write(content)


@contextlib.contextmanager
def open_atomically(path: Path) -> Iterator[BinaryIO]:
    """Yield an open file that replaces `path` once the block has ended without an error.

    Follows symbolic links, and writes straight to devices and pipes. Raises RunError like `write_atomically`.
    """
    path = path.resolve()
    if path.exists() and not (path.is_file() or path.is_dir()):  # /dev/null, a pipe
        with path.open("wb") as file:
            yield file
        return
    temporary = _temporary_path(path)
    with _removed_on_error(temporary, target=path):
        with temporary.open("wb") as file:
            yield file
            _flush(file)
        move(temporary, path)


def write_temporary(path: Path, write: Callable[[Path], None]) -> Path:
    """Let `write` write the new content of `path` to a temporary file, flush it, and return its path.

    The caller moves it into place. Raises RunError, and leaves nothing behind, if it cannot be written.
    """
    temporary = _temporary_path(path)
    with _removed_on_error(temporary, target=path):
        temporary.touch()
        mode = temporary.stat().st_mode
        write(temporary)
        # safetensors replaces the file by one that only its owner may read: restore the mode (where the file system has
        # modes), and flush the file that is there now.
        with contextlib.suppress(OSError):
            temporary.chmod(mode)
        with temporary.open("rb+") as file:
            _flush(file)
    return temporary


def move(source: Path, target: Path) -> None:
    """Rename a file within its folder, and flush the folder, so that the new name survives a power cut.

    Raises RunError if that fails.
    """
    try:
        os.replace(source, target)
        _flush_folder(target.parent)
    except OSError as error:
        raise cannot_write(target, error) from error


def remove_leftovers(folder: Path, names: Sequence[str]) -> None:
    """Remove the temporary files that killed processes left beside the files of these names."""
    pattern = re.compile(rf"\.(?:{'|'.join(map(re.escape, names))})\.([1-9]\d{{0,8}})\.tmp")
    for path in folder.glob(".*.tmp"):
        match = pattern.fullmatch(path.name)
        if match and not _is_another_process(int(match[1])):
            path.unlink(missing_ok=True)


def cannot_write(path: Path, error: OSError) -> RunError:
    """Return the error to raise when the system does not let a file or folder be written."""
    return RunError(
        f"{path} cannot be written: {error.strerror or error}",
        hint="check that the folder exists, its permissions and the free space",
    )


def _temporary_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def _is_another_process(process_id: int) -> bool:
    """Return whether another process of this id is running."""
    if process_id == os.getpid():
        return False
    if os.name == "nt":  # os.kill would end it
        return True
    try:
        os.kill(process_id, 0)  # signal 0 is not sent: the system only checks that the process exists
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextlib.contextmanager
def _removed_on_error(temporary: Path, *, target: Path) -> Iterator[None]:
    """Remove the temporary file if the block fails; turn an OSError into a RunError about the target."""
    try:
        yield
    except BaseException as error:  # also the SystemExit of a second Ctrl-C
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise cannot_write(target, error) from error
        raise


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    if not hasattr(os, "O_DIRECTORY"):  # Windows cannot open a folder
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
