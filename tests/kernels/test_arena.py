"""Memory goes back when nobody looks into it, and no earlier."""

import numpy as np

from charlstm.kernels.arena import ALIGNMENT, Arena


def test_memory_is_used_again_once_the_last_view_of_it_is_gone():
    buffers = Arena()
    first = buffers.empty((100, 3), np.float32)
    row, place = first[7], first.ctypes.data
    del first
    assert buffers.empty((100, 3), np.float32).ctypes.data != place
    del row
    assert buffers.empty((100, 3), np.float32).ctypes.data == place


def test_arrays_in_use_never_share_memory():
    buffers = Arena()
    arrays = [buffers.empty((size, 4), np.uint16) for size in range(1, 60)]
    for number, array in enumerate(arrays):
        array[...] = number
    assert all((array == number).all() for number, array in enumerate(arrays))


def test_memory_far_too_large_is_not_taken():
    buffers = Arena()
    place = buffers.empty((1_000_000,), np.float32).ctypes.data
    assert buffers.empty((10,), np.float32).ctypes.data != place
    assert buffers.empty((900_000,), np.float32).ctypes.data == place


def test_arrays_begin_where_registers_do():
    buffers = Arena()
    assert all(buffers.empty((3, size), np.float32).ctypes.data % ALIGNMENT == 0 for size in range(1, 40))


def test_what_fits_best_is_taken_and_of_the_same_size_what_came_back_last():
    buffers = Arena()
    arrays = [buffers.empty((size,), np.float32) for size in (1000, 1000, 1200)]
    places = [array.ctypes.data for array in arrays]
    while arrays:
        arrays.pop(0)
    assert [buffers.empty((1000,), np.float32).ctypes.data for _ in range(2)] == [places[1]] * 2
    kept = [buffers.empty((1000,), np.float32) for _ in range(3)]
    assert [array.ctypes.data for array in kept] == [places[1], places[0], places[2]]
