"""Machine code on disk, so that it is compiled once on a machine.

All code from the same sources, by the same compiler, for the same system and instruction set lies in one folder, which
is named by a digest of these four. Each module is one file that begins with the SHA-256 of its name and content. A file
that does not match, or cannot be read, counts as missing; code that cannot be written stays in memory.
"""

import hashlib
import os
import re
import shutil
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

import llvmlite
from llvmlite import binding

from charlstm.atomic_files import read_regular_file, remove_leftovers, write_atomically
from charlstm.errors import RunError
from charlstm.machine import cache_folder

MAX_CODE_BYTES = 1 << 24  # of a file
DIGEST_SIZE = hashlib.sha256().digest_size  # bytes
NAME_LENGTH = 16  # hexadecimal digits
UNUSED_DAYS = 30  # after which the code of other versions is removed


class CodeFolder:
    """The code of one version of the sources for one instruction set; without a path, nothing is kept."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        if path:
            remove_leftovers(path)
            with suppress(OSError):
                os.utime(path)  # its time of last use

    def load(self, key: str) -> bytes | None:
        """Return the code of a key, or None if it is missing, unreadable or damaged."""
        if self.path is None:
            return None
        name = _file_name(key)
        try:
            file = read_regular_file(self.path / name, max_bytes=MAX_CODE_BYTES)
        except OSError:
            return None
        digest, code = file[:DIGEST_SIZE], file[DIGEST_SIZE:]
        return code if digest == _file_digest(name, code) else None

    def save(self, key: str, code: bytes) -> None:
        """Keep the code of a key, in the place of a damaged file too; do nothing if it cannot be written."""
        if self.path is None or not self._make_writable(self.path):
            return
        name = _file_name(key)
        with suppress(RunError):
            write_atomically(self.path / name, _file_digest(name, code) + code)

    def _make_writable(self, path: Path) -> bool:
        """Return whether the folder can be written, after making it if it does not exist."""
        try:
            if not path.exists():
                path.mkdir(parents=True, exist_ok=True)
                _remove_unused(path.parent)
            return os.access(path, os.W_OK)
        except OSError:
            return False


def _file_name(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:NAME_LENGTH]


def _file_digest(name: str, code: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + code).digest()


def _remove_unused(folder: Path) -> None:
    """Remove the code of versions that nothing has used for a month."""
    oldest = time.time() - UNUSED_DAYS * 24 * 60 * 60
    with suppress(OSError):
        for version in folder.iterdir():
            if re.fullmatch(f"[0-9a-f]{{{NAME_LENGTH}}}", version.name) and version.stat().st_mtime < oldest:
                shutil.rmtree(version, ignore_errors=True)


@cache
def code_folder(isa: str) -> CodeFolder:
    """Return the folder for the code of an instruction set; None for a user without a home."""
    caches = cache_folder()
    return CodeFolder(Path(caches) / "kernels" / _version_digest(isa) if caches else None)


def _version_digest(isa: str) -> str:
    """Return a digest of everything that the code depends on."""
    digest = hashlib.sha256(repr((llvmlite.__version__, binding.get_process_triple(), isa)).encode())
    folder = Path(__file__).parent
    for source in sorted(folder.rglob("*.py")):
        name = source.relative_to(folder).as_posix()
        digest.update(name.encode() + b"\n" + hashlib.sha256(source.read_bytes()).digest())
    return digest.hexdigest()[:NAME_LENGTH]
