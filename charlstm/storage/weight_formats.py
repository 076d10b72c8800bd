"""Weights in fewer bits: matrices of 16-bit floats, or of 8-bit integers with a scale for each row or column.

Vectors are small, and stay float32. Reading gives float32 again.
"""

from collections.abc import Mapping

import numpy as np

from charlstm.arrays import FloatArray
from charlstm.cells.registry import Shapes
from charlstm.errors import SettingError
from charlstm.storage.tensor_file import Arrays

FLOAT32, FLOAT16, INT8 = "float32", "float16", "int8"
WEIGHT_FORMATS = {FLOAT32: 32, FLOAT16: 16, INT8: 8}  # bits of a matrix's elements
SCALES = ".scales"  # ends the name of an 8-bit matrix's scales, (rows, 1) or (1, columns)
LARGEST = 127  # the integers are symmetric about 0

ArrayTypes = dict[str, tuple[str, tuple[int, ...]]]  # dtype, as safetensors names it, and shape


def pack_weights(weights: Mapping[str, FloatArray], weight_format: str) -> Arrays:
    """Return the arrays of a file that holds the weights in a format.

    Raises SettingError for an unknown format, and for weights that are too large for 16 bits.
    """
    if weight_format not in WEIGHT_FORMATS:
        raise SettingError(
            f"the weight format is {weight_format!r}, but it must be one of {', '.join(WEIGHT_FORMATS)}",
            hint="float32 keeps the weights as they are",
        )
    arrays: Arrays = {}
    for name, weight in weights.items():
        if weight_format == FLOAT32 or weight.ndim != 2:
            arrays[name] = weight
        elif weight_format == FLOAT16:
            arrays[name] = _to_float16(name, weight)
        else:
            arrays[name], arrays[name + SCALES] = _to_int8(weight)
    return arrays


def array_types(shapes: Shapes, weight_format: str, found: Mapping[str, tuple[int, ...]]) -> ArrayTypes:
    """Return the dtype and shape of every array of a file that holds weights of these shapes in a format.

    `found` has the shapes in the file: only there stands whether the scales of a matrix are those of rows or columns.
    """
    types: ArrayTypes = {}
    for name, shape in shapes.items():
        if weight_format == FLOAT32 or len(shape) != 2:
            types[name] = "F32", shape
        elif weight_format == FLOAT16:
            types[name] = "F16", shape
        else:
            rows, columns = shape
            of_rows = found.get(name + SCALES) == (rows, 1)
            types[name], types[name + SCALES] = ("I8", shape), ("F32", (rows, 1) if of_rows else (1, columns))
    return types


def unpack_weights(arrays: Arrays, shapes: Shapes) -> dict[str, FloatArray]:
    """Return the float32 weights of a file whose arrays have the types that `array_types` returns."""
    weights = {}
    for name in shapes:
        weight = arrays[name].astype(np.float32, copy=False)
        if (scales := arrays.get(name + SCALES)) is not None:
            with np.errstate(over="ignore", invalid="ignore"):  # of a damaged file, whose weights are checked next
                weight = weight * scales
        weights[name] = weight
    return weights


def _to_float16(name: str, weight: FloatArray) -> FloatArray:
    if np.abs(weight).max(initial=0) > np.finfo(np.float16).max:
        raise SettingError(f"{name} has weights that are too large for 16 bits", hint="keep them in 32 bits")
    return weight.astype(np.float16)


def _to_int8(weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return integers and scales: of the rows or the columns, with whichever the weights change less."""
    candidates = [_scaled(weight, axis=axis) for axis in (0, 1)]
    return min(candidates, key=lambda packed: float(np.square(packed[0] * packed[1] - weight).sum()))


def _scaled(weight: FloatArray, *, axis: int) -> tuple[FloatArray, FloatArray]:
    scales = np.abs(weight).max(axis=axis, keepdims=True, initial=0) / np.float32(LARGEST)
    integers = np.rint(weight / np.where(scales > 0, scales, 1)).clip(-LARGEST, LARGEST)
    return integers.astype(np.int8), scales.astype(np.float32)
