import json
import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from charlstm.errors import TensorFileError
from charlstm.storage.tensor_file import (
    DIGEST_KEY,
    DTYPES,
    digest,
    open_tensors,
    to_bytes,
    write_tensors,
)
from charlstm.storage.tensor_header import METADATA_KEY

ARRAYS: dict[str, Any] = {
    "matrix": np.arange(12, dtype=np.float32).reshape(3, 4),
    "transposed": np.arange(6, dtype=np.int64).reshape(2, 3).T,
    "scalar": np.array(7, np.int32),
    "empty": np.zeros((0, 3), np.float32),
}
METADATA = {"a": 1.1, "b": ["ä", None, {"c": -2e300}]}


def read(path):
    with open_tensors(path) as file:
        return file.read(), file.metadata


def are_equal(arrays, others):
    return arrays.keys() == others.keys() and all(
        array.dtype == others[name].dtype and np.array_equal(array, others[name]) for name, array in arrays.items()
    )


def test_write_tensors_writes_the_content_of_to_bytes(tmp_path):
    with (tmp_path / "file").open("wb") as file:
        write_tensors(file, ARRAYS, METADATA)
    assert (tmp_path / "file").read_bytes() == to_bytes(ARRAYS, METADATA)


@pytest.mark.parametrize("metadata", [METADATA, {}, {"text": '\x7f\n\x00\u2028"\\'}])
def test_the_bytes_are_those_that_safetensors_writes(metadata):
    """Files of earlier versions were written by safetensors itself."""
    arrays = ARRAYS | {f'{name}, ä "\n': np.ones(3, name) for name in DTYPES}
    expected = save(
        {name: np.asarray(array, order="C") for name, array in arrays.items()},
        {METADATA_KEY: json.dumps(metadata | {DIGEST_KEY: digest(arrays, metadata)}, sort_keys=True)},
    )
    assert to_bytes(arrays, metadata) == expected


def test_a_pipe_or_a_folder_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(TensorFileError, match="cannot be read: not a regular file"), open_tensors(path):
            pass


def test_an_error_gives_the_reason_of_the_system(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise PermissionError(13, "Permission denied")

    with pytest.raises(TensorFileError, match="No such file"), open_tensors(tmp_path / "missing"):
        pass
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(TensorFileError, match="Permission denied"), open_tensors(tmp_path / "secret"):
        pass


def test_arrays_and_metadata_survive(tmp_path):
    (tmp_path / "file").write_bytes(to_bytes(ARRAYS, METADATA))
    arrays, metadata = read(tmp_path / "file")
    assert metadata == METADATA
    assert are_equal(arrays, ARRAYS)
    assert arrays["scalar"].shape == ()


def test_same_content_gives_the_same_bytes():
    reversed_arrays = dict(reversed(ARRAYS.items()))
    assert to_bytes(ARRAYS, METADATA) == to_bytes(reversed_arrays, dict(reversed(METADATA.items())))


def test_file_truncated_at_any_length_is_refused(tmp_path):
    content = to_bytes(ARRAYS, METADATA)
    for length in range(len(content)):
        (tmp_path / "file").write_bytes(content[:length])
        with pytest.raises(TensorFileError):
            read(tmp_path / "file")


def test_damaged_file_is_refused_unless_its_content_is_the_same(tmp_path):
    content, rng, refused = to_bytes(ARRAYS, METADATA), random.Random(0), 0
    for _ in range(1000):
        damaged = bytearray(content)
        for _ in range(rng.choice((1, 1, 8))):
            damaged[rng.randrange(len(content))] = rng.randrange(256)
        (tmp_path / "file").write_bytes(damaged)
        try:
            arrays, metadata = read(tmp_path / "file")
        except TensorFileError:
            refused += 1
            continue
        assert are_equal(arrays, ARRAYS)
        assert metadata == METADATA
    assert refused > 900


def test_file_replaced_while_it_is_open_is_read_as_it_was(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(to_bytes(ARRAYS, METADATA))
    with open_tensors(path) as file:
        (tmp_path / "new").write_bytes(to_bytes({"matrix": np.zeros(3)}, {}))
        (tmp_path / "new").replace(path)
        assert are_equal(file.read(), ARRAYS)
