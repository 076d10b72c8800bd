"""The weights alone, as NumPy reads them."""

import io

import numpy as np

from charlstm.errors import ExportError
from charlstm.export.plain_network import DESCRIPTION, describe
from charlstm.storage.model_file import Model


def arrays_file(model: Model) -> bytes:
    """Return an .npz file of the weights by their names in the model file, and of the description as one string.

    Raises ExportError if they are read back otherwise.
    """
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **{**model.weights, DESCRIPTION: np.array(describe(model))})
    content = buffer.getvalue()
    with np.load(io.BytesIO(content)) as arrays:
        if any(not np.array_equal(arrays[name], weight) for name, weight in model.weights.items()):
            raise ExportError("the .npz file would have other weights", hint="nothing is written; report this")
    return content
