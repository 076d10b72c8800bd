import numpy as np
import pytest

from charlstm.generation.numpy_ops import NumpyOps, round_to_bfloat16


def test_sigmoid_does_not_overflow():
    with np.errstate(all="raise"):
        values = NumpyOps().sigmoid(np.array([[-1e4, 0, 1e4]], np.float32))
    np.testing.assert_array_equal(values, [[0, 0.5, 1]])


def test_split_by_relative_sizes():
    first, second = NumpyOps().split(np.arange(6, dtype=np.float32)[None], (2, 1))
    assert (first.tolist(), second.tolist()) == ([[0, 1, 2, 3]], [[4, 5]])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.0, 1.0),
        (1 + 3 / 1024, 1.0),  # below half of the last bit, 1 / 128: down
        (1 + 5 / 1024, 1 + 1 / 128),
        (1 + 4 / 1024, 1.0),  # ties go to the even neighbour
        (1 + 12 / 1024, 1 + 2 / 128),
        (-1 - 5 / 1024, -1 - 1 / 128),
    ],
)
def test_rounding_to_bfloat16(value, expected):
    assert round_to_bfloat16(np.array([value], np.float32)).tolist() == [expected]
