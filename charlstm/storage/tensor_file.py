"""One file of arrays and metadata: safetensors, whose own metadata holds one JSON object and a digest of everything.

Nothing in it can be executed. The same content always gives the same bytes, and a file in which a single bit of the
content has changed is refused.
"""

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from charlstm.atomic_files import open_regular
from charlstm.errors import TensorFileError, shown
from charlstm.json_objects import parse_json
from charlstm.storage.tensor_header import LENGTH_BYTES, METADATA_KEY

DIGEST_KEY = "sha256"
MAX_HEADER_BYTES = 32 << 20  # of a checkpoint with ten thousand evaluations and their samples
MAX_REASON = 150  # characters of an error of safetensors, which may quote the file
DTYPES = {  # NumPy's name to safetensors'; wide types come first in a file
    "uint64": "U64",
    "int64": "I64",
    "float64": "F64",
    "float32": "F32",
    "uint32": "U32",
    "int32": "I32",
    "float16": "F16",
    "uint16": "U16",
    "int16": "I16",
    "int8": "I8",
    "uint8": "U8",
    "bool": "BOOL",
}
WIDEST_FIRST = list(DTYPES)
ALIGNMENT = 8  # bytes, of the first array

Arrays = dict[str, npt.NDArray[Any]]
Metadata = dict[str, Any]


def to_bytes(arrays: Arrays, metadata: Metadata) -> bytes:
    """Return the content of a file of arrays and metadata (anything that JSON can hold)."""
    return b"".join(_parts(arrays, metadata))


def write_tensors(file: BinaryIO, arrays: Arrays, metadata: Metadata) -> None:
    """Write the same content to an open file, without a copy of the arrays in memory.

    safetensors' own `save_file` would write a temporary file that nobody has flushed, and rename it.
    """
    for part in _parts(arrays, metadata):
        file.write(part)


def _parts(arrays: Arrays, metadata: Metadata) -> Iterator[bytes | memoryview]:
    """Yield the parts of a safetensors file: the length of the header, the header, the arrays.

    Arrays of wide types come first, so that all are aligned, as in the files that safetensors writes. See
    https://github.com/huggingface/safetensors#format.
    """
    little_endian = {
        name: np.asarray(array, order="C", dtype=array.dtype.newbyteorder("<")) for name, array in arrays.items()
    }
    signed = metadata | {DIGEST_KEY: digest(little_endian, metadata)}
    header: dict[str, Any] = {"__metadata__": {METADATA_KEY: json.dumps(signed, sort_keys=True)}}
    ordered = sorted(little_endian.items(), key=lambda item: (WIDEST_FIRST.index(item[1].dtype.name), item[0]))
    start = 0
    for name, array in ordered:
        offsets = [start, start := start + array.nbytes]
        header[name] = {"dtype": DTYPES[array.dtype.name], "shape": array.shape, "data_offsets": offsets}
    content = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    content += b" " * (-len(content) % ALIGNMENT)
    yield len(content).to_bytes(LENGTH_BYTES, "little")
    yield content
    for _, array in ordered:
        yield array.reshape(-1).view(np.uint8).data


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
            if dtype not in DTYPES.values():
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
        _check_file(path, max_header_bytes)
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


def _check_file(path: Path, max_header_bytes: int) -> None:
    """Raise OSError, with the system's reason, unless this is a file: safetensors gives none, and waits for pipes.

    Raises TensorFileError for a header that would take much memory to parse.
    """
    with open_regular(path) as file:
        size, file_size = int.from_bytes(file.read(LENGTH_BYTES), "little"), os.fstat(file.fileno()).st_size
    if max_header_bytes < size <= file_size:  # a size beyond the end of the file is refused by safetensors
        raise TensorFileError(
            f"{path} has a header of {size:,} bytes, but at most {max_header_bytes:,} can be read",
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
