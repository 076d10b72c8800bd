"""Memory returns to the arena when nothing refers to it, no earlier, and to the system when it is not asked for."""

import numpy as np

from charlstm.kernels.arena import ALIGNMENT, MAX_IDLE, Arena

MEGABYTE = 2**20


def address(array):
    return array.ctypes.data


def test_memory_is_reused_once_its_last_view_is_gone():
    arena = Arena()
    first = arena.empty((100, 3), np.float32)
    row, start = first[7], address(first)
    del first
    assert address(arena.empty((100, 3), np.float32)) != start
    del row
    assert address(arena.empty((100, 3), np.float32)) == start


def test_arrays_in_use_never_share_memory():
    arena = Arena()
    arrays = [arena.empty((size, 4), np.uint16) for size in range(1, 60)]
    for number, array in enumerate(arrays):
        array[...] = number
    assert all((array == number).all() for number, array in enumerate(arrays))


def test_a_buffer_that_is_far_too_large_is_not_reused():
    arena = Arena()
    start = address(arena.empty((1_000_000,), np.float32))
    assert address(arena.empty((10,), np.float32)) != start
    assert address(arena.empty((900_000,), np.float32)) == start


def test_arrays_are_aligned():
    arena = Arena()
    assert all(address(arena.empty((3, size), np.float32)) % ALIGNMENT == 0 for size in range(1, 40))


def test_the_best_fit_is_reused_and_of_equal_fits_the_last_freed():
    arena = Arena()
    arrays = [arena.empty((size,), np.float32) for size in (1000, 1000, 1200)]
    starts = [address(array) for array in arrays]
    while arrays:
        arrays.pop(0)
    assert [address(arena.empty((1000,), np.float32)) for _ in range(2)] == [starts[1]] * 2
    kept = [arena.empty((1000,), np.float32) for _ in range(3)]
    assert [address(array) for array in kept] == [starts[1], starts[0], starts[2]]


def test_growing_sizes_leave_only_the_last_behind():
    arena = Arena()
    for size in (10, 20, 40, 80):
        for _ in range(MAX_IDLE + 2):
            arena.empty((size, MEGABYTE), np.uint8)
    arena.empty((1,), np.uint8)  # notices what has been returned
    assert sum(buffer.memory.size for buffer in arena._free) <= 81 * MEGABYTE


def test_a_loop_reuses_all_of_its_memory_while_other_sizes_come_and_go():
    arena = Arena()

    def train_step():
        saved = [arena.empty((size, 1000), np.float32) for size in (40, 10, 10, 90)]
        gradients = [arena.empty((size, 1000), np.float32) for size in (300, 7, 150)]
        return {address(array) for array in saved + gradients}

    train_step()
    first = train_step()
    for _ in range(20):
        assert train_step() == first
        arena.empty((500, 1000), np.float32)  # an evaluation


def test_an_empty_array_needs_no_memory():
    arena = Arena()
    assert arena.empty((3, 0), np.float32).shape == (3, 0)
    assert not arena._free
