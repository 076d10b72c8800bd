"""Write a model in the format that a file's ending names."""

from charlstm.export.formats import ARRAYS, KERAS, MODEL, ONNX, TORCH
from charlstm.storage.model_file import Model
from charlstm.storage.weight_formats import FLOAT32


def file_content(model: Model, ending: str, *, batch_size: int | None = None, weight_format: str = FLOAT32) -> bytes:
    """Return the file of a model in a format other than PAGE.

    `batch_size` is for Keras, see `keras_file`, and `weight_format` for MODEL, see `model_file`. Raises ExportError if
    the format cannot hold the model, or would not predict what it does, and LibraryError if a library is missing.
    """
    if ending == MODEL:
        from charlstm.export.model_format import model_file

        return model_file(model, weight_format=weight_format)
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
    raise ValueError(f"there is no format {ending}")
