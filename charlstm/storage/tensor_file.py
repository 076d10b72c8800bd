"""One file of arrays and metadata: safetensors, whose own metadata holds one JSON object and a digest of everything.

Nothing in it can be executed. The same content always gives the same bytes, and a file in which a single bit of the
content has changed is refused.
"""

import hashlib
import json
import math
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save, save_file

from charlstm.errors import TensorFileError, shown
from charlstm.json_objects import parse_json

METADATA_KEY = "charlstm"  # the only key: safetensors writes several in no fixed order
DIGEST_KEY = "sha256"
HEADER_SIZE_BYTES = 8  # at the start of a safetensors file: the size of the header
MAX_HEADER_BYTES = 32 << 20  # of a checkpoint with ten thousand evaluations and their samples
MAX_REASON = 150  # characters of an error of safetensors, which may quote the file
NUMPY_DTYPES = frozenset(
    ("BOOL", "U8", "I8", "U16", "I16", "F16", "U32", "I32", "F32", "U64", "I64", "F64")
)  # of safetensors

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
            metadata = parse_json((file.metadata() or {})[METADATA_KEY])
        except KeyError as error:
            raise _foreign(path, "it has no metadata") from error
        except ValueError as error:
            raise _foreign(path, f"its metadata is not what charlstm writes: {error}") from error
        if not isinstance(metadata, dict):
            raise _foreign(path, "its metadata is not what charlstm writes: it is not an object")
        self._digest = metadata.pop(DIGEST_KEY, None)
        self.metadata: Metadata = metadata

    @property
    def num_bytes(self) -> int:
        """The size of all arrays, at four bytes for each number."""
        return 4 * sum(math.prod(shape) for shape in self.shapes.values())

    def check_arrays(self, expected: Mapping[str, tuple[str, tuple[int, ...]]]) -> None:
        """Raise TensorFileError unless the arrays have these names, each with its dtype and shape."""
        missing, unexpected = expected.keys() - self.shapes.keys(), self.shapes.keys() - expected.keys()
        if missing or unexpected:
            problem = f"array {shown(min(missing or unexpected))} is {'missing' if missing else 'not part of it'}"
            raise TensorFileError(f"{self.path} contradicts itself: {problem}")
        for name, (dtype, shape) in expected.items():
            if (self.dtypes[name], self.shapes[name]) != (dtype, shape):
                found = f"{self.dtypes[name]}{shown(list(self.shapes[name]))}"
                raise TensorFileError(
                    f"{self.path} contradicts itself: array {name} is {found}, not {dtype}{list(shape)}"
                )

    def read(self) -> Arrays:
        """Return all arrays. Raises TensorFileError if they or the metadata have changed since they were written."""
        for name, dtype in self.dtypes.items():
            if dtype not in NUMPY_DTYPES:
                raise _foreign(self.path, f"array {shown(name)} is of type {dtype}")
        arrays = {name: self._file.get_tensor(name) for name in self.shapes}
        if digest(arrays, self.metadata) != self._digest:
            raise TensorFileError(f"{self.path} is damaged: its content does not match its digest")
        return arrays


@contextmanager
def open_tensors(path: Path, *, max_header_bytes: int = MAX_HEADER_BYTES) -> Iterator[TensorFile]:
    """Open a file once, so that all that is read is from one version, even if the file is replaced meanwhile.

    Raises TensorFileError if it is missing, unreadable, incomplete or no regular file, or if its header, which holds
    the metadata, is larger than `max_header_bytes`.
    """
    try:
        _check_header_size(path, max_header_bytes)
        with safe_open(path, framework="numpy") as file:
            yield TensorFile(path, file)
    except OSError as error:
        raise TensorFileError(
            f"{path} cannot be read: {error.strerror or error}", hint="check the path and its permissions"
        ) from error
    except SafetensorError as error:
        raise TensorFileError(
            f"{path} is damaged, or was not written by charlstm: it is not a whole safetensors file "
            f"({str(error)[:MAX_REASON]})"
        ) from error


def _check_header_size(path: Path, max_bytes: int) -> None:
    """Raise TensorFileError for a header that would take much memory to parse, and for a pipe, which would block."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise _foreign(path, "it is a folder" if path.is_dir() else "it is a pipe or a device")
    with path.open("rb") as file:
        size = int.from_bytes(file.read(HEADER_SIZE_BYTES), "little")
    if max_bytes < size <= path.stat().st_size:  # a size beyond the end of the file is refused by safetensors
        raise TensorFileError(
            f"{path} has a header of {size:,} bytes, but at most {max_bytes:,} can be read",
            hint="charlstm writes smaller ones: use a file from a source that you trust",
        )


def _foreign(path: Path, reason: str) -> TensorFileError:
    return TensorFileError(f"{path} was not written by charlstm: {reason}")


def digest(arrays: Arrays, metadata: Metadata) -> str:
    """Return the SHA-256 of the metadata and of the name, dtype, shape and content of every array."""
    whole = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode())
    for name in sorted(arrays):
        array = arrays[name]
        whole.update(json.dumps([name, array.dtype.str, array.shape]).encode())
        whole.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return whole.hexdigest()
