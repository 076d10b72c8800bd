"""Ids that may not fit into memory: worked on in chunks, collected in temporary files, mapped from files."""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
import numpy.typing as npt

from charlstm.arrays import Ids
from charlstm.atomic_files import open_atomically

CHUNK_IDS = 1 << 22  # worked on at once


def in_chunks(ids: Ids) -> Iterator[Ids]:
    """Yield ids of shape (characters,) in slices of some millions."""
    for start in range(0, len(ids), CHUNK_IDS):
        yield ids[start : start + CHUNK_IDS]


def map_ids(path: Path, dtype: npt.DTypeLike) -> Ids:
    """Return the ids in a file, which are read when they are used. Raises OSError or ValueError if that fails."""
    return np.asarray(np.memmap(path, dtype=dtype, mode="r"))


def write_ids(path: Path, chunks: Iterable[Ids], dtype: npt.DTypeLike) -> Ids:
    """Write ids to a file, chunk by chunk, and return them mapped. Raises RunError if they cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open_atomically(path) as file:
        for chunk in chunks:
            file.write(np.ascontiguousarray(chunk, dtype).tobytes())
    return map_ids(path, dtype)


class IdSpool:
    """Collects 16-bit ids in memory, and in a temporary file once there are more than `max_in_memory`.

    Use it in a `with` block, which removes the file. Its methods raise OSError if the file cannot be written.
    """

    def __init__(self, folder: Path, *, max_in_memory: int) -> None:
        self._folder, self._max_in_memory = folder, max_in_memory
        self._chunks: list[npt.NDArray[np.uint16]] = []
        self._file: BinaryIO | None = None
        self._num_ids = 0

    def __len__(self) -> int:
        return self._num_ids

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()

    @property
    def is_on_disk(self) -> bool:
        return self._file is not None

    def append(self, ids: npt.NDArray[np.uint16]) -> None:
        self._num_ids += len(ids)
        self._chunks.append(ids)
        if self._num_ids > self._max_in_memory:
            self._move_to_disk()

    def chunks(self) -> Iterator[npt.NDArray[np.uint16]]:
        """Yield all ids in the order in which they were appended."""
        if self._file:
            self._file.seek(0)
            while content := self._file.read(CHUNK_IDS * np.dtype(np.uint16).itemsize):
                yield np.frombuffer(content, np.uint16)
        yield from self._chunks

    def _move_to_disk(self) -> None:
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 (closed in __exit__)
        for chunk in self._chunks:
            self._file.write(chunk.tobytes())
        self._chunks.clear()
