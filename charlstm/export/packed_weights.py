"""Weights as a text: exact where that fits, else integers of as many bits as fit, with a scale per column."""

import base64
import io
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from charlstm.arrays import FloatArray

EXACT = 32  # bits
CANDIDATES = (EXACT, *range(16, 6, -1))  # bits of a matrix's elements, the most precise first
BYTE = 8  # bits: a number of so many or fewer is one byte
BFLOAT16_FROM = 12  # bits: a matrix that is bfloat16 compresses to so many, and stays exact
BITS_OF_CHARACTER = 32 / 5  # of the text
SAFE_IN_HTML = str.maketrans("<&", ",.")  # for two of the 85 characters that Python takes
FROM_HTML = str.maketrans(",.", "<&")
SAVED_BITS = 6  # of an element, the most that compression is expected to save


@dataclass(frozen=True)
class PackedWeights:
    """Weights as a text in base 85, five characters for four bytes, and what its bytes are."""

    text: str
    bits: int
    layout: list["PackedWeight"]  # in the order of the bytes


class PackedWeight(TypedDict):
    """What the bytes of a weight are: "float32", "bfloat16", or integers of so many bits."""

    name: str
    shape: list[int]
    format: str | int


def pack_weights(weights: Mapping[str, FloatArray], *, max_characters: int) -> PackedWeights:
    """Pack weights as precisely as fits into a number of characters, but with at least seven bits.

    A format is "float32", "bfloat16", or a number of bits. The bytes of a matrix (rows, columns) of integers are a
    scale per column as float32, then the low bytes of all elements, and, beyond eight bits, the high bytes: apart from
    each other they compress better, as seven bits do in a byte. Those of bfloat16 are divided in the same way.
    """
    for bits in CANDIDATES:
        formats = {name: _format(weight, bits) for name, weight in weights.items()}
        needed = sum((_num_bits(formats[name]) - SAVED_BITS) * weight.size for name, weight in weights.items())
        if needed > BITS_OF_CHARACTER * max_characters and bits > CANDIDATES[-1]:
            continue
        data = _compress(b"".join(_pack(weight, formats[name]) for name, weight in weights.items()))
        if 8 * len(data) <= BITS_OF_CHARACTER * max_characters:
            break
    layout: list[PackedWeight] = [
        {"name": name, "shape": list(weight.shape), "format": formats[name]} for name, weight in weights.items()
    ]
    text = base64.b85encode(data).decode().translate(SAFE_IN_HTML)
    return PackedWeights(text, bits, layout)


def round_weights(weights: Mapping[str, FloatArray], layout: Sequence[PackedWeight]) -> dict[str, FloatArray]:
    """Return the weights as precisely as they have been packed."""
    rounded = {}
    for one in layout:
        weight, bits = weights[one["name"]], one["format"]
        scales, integers = (np.float32(1), weight) if isinstance(bits, str) else _scaled(weight, bits)
        rounded[one["name"]] = scales * integers
    return rounded


def unpack_weights(text: str, layout: Sequence[PackedWeight]) -> dict[str, FloatArray]:
    """Return the weights by name that the page reads from a text: what data/page/network.js does, in Python."""
    stream = io.BytesIO(zlib.decompress(base64.b85decode(text.translate(FROM_HTML))))
    return {one["name"]: _read(stream, one["shape"], one["format"]) for one in layout}


def _compress(data: bytes) -> bytes:
    """Compress without looking for repetitions: weights have none, and those found by chance cost 4 percent."""
    compressor = zlib.compressobj(strategy=zlib.Z_HUFFMAN_ONLY)
    return compressor.compress(data) + compressor.flush()


def _format(weight: FloatArray, bits: int) -> str | int:
    if weight.ndim == 2 and bits >= BFLOAT16_FROM and not (weight.view(np.uint32) & 0xFFFF).any():
        return "bfloat16"
    return "float32" if weight.ndim == 1 or bits == EXACT else bits  # vectors are small


def _num_bits(number_format: str | int) -> int:
    return {"float32": 32, "bfloat16": 16}[number_format] if isinstance(number_format, str) else number_format


def _pack(weight: FloatArray, number_format: str | int) -> bytes:
    if number_format == "float32":
        return weight.astype("<f4").tobytes()
    if number_format == "bfloat16":
        return _planes((np.ascontiguousarray(weight).view(np.uint32) >> 16).astype(np.uint16))
    scales, integers = _scaled(weight, int(number_format))
    is_one_byte = int(number_format) <= BYTE
    data = integers.astype(np.int8).tobytes() if is_one_byte else _planes(integers.astype(np.int16).view(np.uint16))
    return bytes(scales.astype("<f4").tobytes() + data)


def _scaled(weight: FloatArray, bits: int) -> tuple[FloatArray, FloatArray]:
    """Return a scale for each column, and the integers, as float32, that it is multiplied with."""
    largest = 2 ** (bits - 1) - 1
    scales = np.abs(weight).max(axis=0, initial=0).astype(np.float32) / np.float32(largest)
    return scales, np.rint(weight / np.where(scales > 0, scales, 1)).clip(-largest, largest)


def _read(stream: io.BytesIO, shape: Sequence[int], number_format: str | int) -> FloatArray:
    """Return the next weight of a stream."""
    count = math.prod(shape)

    def take(dtype: str, count: int) -> npt.NDArray[Any]:
        return np.frombuffer(stream.read(count * np.dtype(dtype).itemsize), dtype)

    if number_format == "float32":
        return take("<f4", count).reshape(shape)
    if number_format == "bfloat16":
        low, high = take("u1", count).astype(np.uint32), take("u1", count).astype(np.uint32)
        return (low << 16 | high << 24).view(np.float32).reshape(shape)
    scales = take("<f4", shape[1])
    if int(number_format) <= BYTE:
        integers = take("i1", count).astype(np.float32)
    else:
        low, high = take("u1", count), take("i1", count)
        integers = low + np.float32(256) * high
    return scales * integers.reshape(shape)


def _planes(numbers: np.ndarray[tuple[int, ...], np.dtype[np.uint16]]) -> bytes:
    """Return the low bytes of all numbers, and then the high bytes."""
    low, high = (numbers & 0xFF).astype(np.uint8), (numbers >> 8).astype(np.uint8)
    return low.tobytes() + high.tobytes()
