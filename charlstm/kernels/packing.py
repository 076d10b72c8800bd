"""Weights and operands in the layout that the matrix products read (gemm.py).

Weights (K inputs, N outputs) are packed into panels of NR outputs each, (N / NR, K, NR), so that a product reads them
from first to last. A step multiplies by the same weights at each character: they are packed once and read many times.

In bfloat16 the processor multiplies two inputs at a time (K_UNROLL). Two weights that follow each other along K are
packed into one uint32, the first in its lower half; operands are uint16, of which two neighbours read as one uint32.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types
from numba.extending import overload

from charlstm.arrays import FloatArray
from charlstm.kernels.arena import Arena
from charlstm.kernels.jit import Array, jit

NR = 32  # outputs in a panel, and in a tile
K_UNROLL = 2  # inputs that are multiplied at a time in bfloat16; 1 in float32

Operands = npt.NDArray[np.float32] | npt.NDArray[np.uint16]
Panels = npt.NDArray[np.float32] | npt.NDArray[np.uint32]

aligned_empty = Arena().empty


def to_operand(value: Any, operands: Array) -> Any:
    """Convert a float32 to the element type of the operands. Only compiled code can call it."""
    raise NotImplementedError


@overload(to_operand)
def _to_operand(value: Any, operands: Array) -> Any:
    def unchanged(value: Any, operands: Array) -> Any:
        return value

    def rounded(value: Any, operands: Array) -> Any:
        return np.uint16(bf16_bits(value))

    return unchanged if operands.dtype == types.float32 else rounded


def to_element(first: Any, second: Any, elements: Array) -> Any:
    """Convert one weight, or in bfloat16 two, to an element of a panel. Only compiled code can call it."""
    raise NotImplementedError


@overload(to_element)
def _to_element(first: Any, second: Any, elements: Array) -> Any:
    def unchanged(first: Any, second: Any, elements: Array) -> Any:
        return first

    def pair(first: Any, second: Any, elements: Array) -> Any:
        return bf16_bits(first) | (bf16_bits(second) << np.uint32(16))

    return unchanged if elements.dtype == types.float32 else pair


@jit
def bf16_bits(value: Any) -> Any:
    """Return the upper 16 bits of a float32 after rounding it to the nearest bfloat16, ties to even."""
    bits = np.float32(value).view(np.uint32)
    return (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)


@jit
def _convert(first: Array, second: Array, elements: Array) -> None:
    """Convert the weights of one input, or of two in bfloat16, to elements of panels."""
    for column in range(first.shape[0]):
        elements[column] = to_element(first[column], second[column], elements)


@jit
def _copy(elements: Array, target: Array) -> None:
    for column in range(NR):
        target[column] = elements[column]


@jit
def _pack(weights: Array, panels: Array, k_unroll: int) -> None:
    """Pack weights (K, N) into panels (N / NR, K / k_unroll, NR)."""
    elements = np.zeros(panels.shape[0] * NR, panels.dtype)
    padding = np.zeros(weights.shape[1], np.float32)
    for k in range(panels.shape[1]):
        last = k_unroll * (k + 1) - 1
        _convert(weights[k_unroll * k], weights[last] if last < weights.shape[0] else padding, elements)
        for panel in range(panels.shape[0]):
            _copy(elements[panel * NR : (panel + 1) * NR], panels[panel, k])


@jit
def _pack_transposed(weights: Array, panels: Array, k_unroll: int) -> None:
    """Pack weights (N, K) into panels (N / NR, K / k_unroll, NR); K is a multiple of k_unroll."""
    elements = np.zeros((NR, panels.shape[1]), panels.dtype)
    for panel in range(panels.shape[0]):
        rows = weights[panel * NR : (panel + 1) * NR]
        if rows.shape[0] < NR:
            elements[...] = 0
        for column in range(rows.shape[0]):
            _convert(rows[column, ::k_unroll], rows[column, k_unroll - 1 :: k_unroll], elements[column])
        for k in range(panels.shape[1]):
            _copy(elements[:, k], panels[panel, k])


def round_up(count: int, multiple: int) -> int:
    """Return the smallest multiple that is at least `count`."""
    return -(-count // multiple) * multiple


def empty_operands(shape: tuple[int, ...], *, bf16: bool) -> Operands:
    """Return an array for operands (..., inputs); in bfloat16 the inputs are padded with zeros to an even number."""
    *outer, inputs = shape
    if not bf16:
        return aligned_empty(shape, np.float32)
    operands = aligned_empty((*outer, round_up(inputs, K_UNROLL)), np.uint16)
    operands[..., inputs:] = 0
    return operands


def pack_weights(weights: FloatArray, *, bf16: bool, transposed: bool = False) -> Panels:
    """Pack weights (inputs, outputs), or transposed (outputs, inputs), into panels padded with zeros.

    Returns (outputs / NR, inputs, NR) in float32, or (outputs / NR, inputs / 2, NR) in uint32 for bfloat16.
    """
    inputs, outputs = weights.shape[::-1] if transposed else weights.shape
    k_unroll, dtype = (K_UNROLL, np.uint32) if bf16 else (1, np.float32)
    shape = (round_up(outputs, NR) // NR, round_up(inputs, k_unroll) // k_unroll, NR)
    panels = aligned_empty(shape, dtype)
    (_pack_transposed if transposed else _pack)(weights, panels, k_unroll)
    return panels
