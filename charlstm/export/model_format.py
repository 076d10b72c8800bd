"""The model itself in one file, with weights of 32, 16 or 8 bits."""

import dataclasses
import tempfile
from pathlib import Path

from charlstm.cells.shapes import weight_shapes
from charlstm.export.check import check_predictions, check_rounding, read_in_float32
from charlstm.storage.model_file import Model, load_model, save_model
from charlstm.storage.weight_formats import FLOAT16, INT8, pack_weights, unpack_weights

PRECISION = {FLOAT16: 11, INT8: 8}  # bits of a rounded number, without the exponent but with the sign
WHAT = "the .safetensors file"


def model_file(model: Model, *, weight_format: str) -> bytes:
    """Return a model file, whose weights are in a format that `save_model` knows.

    Raises SettingError as it does, and ExportError if the file, once it is read, has other weights than the model, but
    for rounding, or does not predict what these weights do.
    """
    with tempfile.TemporaryDirectory(prefix="charlstm-") as folder:
        path = Path(folder) / "model.safetensors"
        save_model(path, model, weight_format=weight_format)
        loaded, content = load_model(path), path.read_bytes()
    matrices = [name for name, weight in model.weights.items() if weight.ndim == 2]
    bits = {name: PRECISION[weight_format] for name in matrices if weight_format in PRECISION}
    check_rounding(model.weights, loaded.weights, bits, what=WHAT)
    shapes = weight_shapes(model.config, len(model.vocabulary))
    rounded = unpack_weights(pack_weights(model.weights, weight_format), shapes)
    check_predictions(dataclasses.replace(model, weights=rounded), lambda ids: read_in_float32(loaded, ids), what=WHAT)
    return content
