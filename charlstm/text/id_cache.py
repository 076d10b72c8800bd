"""The ids of large texts in the user's cache: two files for each, the ids and a description with their SHA-256.

An entry is only used if it is as it was written: the description is checked field by field, the ids by their digest.
"""

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from charlstm.arrays import Ids
from charlstm.atomic_files import open_atomically, open_regular, remove_leftovers, write_atomically
from charlstm.machine import cache_folder, make_cache_folder

MAX_CACHED_BYTES = 4 << 30  # of all entries; the newest one is kept whatever its size
MAX_DESCRIPTION_BYTES = 8 << 20
ENTRY_FILE = re.compile(r"[0-9a-f]{64}\.(?:ids|json)")
LEFTOVER = re.compile(r"\.[0-9a-f]{64}\.(?:ids|json)\..*tmp")  # of earlier versions


@dataclass(frozen=True)
class CachedIds:
    """Ids of shape (characters,), mapped from a file, and what was stored with them."""

    ids: Ids
    details: dict[str, Any]


def load_ids(key: str) -> CachedIds | None:
    """Return what is cached under a key; None if there is nothing, or it is not as it was written."""
    folder = cache_folder()
    if folder is None:
        return None
    try:
        with open_regular(_description_file(folder, key), follow_links=False) as file:
            stored = json.loads(file.read(MAX_DESCRIPTION_BYTES))
        description = stored["description"]
        if stored["sha256"] != _description_digest(description):
            return None
        details, dtype = description["details"], np.dtype({"u1": np.uint8, "u2": np.uint16}[description["dtype"]])
        with open_regular(_ids_file(folder, key), follow_links=False) as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != description["sha256"] or not file.tell():
                return None
            ids = np.asarray(np.memmap(file, dtype=dtype, mode="r"))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    for path in (_ids_file(folder, key), _description_file(folder, key)):
        with contextlib.suppress(OSError):
            os.utime(path)  # entries that have not been used for longest are removed first
    return CachedIds(ids, details) if isinstance(details, dict) else None


def store_ids(key: str, chunks: Iterable[Ids], dtype: npt.DTypeLike, details: dict[str, Any]) -> Ids:
    """Write ids and what belongs to them to the cache, and return the ids mapped.

    Removes older entries if the cache has grown too large. Raises RunError or OSError if the cache cannot be written.
    """
    folder = make_cache_folder()
    remove_leftovers(folder, also=LEFTOVER)
    digest = hashlib.sha256()
    with open_atomically(_ids_file(folder, key)) as file:
        for chunk in chunks:
            content = np.ascontiguousarray(chunk, dtype).tobytes()
            digest.update(content)
            file.write(content)
    description = {"dtype": np.dtype(dtype).str[1:], "sha256": digest.hexdigest(), "details": details}
    stored = {"description": description, "sha256": _description_digest(description)}
    write_atomically(_description_file(folder, key), json.dumps(stored).encode())
    _remove_oldest(folder, keep=key)
    return np.asarray(np.memmap(_ids_file(folder, key), dtype=dtype, mode="r"))


def _ids_file(folder: Path, key: str) -> Path:
    return folder / f"{key}.ids"


def _description_file(folder: Path, key: str) -> Path:
    return folder / f"{key}.json"


def _description_digest(description: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(description).encode()).hexdigest()


def _remove_oldest(folder: Path, *, keep: str) -> None:
    """Remove the entries that have not been used for longest until the others fit into MAX_CACHED_BYTES."""
    files = [path for path in folder.iterdir() if ENTRY_FILE.fullmatch(path.name)]
    total = 0
    with contextlib.suppress(OSError):  # another process may be removing them too
        for path in sorted(files, key=lambda path: (path.stem == keep, path.lstat().st_mtime), reverse=True):
            total += path.lstat().st_size
            if total > MAX_CACHED_BYTES and path.stem != keep:
                path.unlink()
