"""Files that are at every moment whole, old or new."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from charlstm.errors import RunError


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file beside its place, flush it to disk and rename it.

    Raises RunError, and leaves what was there, if it cannot be written.
    """
    with writing(path) as file:
        file.write(content)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """An open file that becomes `path` when all of it is written; like `write_atomically`, for what comes in pieces."""
    path = path.resolve()  # what a link leads to is written, not the link
    if path.exists() and not (path.is_file() or path.is_dir()):  # /dev/null, a pipe
        with path.open("wb") as file:
            yield file
        return
    temporary = beside(path)
    with _filling(path, temporary) as file:
        yield file
    try:
        move(temporary, path)
    except RunError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def write_beside(path: Path, write: Callable[[Path], None]) -> Path:
    """Have written, and flush to disk, what is to become `path`, under another name, which is returned.

    Raises RunError, and leaves nothing behind, if it cannot be written.
    """
    temporary = beside(path)
    with _filling(path, temporary):
        write(temporary)
    return temporary


def beside(path: Path) -> Path:
    """Where this process writes what is to become `path`."""
    return path.with_name(f".{path.name}.{os.getpid()}")


@contextlib.contextmanager
def _filling(path: Path, temporary: Path) -> Iterator[BinaryIO]:
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except OSError as problem:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise cannot_write(path, problem) from problem
    except BaseException:  # a second Ctrl-C
        temporary.unlink(missing_ok=True)
        raise


def move(source: Path, target: Path) -> None:
    """Rename a file within its folder, and flush the folder, so that the new name outlives a power cut."""
    try:
        os.replace(source, target)
        _flush_folder(target.parent)
    except OSError as problem:
        raise cannot_write(target, problem) from problem


def remove_leftovers(folder: Path, names: tuple[str, ...]) -> None:
    """Remove what a killed process was writing beside the files of these names."""
    for name in names:
        for leftover in folder.glob(f".{name}.*"):
            leftover.unlink(missing_ok=True)


def cannot_write(path: Path, problem: OSError) -> RunError:
    return RunError(
        f"{path} cannot be written: {problem.strerror or problem}",
        hint="check that the folder exists, its permissions and the free space",
    )


def _flush_folder(folder: Path) -> None:
    if not hasattr(os, "O_DIRECTORY"):  # a folder cannot be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
