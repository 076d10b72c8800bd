"""Ids that may not fit into memory: worked on in chunks, and collected in temporary files."""

import tempfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
import numpy.typing as npt

from charlstm.arrays import Ids

CHUNK_IDS = 1 << 22  # worked on at once
BYTES_PER_ID = np.dtype(np.uint16).itemsize  # in a spool


def in_chunks(ids: Ids) -> Iterator[Ids]:
    """Yield ids of shape (characters,) in slices of some millions."""
    for start in range(0, len(ids), CHUNK_IDS):
        yield ids[start : start + CHUNK_IDS]


class IdSpool:
    """Collects 16-bit ids in memory, and in a temporary file once there are more than `max_in_memory`.

    Where the file cannot be written, they stay in memory, up to `max_without_file`; beyond that OSError is raised. Use
    the spool in a `with` block, which removes the file.
    """

    def __init__(self, folder: Path | None, *, max_in_memory: int, max_without_file: int) -> None:
        self._folder, self._max_in_memory, self._max_without_file = folder, max_in_memory, max_without_file
        self._chunks: deque[npt.NDArray[np.uint16]] = deque()  # that follow those in the file
        self._file: BinaryIO | None = None
        self._num_ids = self._num_in_file = 0
        self._problem: OSError | None = None

    def __len__(self) -> int:
        return self._num_ids

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()

    @property
    def is_large(self) -> bool:
        """Whether there are more ids than are kept in memory."""
        return self._num_ids > self._max_in_memory

    def append(self, ids: npt.NDArray[np.uint16]) -> None:
        self._num_ids += len(ids)
        self._chunks.append(ids)
        if self.is_large:
            self._move_to_file()

    def truncate(self, length: int) -> None:
        """Keep only the first ids, as many as there were before some call of `append`."""
        while self._chunks and self._num_ids > length:
            self._num_ids -= len(self._chunks.pop())
        if self._file and self._num_ids > length:
            self._file.truncate(length * BYTES_PER_ID)
            self._num_ids = self._num_in_file = length

    def chunks(self) -> Iterator[npt.NDArray[np.uint16]]:
        """Yield all ids in the order in which they were appended."""
        if self._file:
            self._file.seek(0)
            for start in range(0, self._num_in_file, CHUNK_IDS):
                yield np.fromfile(self._file, np.uint16, min(CHUNK_IDS, self._num_in_file - start))
        yield from self._chunks

    def _move_to_file(self) -> None:
        while self._chunks and self._problem is None:
            try:
                self._write(self._chunks[0])
            except OSError as problem:
                self._problem = problem
            else:
                self._num_in_file += len(self._chunks.popleft())
        if self._problem and self._num_ids - self._num_in_file > self._max_without_file:
            raise self._problem

    def _write(self, ids: npt.NDArray[np.uint16]) -> None:
        """Write ids after those in the file, which a part of others may follow."""
        if self._file is None:
            if self._folder is None:
                raise FileNotFoundError("there is no folder for it")
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115 (closed in __exit__)
        self._file.seek(self._num_in_file * BYTES_PER_ID)
        content = memoryview(ids.tobytes())
        while content:
            content = content[self._file.write(content) :]
