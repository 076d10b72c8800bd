"""What a file of another library holds, once it is read, in our names, shapes and gate order."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from charlstm.arrays import FloatArray
from charlstm.export.plain_network import PlainNetwork

USUAL = "charlstm takes an embedding or one-hot input, LSTM, GRU or SimpleRNN layers of one size, and one dense layer"


@dataclass(frozen=True)
class ForeignModel:
    """What a file of another library holds; the embedding of one-hot input is the identity."""

    network: PlainNetwork
    window: int = 0  # characters that it always reads; 0: any number
    description: str | None = None  # what charlstm wrote into the file, if it did


def layer_of(cell: str, kernel: FloatArray, recurrent_kernel: FloatArray, bias: FloatArray | None) -> dict[str, Any]:
    """Return a layer's weights by name from Keras's; a missing bias is zero."""
    width = kernel.shape[-1]
    if bias is None:
        bias = np.zeros((2, width) if cell == "gru" else width, np.float32)
    layer = {"kernel": kernel, "recurrent_kernel": recurrent_kernel}
    return layer | ({"bias": bias[0], "recurrent_bias": bias[1]} if cell == "gru" else {"bias": bias})
