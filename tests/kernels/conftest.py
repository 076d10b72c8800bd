"""Memory that a kernel is given holds NaN, so that whatever is read before it is written shows."""

import pytest

from charlstm.kernels import decoder, layer
from charlstm.kernels.arena import Arena


@pytest.fixture
def used_memory(monkeypatch):
    arena = Arena()

    def empty(shape, dtype):
        array = arena.empty(shape, dtype)
        array.view("u1")[...] = 0xFF
        return array

    monkeypatch.setattr(layer, "aligned_empty", empty)
    monkeypatch.setattr(layer, "_workspace", empty)
    monkeypatch.setattr(decoder, "aligned_empty", empty)
