"""One file of arrays and metadata: safetensors, whose own metadata holds one JSON object and a digest of everything.

Nothing in it can be executed. The same content always gives the same bytes, and a file in which a single bit of the
content has changed is refused.
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
from charlstm.storage.tensor_header import METADATA_KEY

DIGEST_KEY = "sha256"

Arrays = dict[str, npt.NDArray[Any]]
Metadata = dict[str, Any]


def to_bytes(arrays: Arrays, metadata: Metadata) -> bytes:
    """Return the content of a file of arrays and metadata (anything that JSON can hold)."""
    return save(*_with_digest(arrays, metadata))


def write_tensors(path: Path, arrays: Arrays, metadata: Metadata) -> None:
    """Write the same content to a path, without a copy of the arrays in memory.

    Raises OSError if it cannot be written; the file is then incomplete.
    """
    contiguous, strings = _with_digest(arrays, metadata)
    try:
        save_file(contiguous, path, strings)
    except SafetensorError as error:  # which holds the system's error only as text
        number = re.search(r"os error (\d+)", str(error))
        raise (OSError(int(number[1]), os.strerror(int(number[1]))) if number else OSError(str(error))) from error


def _with_digest(arrays: Arrays, metadata: Metadata) -> tuple[Arrays, dict[str, str]]:
    """Return contiguous arrays, and the metadata in the strings that safetensors stores."""
    contiguous = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    signed = metadata | {DIGEST_KEY: digest(contiguous, metadata)}
    return contiguous, {METADATA_KEY: json.dumps(signed, sort_keys=True)}


class TensorFile:
    """An open file: metadata, and the shapes and dtypes of the arrays, which can be checked before they are read."""

    def __init__(self, path: Path, file: Any) -> None:  # safetensors has no types
        self.path, self._file = path, file
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        self.shapes: dict[str, tuple[int, ...]] = {name: tuple(part.get_shape()) for name, part in slices.items()}
        self.dtypes = {name: str(part.get_dtype()) for name, part in slices.items()}  # F32, I64, ...
        try:
            self.metadata: Metadata = json.loads((file.metadata() or {})[METADATA_KEY])
            self._digest = self.metadata.pop(DIGEST_KEY, None)
        except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise TensorFileError(
                f"{path} was not written by charlstm: its metadata is not what charlstm writes"
            ) from error

    def read(self) -> Arrays:
        """Return all arrays. Raises TensorFileError if they or the metadata have changed since they were written."""
        arrays = {name: self._file.get_tensor(name) for name in self.shapes}
        if digest(arrays, self.metadata) != self._digest:
            raise TensorFileError(f"{self.path} is damaged: its content does not match its digest")
        return arrays


@contextmanager
def open_tensors(path: Path) -> Iterator[TensorFile]:
    """Open a file once, so that all that is read is from one version, even if the file is replaced meanwhile.

    Raises TensorFileError if it is missing, unreadable, or incomplete.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            yield TensorFile(path, file)
    except OSError as error:
        raise TensorFileError(
            f"{path} cannot be read: {error.strerror or error}", hint="check the path and its permissions"
        ) from error
    except SafetensorError as error:
        raise TensorFileError(
            f"{path} is damaged, or was not written by charlstm: it is not a whole safetensors file ({error})"
        ) from error


def digest(arrays: Arrays, metadata: Metadata) -> str:
    """Return the SHA-256 of the metadata and of the name, dtype, shape and content of every array."""
    whole = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode())
    for name in sorted(arrays):
        array = arrays[name]
        whole.update(json.dumps([name, array.dtype.str, array.shape]).encode())
        whole.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return whole.hexdigest()
