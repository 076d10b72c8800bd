"""Memory that a kernel is given holds NaN, so that whatever is read before it is written shows."""

import numpy as np
import pytest

from charlstm.kernels import decoder, layer


@pytest.fixture
def used_memory(monkeypatch):
    def empty(shape, dtype):
        array = np.empty(shape, dtype)
        array.view(np.uint8)[...] = 0xFF
        return array

    monkeypatch.setattr(layer, "aligned_empty", empty)
    monkeypatch.setattr(layer, "_workspace", empty)
    monkeypatch.setattr(decoder, "aligned_empty", empty)
