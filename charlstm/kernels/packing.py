"""Weights and operands as the compiled products (tiles.py) read them.

Weights lie in panels of TILE_WIDTH outputs, so that they are read from first to last; they are pack_weights once for many
products. Operands and weights are float32, or bfloat16 in pairs: two inputs that follow each other stand together, as
one uint32 in a panel, as two uint16 among the operands.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba.core import types
from numba.extending import overload

from charlstm.kernels.arena import Arena
from charlstm.kernels.jit import compiled

TILE_WIDTH = 32  # outputs

aligned = Arena().empty


def to_operand(value: Any, operands: Any) -> Any:
    """A float32 as it stands among operands; compiled code only."""
    raise NotImplementedError


@overload(to_operand)
def _to_operand(value: Any, operands: Any) -> Any:
    def unchanged(value: Any, operands: Any) -> Any:
        return value

    def rounded(value: Any, operands: Any) -> Any:
        return np.uint16(bfloat16_bits(value))

    return unchanged if operands.dtype == types.float32 else rounded


def to_code(first: Any, second: Any, codes: Any) -> Any:
    """One weight or a pair as it stands in panels; compiled code only."""
    raise NotImplementedError


@overload(to_code)
def _to_code(first: Any, second: Any, codes: Any) -> Any:
    def unchanged(first: Any, second: Any, codes: Any) -> Any:
        return first

    def pair(first: Any, second: Any, codes: Any) -> Any:
        return bfloat16_bits(first) | (bfloat16_bits(second) << np.uint32(16))

    return unchanged if codes.dtype == types.float32 else pair


@compiled
def bfloat16_bits(value: Any) -> Any:
    """The upper 16 bits of a float32, rounded to the nearest bfloat16, ties to even."""
    bits = np.float32(value).view(np.uint32)
    return (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)


@compiled
def _encode(first: Any, second: Any, codes: Any) -> None:
    """Weights of an input, or of two as pairs, as they stand in panels."""
    for column in range(first.shape[0]):
        codes[column] = to_code(first[column], second[column], codes)


@compiled
def _copy(codes: Any, place: Any) -> None:
    for column in range(TILE_WIDTH):
        place[column] = codes[column]


@compiled
def _pack(weights: Any, panels: Any, k_unroll: int) -> None:
    """Lay weights (inputs, outputs) in panels, so many inputs together."""
    codes = np.zeros(panels.shape[0] * TILE_WIDTH, panels.dtype)
    nothing = np.zeros(weights.shape[1], np.float32)
    for k in range(panels.shape[1]):
        last = k_unroll * (k + 1) - 1
        _encode(weights[k_unroll * k], weights[last] if last < weights.shape[0] else nothing, codes)
        for panel in range(panels.shape[0]):
            _copy(codes[panel * TILE_WIDTH : (panel + 1) * TILE_WIDTH], panels[panel, k])


@compiled
def _pack_transposed(weights: Any, panels: Any, k_unroll: int) -> None:
    """The same with weights (outputs, inputs), an even number of inputs."""
    codes = np.zeros((TILE_WIDTH, panels.shape[1]), panels.dtype)
    for panel in range(panels.shape[0]):
        rows = weights[panel * TILE_WIDTH : (panel + 1) * TILE_WIDTH]
        if rows.shape[0] < TILE_WIDTH:
            codes[...] = 0
        for column in range(rows.shape[0]):
            _encode(rows[column, ::k_unroll], rows[column, k_unroll - 1 :: k_unroll], codes[column])
        for k in range(panels.shape[1]):
            _copy(codes[:, k], panels[panel, k])


def padded(count: int, to: int) -> int:
    """The next multiple."""
    return -(-count // to) * to


def empty_operands(shape: tuple[int, ...], *, bf16: bool) -> npt.NDArray[Any]:
    """Room for operands, the last axis the inputs; their padding is zero."""
    *others, inputs = shape
    if not bf16:
        return aligned(shape, np.float32)
    operands = aligned((*others, padded(inputs, 2)), np.uint16)
    operands[..., inputs:] = 0
    return operands


def pack_weights(weights: npt.NDArray[np.float32], *, bf16: bool, transposed: bool = False) -> npt.NDArray[Any]:
    """Weights (inputs, outputs) in panels (outputs / TILE_WIDTH, inputs, TILE_WIDTH), zeros where they are padded.

    Pairs of inputs make one uint32. Transposed they are (outputs, inputs).
    """
    inputs, outputs = weights.shape[::-1] if transposed else weights.shape
    k_unroll, dtype = (2, np.uint32) if bf16 else (1, np.float32)
    shape = (padded(outputs, TILE_WIDTH) // TILE_WIDTH, padded(inputs, k_unroll) // k_unroll, TILE_WIDTH)
    panels = aligned(shape, dtype)
    (_pack_transposed if transposed else _pack)(weights, panels, k_unroll)
    return panels
