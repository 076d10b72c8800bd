"""Machine code on disk, so that it is compiled once on a machine.

Numba's own cache recompiles a function when its file changes, but not when a function that it calls changes in another
file, and it loads whatever it finds: damaged code aborts the process inside LLVM. So this module takes its place. All
code compiled from the same sources, by the same libraries and for the same processor lies in one folder, which is
named by a digest of these three. Each compiled overload is one file that begins with the SHA-256 of its name and
content. A file that does not match, or cannot be read, counts as missing; code that cannot be written stays in memory.

This is the only module that uses private names of Numba: `Dispatcher._cache`, `CompileResult._reduce` and `_rebuild`,
and `numba.core.serialize.dumps`. There is no public way to give a function another cache.
"""

import hashlib
import os
import pickle
import re
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core import serialize
from numba.core.compiler import CompileResult

from charlstm.atomic_files import read_regular_file, remove_leftovers, write_atomically
from charlstm.errors import RunError
from charlstm.kernels.target import compile_target
from charlstm.machine import cache_folder

MAX_CODE_BYTES = 1 << 28  # of a file
DIGEST_SIZE = hashlib.sha256().digest_size  # bytes
NAME_LENGTH = 16  # hexadecimal digits
UNUSED_DAYS = 30  # after which the code of other versions is removed


class CodeFolder:
    """The code of one version of the sources for one processor; without a path, nothing is kept."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.used: set[str] = set()  # names of the files that this process needed
        if path:
            remove_leftovers(path)
            with suppress(OSError):
                os.utime(path)  # its time of last use

    def load(self, name: str) -> bytes | None:
        """Return the content of a file, or None if it is missing, unreadable or damaged."""
        if self.path is None:
            return None
        try:
            file = read_regular_file(self.path / name, max_bytes=MAX_CODE_BYTES)
        except OSError:
            return None
        digest, content = file[:DIGEST_SIZE], file[DIGEST_SIZE:]
        if digest != _file_digest(name, content):
            return None
        self.used.add(name)
        return content

    def save(self, name: str, content: bytes) -> None:
        """Write a file, over a damaged one too; quietly do nothing if it cannot be written."""
        self.used.add(name)
        if self.path is None or not self.is_writable():
            return
        with suppress(RunError):
            write_atomically(self.path / name, _file_digest(name, content) + content)

    def is_writable(self) -> bool:
        """Return whether the folder can be written, after making it if it does not exist."""
        if self.path is None:
            return False
        try:
            if not self.path.exists():
                self.path.mkdir(parents=True, exist_ok=True)
                _remove_unused(self.path.parent)
            return os.access(self.path, os.W_OK)
        except OSError:
            return False


def _file_digest(name: str, content: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + content).digest()


def _remove_unused(folder: Path) -> None:
    """Remove the code of versions that nothing has used for a month."""
    oldest = time.time() - UNUSED_DAYS * 24 * 60 * 60
    with suppress(OSError):
        for version in folder.iterdir():
            if re.fullmatch(f"[0-9a-f]{{{NAME_LENGTH}}}", version.name) and version.stat().st_mtime < oldest:
                shutil.rmtree(version, ignore_errors=True)


@cache
def code_folder() -> CodeFolder:
    """Return the folder for the code of this process."""
    return CodeFolder(find_code_folder())


def find_code_folder() -> Path | None:
    """Return a path in NUMBA_CACHE_DIR, if that is set, or in charlstm's cache; None for a user without a home."""
    caches = os.environ.get("NUMBA_CACHE_DIR") or cache_folder()
    return Path(caches) / "kernels" / _version_digest() if caches else None


def _version_digest() -> str:
    """Return a digest of everything that the code depends on."""
    target, config = compile_target(), numba.config
    versions = numba.__version__, llvmlite.__version__, np.__version__, sys.implementation.cache_tag
    options = config.OPT, config.LOOP_VECTORIZE, config.SLP_VECTORIZE
    digest = hashlib.sha256(repr((versions, options, target)).encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.name.encode() + b"\n" + hashlib.sha256(source.read_bytes()).digest())
    return digest.hexdigest()[:NAME_LENGTH]


class OverloadCache:
    """The cache of one compiled function: one file for each combination of argument types.

    The methods are those that a Numba dispatcher calls on its cache (numba.core.caching).
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    @property
    def cache_path(self) -> str:
        return str(code_folder().path)

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """Return the compiled code for a signature, or None."""
        target_context.refresh()  # loads what compiled code may call
        content = code_folder().load(self._file_name(signature))
        if content is None:
            return None
        reduced = pickle.loads(content)  # noqa: S301  in the user's own cache, and the digest is right
        return CompileResult._rebuild(target_context, *reduced)

    def save_overload(self, signature: Any, result: Any) -> None:
        """Keep newly compiled code, unless it holds addresses of this process."""
        if not result.library.has_dynamic_globals:
            code_folder().save(self._file_name(signature), serialize.dumps(result._reduce()))

    def flush(self) -> None:
        """Do nothing: the folder's name changes with the sources."""

    def _file_name(self, signature: Any) -> str:
        function = self._function
        key = f"{function.__module__}.{function.__qualname__}{signature}"
        return f"{function.__name__}-{hashlib.sha256(key.encode()).hexdigest()[:NAME_LENGTH]}"


def enable_cache(dispatcher: Any) -> None:
    """Let a compiled function load its code from disk, and keep it there."""
    dispatcher._cache = OverloadCache(dispatcher.py_func)
