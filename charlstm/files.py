"""Files that are at every moment whole, old or new."""

import contextlib
import os
from pathlib import Path

from charlstm.errors import RunError


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file beside its place, flush it to disk and rename it.

    Raises RunError, and leaves what was there, if it cannot be written.
    """
    temporary = write_beside(path, content)
    move(temporary, path)


def write_beside(path: Path, content: bytes) -> Path:
    """Write and flush to disk what is to become `path`, under another name, which is returned.

    Raises RunError, and leaves nothing behind, if it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as problem:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise cannot_write(path, problem) from problem
    except BaseException:  # a second Ctrl-C
        temporary.unlink(missing_ok=True)
        raise
    return temporary


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
        f"{path} cannot be written: {problem.strerror}", hint="check permissions and free space, or give another --out"
    )


def _flush_folder(folder: Path) -> None:
    if not hasattr(os, "O_DIRECTORY"):  # a folder cannot be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
