"""The operations and projections of a cell in NumPy, on arrays (..., features)."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import accumulate

import numpy as np

from charlstm.arrays import FloatArray
from charlstm.cells.equations import Activation

Rounding = Callable[[FloatArray], FloatArray]


class NumpyOps:
    """The operations of a cell in NumPy."""

    def activate(self, x: FloatArray, activations: Sequence[Activation]) -> Sequence[FloatArray]:
        """Apply all activations at once, with sigmoid(x) = (tanh(x / 2) + 1) / 2: few calls, and no overflow."""
        width = x.shape[-1] // len(activations)
        scale, shift = _scale_and_shift(tuple(activations), width)
        results = x * scale
        np.tanh(results, out=results)
        results *= scale
        results += shift
        return [results[..., start : start + width] for start in range(0, x.shape[-1], width)]

    def sigmoid(self, x: FloatArray) -> FloatArray:
        return self.activate(x, ("sigmoid",))[0]

    def tanh(self, x: FloatArray) -> FloatArray:
        return np.tanh(x)

    def split(self, x: FloatArray, sizes: Sequence[int]) -> Sequence[FloatArray]:
        unit = x.shape[-1] // sum(sizes)
        ends = [end * unit for end in accumulate(sizes)]
        return [x[..., end - size * unit : end] for end, size in zip(ends, sizes, strict=True)]

    def concat(self, parts: Sequence[FloatArray]) -> FloatArray:
        return np.concatenate(parts, axis=-1)

    def is_zero(self, x: FloatArray) -> FloatArray:
        return np.asarray(x == 0, np.float32)


@cache
def _scale_and_shift(activations: tuple[Activation, ...], width: int) -> tuple[FloatArray, FloatArray]:
    """Return arrays (1, parts * width), so that one row needs no broadcasting."""
    is_sigmoid = np.repeat([[activation == "sigmoid" for activation in activations]], width, axis=1)
    return np.where(is_sigmoid, np.float32(0.5), np.float32(1)), np.where(is_sigmoid, np.float32(0.5), np.float32(0))


def round_to_bfloat16(values: FloatArray) -> FloatArray:
    """Return the nearest bfloat16 numbers, ties to even, as float32."""
    bits = values.astype(np.float32, copy=False).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).view(np.float32)


def keep_float32(values: FloatArray) -> FloatArray:
    """Return the values unrounded: the counterpart of `round_to_bfloat16`."""
    return values


class NumpyProjections:
    """The projections of one layer with its effective weights (`charlstm.cells.weights`).

    With `input_is_projected` the layer's input is x W + b already. Otherwise x and h are multiplied together: one
    matmul per step with the kernel above the recurrent kernel. `round_operands` rounds x and h before they are
    multiplied; the caller rounds the weights.
    """

    def __init__(
        self,
        weights: Mapping[str, FloatArray],
        *,
        round_operands: Rounding = keep_float32,
        input_is_projected: bool = False,
    ) -> None:
        self.weights = weights
        self._bias = weights["bias"][None]
        self._round, self._input_is_projected = round_operands, input_is_projected
        if "recurrent_kernel" in weights and not input_is_projected:
            self._kernels = np.concatenate([weights["kernel"], weights["recurrent_kernel"]])

    def gate_preactivations(self, x: FloatArray, h: FloatArray) -> FloatArray:
        product: FloatArray
        if self._input_is_projected:
            product = self._round(h) @ self.weights["recurrent_kernel"]
            product += x
        else:
            product = self._round(np.concatenate((x, h), axis=-1)) @ self._kernels
            product += self._bias
        return product

    def input_projection(self, x: FloatArray) -> FloatArray:
        if self._input_is_projected:
            return x
        product: FloatArray = self._round(x) @ self.weights["kernel"]
        return product + self._bias

    def recurrent_projection(self, h: FloatArray) -> FloatArray:
        product: FloatArray = self._round(h) @ self.weights["recurrent_kernel"]
        return product + self.weights["recurrent_bias"]

    def matmul(self, name: str, x: FloatArray) -> FloatArray:
        product: FloatArray = self._round(x) @ self.weights[name]
        return product

    def vector(self, name: str) -> FloatArray:
        return self.weights[name]
