"""The header of a file of arrays, read without NumPy and without the arrays.

The format is that of safetensors: the length of the header in eight bytes, the header in JSON, and then the arrays, of
which the header says where each begins and ends (https://github.com/huggingface/safetensors#format).
"""

import os
from pathlib import Path
from typing import Any

from charlstm.atomic_files import open_regular
from charlstm.json_objects import parse_json

METADATA_KEY = "charlstm"  # the only key: safetensors writes several in no fixed order
LENGTH_BYTES = 8
MAX_HEADER_BYTES = 4 << 20  # a model's is smaller, with all its checksums of lines; a checkpoint's grows


def read_metadata(path: Path) -> dict[str, Any]:
    """Return the metadata that charlstm wrote. Raises OSError or ValueError if the file is not a whole one of ours."""
    header = _read_header(path)
    if header is None:
        raise ValueError(f"its header has more than {MAX_HEADER_BYTES:,} bytes")
    try:
        metadata = parse_json(header["__metadata__"][METADATA_KEY])
    except (KeyError, TypeError) as error:
        raise ValueError("it was not written by charlstm") from error
    if not isinstance(metadata, dict):
        raise ValueError("it was not written by charlstm")
    return metadata


def check_is_whole(path: Path) -> None:
    """Raise OSError or ValueError if a file of arrays is cut off, or is something else."""
    _read_header(path)


def _read_header(path: Path) -> dict[str, Any] | None:
    """Return the header of a whole file; None if it is too long to be read here."""
    with open_regular(path) as file:
        num_bytes = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(LENGTH_BYTES), "little")
        if not 0 < length <= num_bytes - LENGTH_BYTES:
            raise ValueError("it is cut off, or not a safetensors file")
        if length > MAX_HEADER_BYTES:
            return None
        header = parse_json(file.read(length).decode())
    try:
        end = max((array["data_offsets"][1] for name, array in header.items() if name != "__metadata__"), default=0)
    except (AttributeError, KeyError, TypeError, IndexError) as error:
        raise ValueError("it is not a safetensors file") from error
    if end != num_bytes - LENGTH_BYTES - length:
        raise ValueError("it is cut off")
    return header  # type: ignore[no-any-return]  # an object, or it has no items
