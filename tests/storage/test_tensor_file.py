import random
from typing import Any

import numpy as np
import pytest

from charlstm.errors import TensorFileError
from charlstm.storage.tensor_file import open_tensors, to_bytes, write_tensors

ARRAYS: dict[str, Any] = {
    "matrix": np.arange(12, dtype=np.float32).reshape(3, 4),
    "turned": np.arange(6, dtype=np.int64).reshape(2, 3).T,
    "number": np.array(7, np.int32),
    "nothing": np.zeros((0, 3), np.float32),
}
FACTS = {"a": 1.1, "b": ["ä", None, {"c": float("inf")}]}


def read(path):
    with open_tensors(path) as file:
        return file.read(), file.metadata


def same(arrays, others):
    return arrays.keys() == others.keys() and all(
        array.dtype == others[name].dtype and np.array_equal(array, others[name]) for name, array in arrays.items()
    )


def test_written_to_a_path_it_is_the_same(tmp_path):
    write_tensors(tmp_path / "file", ARRAYS, FACTS)
    assert (tmp_path / "file").read_bytes() == to_bytes(ARRAYS, FACTS)


def test_a_path_that_cannot_be_written_is_the_systems_error(tmp_path):
    with pytest.raises(OSError, match="No such file or directory"):
        write_tensors(tmp_path / "missing" / "file", ARRAYS, FACTS)


def test_arrays_and_facts_survive(tmp_path):
    (tmp_path / "file").write_bytes(to_bytes(ARRAYS, FACTS))
    arrays, facts = read(tmp_path / "file")
    assert facts == FACTS
    assert same(arrays, ARRAYS)
    assert arrays["number"].shape == ()


def test_the_same_content_gives_the_same_bytes():
    turned_round = dict(reversed(ARRAYS.items()))
    assert to_bytes(ARRAYS, FACTS) == to_bytes(turned_round, dict(reversed(FACTS.items())))


def test_what_is_cut_off_is_refused_at_every_length(tmp_path):
    whole = to_bytes(ARRAYS, FACTS)
    for length in range(len(whole)):
        (tmp_path / "file").write_bytes(whole[:length])
        with pytest.raises(TensorFileError):
            read(tmp_path / "file")


def test_what_is_damaged_is_refused_or_holds_the_same(tmp_path):
    whole, chance, refused = to_bytes(ARRAYS, FACTS), random.Random(0), 0
    for _ in range(1000):
        damaged = bytearray(whole)
        for _ in range(chance.choice((1, 1, 8))):
            damaged[chance.randrange(len(whole))] = chance.randrange(256)
        (tmp_path / "file").write_bytes(damaged)
        try:
            arrays, facts = read(tmp_path / "file")
        except TensorFileError:
            refused += 1
            continue
        assert same(arrays, ARRAYS)
        assert facts == FACTS
    assert refused > 900


def test_a_file_replaced_while_it_is_open_is_read_as_it_was(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(to_bytes(ARRAYS, FACTS))
    with open_tensors(path) as file:
        (tmp_path / "new").write_bytes(to_bytes({"matrix": np.zeros(3)}, {}))
        (tmp_path / "new").replace(path)
        assert same(file.read(), ARRAYS)
