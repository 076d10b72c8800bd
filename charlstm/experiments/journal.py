"""The file that Optuna keeps a study in, one JSON object per line: it stays readable after a crash or a full disk.

Optuna appends to the file and leaves half a line behind where a disk is full or the power is cut. It skips that line as
long as it is the last one, but appends to it as well.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from optuna.exceptions import StorageInternalError
from optuna.storages.journal import BaseJournalBackend, JournalFileBackend, JournalFileSymlinkLock

from charlstm.atomic_files import cannot_write

BLOCK = 1 << 16  # bytes that are searched at a time for the end of the last whole line


class RepairingJournal(BaseJournalBackend):
    """Optuna's journal of a file, which is cut after its last whole line before anything is appended.

    Raises RunError if the file cannot be written or is not there any more, and Optuna's StorageInternalError if it is
    damaged or cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, JournalFileSymlinkLock(str(path))
        self._backend = JournalFileBackend(str(path), lock_obj=self._lock)

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        try:
            yield from self._backend.read_logs(log_number_from)
        except (ValueError, OSError) as error:
            raise StorageInternalError(str(error)) from error

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        try:
            self._lock.acquire()
            try:
                _cut_after_last_line(self._path)
            finally:
                self._lock.release()
            self._backend.append_logs(logs)
        except OSError as error:
            raise cannot_write(self._path, error) from error


def _cut_after_last_line(path: Path) -> None:
    """Cut a file after its last newline."""
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - BLOCK)
            file.seek(start)
            if length := file.read(end - start).rfind(b"\n") + 1:
                end = start + length
                break
            end = start
        file.truncate(end)
