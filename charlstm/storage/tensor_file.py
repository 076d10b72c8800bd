"""One file of arrays and facts: safetensors, with JSON and a digest of all of it in the metadata.

It can hold nothing but arrays and JSON, so nothing in it can run. The same content always gives the same bytes, and a
file that was changed by as much as one bit is not taken for whole.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save, save_file

from charlstm.errors import TensorFileError

METADATA_KEY = "charlstm"  # one key only: safetensors writes several in no fixed order
DIGEST = "sha256"

Arrays = dict[str, npt.NDArray[Any]]
Metadata = dict[str, Any]


def to_bytes(arrays: Arrays, facts: Metadata) -> bytes:
    """The whole file of some arrays and facts (anything JSON can hold)."""
    return save(*_sealed(arrays, facts))


def write_tensors(path: Path, arrays: Arrays, facts: Metadata) -> None:
    """Write the same to a path, without a copy in memory. Raises OSError; what is there then is not whole."""
    tensors, metadata = _sealed(arrays, facts)
    try:
        save_file(tensors, path, metadata)
    except SafetensorError as problem:
        number = re.search(r"os error (\d+)", str(problem))
        raise (OSError(int(number[1]), os.strerror(int(number[1]))) if number else OSError(str(problem))) from problem


def _sealed(arrays: Arrays, facts: Metadata) -> tuple[Arrays, dict[str, str]]:
    arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    sealed = facts | {DIGEST: digest(arrays, facts)}
    return arrays, {METADATA_KEY: json.dumps(sealed, sort_keys=True)}


class TensorFile:
    """An open file: its facts, the shapes and types of its arrays, and, once those are found right, the arrays."""

    def __init__(self, path: Path, file: Any) -> None:
        self.path, self._file = path, file
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        self.shapes = {name: tuple(piece.get_shape()) for name, piece in slices.items()}
        self.types = {name: str(piece.get_dtype()) for name, piece in slices.items()}
        try:
            self.metadata: Metadata = json.loads((file.metadata() or {})[METADATA_KEY])
            self._digest = self.metadata.pop(DIGEST, None)
        except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as problem:
            raise TensorFileError(f"{path} is not charlstm's: its metadata is not what charlstm writes") from problem

    def read(self) -> Arrays:
        """All arrays. Raises TensorFileError if they or the facts are not what was written."""
        arrays = {name: self._file.get_tensor(name) for name in self.shapes}
        if digest(arrays, self.metadata) != self._digest:
            raise TensorFileError(f"{self.path} is damaged: its content does not match its digest")
        return arrays


@contextmanager
def open_tensors(path: Path) -> Iterator[TensorFile]:
    """Open a file once, so that what is read belongs together even if it is replaced meanwhile.

    Raises TensorFileError if it is missing, unreadable, or not whole.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            yield TensorFile(path, file)
    except OSError as problem:
        raise TensorFileError(
            f"{path} cannot be read: {problem.strerror or problem}", hint="check the path and its permissions"
        ) from problem
    except SafetensorError as problem:
        raise TensorFileError(
            f"{path} is damaged, or not charlstm's: it is not a whole safetensors file ({problem})"
        ) from problem


def digest(arrays: Arrays, facts: Metadata) -> str:
    """SHA-256 of the facts and of every array's name, type, shape and bytes."""
    whole = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for name in sorted(arrays):
        array = arrays[name]
        whole.update(json.dumps([name, array.dtype.str, array.shape]).encode())
        whole.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return whole.hexdigest()
