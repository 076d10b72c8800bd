"""Memory that a kernel is given holds NaN, so that whatever is read before it is written shows."""

import pytest

from charlstm.kernels import decoder, layer, products
from charlstm.kernels.arena import Arena


@pytest.fixture
def used_memory(monkeypatch):
    arena = Arena()

    def empty(shape, dtype):
        array = arena.empty(shape, dtype)
        array.view("u1")[...] = 0xFF
        return array

    for module in (layer, products):
        monkeypatch.setattr(module, "aligned_empty", empty)
        monkeypatch.setattr(module, "empty_workspace", empty)
    monkeypatch.setattr(decoder, "aligned_empty", empty)
