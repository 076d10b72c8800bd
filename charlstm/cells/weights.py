"""The weights that a layer computes with: those that are trained, and a cell's constants."""

from collections.abc import Mapping
from typing import Any

from charlstm.cells.registry import Cell
from charlstm.cells.shapes import clockwork_mask


def effective_weights(cell: Cell, units: int, weights: Mapping[str, Any]) -> dict[str, Any]:
    """Return the weights of a layer by name, in NumPy or TensorFlow, as its equations need them.

    The cell's constants are among them, and a clockwork RNN's recurrent kernel is zero where it must be.
    """
    import numpy as np

    constants = {name: np.array(values, np.float32) for name, values in cell.constants(units).items()}
    result = {**weights, **constants}
    if "periods" in constants:
        mask = np.array(clockwork_mask(constants["periods"].tolist()), np.float32)
        result["recurrent_kernel"] = weights["recurrent_kernel"] * mask
    return result
