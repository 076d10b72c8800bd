"""Write a model in the format that a file's ending names."""

from charlstm.export.formats import ARRAYS, KERAS, ONNX, TORCH
from charlstm.storage.model_file import Model


def file_content(model: Model, ending: str, *, batch_size: int | None = None) -> bytes:
    """Return the file of a model in a format of another library: KERAS, ONNX, TORCH or ARRAYS.

    `batch_size` is for Keras, see `keras_file`. Raises ExportError if the format cannot hold the model, or would not
    predict what the model does, and LibraryError if a library is missing.
    """
    if ending == KERAS:
        from charlstm.export.keras_format import keras_file

        return keras_file(model, batch_size=batch_size)
    if ending == ONNX:
        from charlstm.export.onnx_format import onnx_file

        return onnx_file(model)
    if ending == TORCH:
        from charlstm.export.torch_format import torch_file

        return torch_file(model)
    if ending == ARRAYS:
        from charlstm.export.arrays_format import arrays_file

        return arrays_file(model)
    raise ValueError(f"no other library has the format {ending}")
