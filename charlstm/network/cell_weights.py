"""The weights of a layer of any cell, arranged for the loops in cell_loops.py."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf
from tensorflow import Tensor

from charlstm.cells.registry import Cell
from charlstm.cells.shapes import clockwork_mask

Matmul = Callable[[str, Tensor], Tensor]  # the name of a matrix, and its operand (rows, batch)


class PackedCellWeights:
    """The weights of one layer, packed once per training step.

    `matrices` holds everything that is multiplied with, by name. "gates" is kernel, bias and recurrent kernel one
    below the other; cells that project their input separately have "input" (kernel, bias) and "recurrent" (recurrent
    kernel, recurrent bias) instead. `vectors` are (units, 1).

    With a `table` of input projections, one row per character, the layer reads one-hot characters, and no gradient
    flows to its input.
    """

    def __init__(
        self, cell: Cell, units: int, weights: Mapping[str, Tensor], precision: str, *, table: Tensor | None = None
    ) -> None:
        self.dtype = tf.dtypes.as_dtype(precision)
        self.has_table = table is not None
        self._num_table_rows = 0 if table is None else table.shape[0]
        constants = cell.constants(units)
        packed = _pack(cell, _mask_clockwork(weights, constants), table)
        self.matrices = {name: weight for name, weight in packed.items() if len(weight.shape) == 2}
        self.vectors = {name: weight[:, None] for name, weight in packed.items() if len(weight.shape) == 1}
        self.constants = {name: np.array(values, np.float32)[:, None] for name, values in constants.items()}
        self._backward = {name: tf.cast(tf.stop_gradient(w), self.dtype) for name, w in self.matrices.items()}
        self._forward = {name: tf.transpose(weight) for name, weight in self._backward.items()}

    def num_outputs(self, name: str) -> int:
        """Return the number of rows of the product with a matrix."""
        return int(self.matrices[name].shape[1])

    def multiply(self, name: str, operand: Tensor) -> Tensor:
        """Return the product in float32 of a matrix and an operand in the precision of the matmuls."""
        return tf.cast(tf.matmul(self._forward[name], operand), tf.float32)

    def operand_gradient(self, name: str, d_product: Tensor) -> Tensor:
        """Return the gradient of the operand of a matmul; zeros for one-hot characters."""
        if not (self.has_table and name in ("gates", "input")):
            return tf.cast(tf.matmul(self._backward[name], d_product), tf.float32)
        d_characters = tf.zeros((self._num_table_rows, tf.shape(d_product)[1]))
        if name == "input":
            return d_characters
        d_state = tf.matmul(self._backward[name][self._num_table_rows :], d_product)
        return tf.concat([d_characters, tf.cast(d_state, tf.float32)], axis=0)


def _mask_clockwork(weights: Mapping[str, Tensor], constants: Mapping[str, Sequence[float]]) -> dict[str, Tensor]:
    if "periods" not in constants:
        return dict(weights)
    mask = np.array(clockwork_mask(constants["periods"]), np.float32)
    return {**weights, "recurrent_kernel": weights["recurrent_kernel"] * mask}


def _pack(cell: Cell, weights: dict[str, Tensor], table: Tensor | None) -> dict[str, Tensor]:
    """Return the weights with kernels and biases joined into the matrices that `PackedCellWeights` describes."""
    rest = dict(weights)
    kernel, bias = rest.pop("kernel"), rest.pop("bias")[None]
    input_rows = [kernel, bias] if table is None else [table]
    if not cell.projects_input_separately:
        recurrent_kernel = rest.pop("recurrent_kernel")
        return {"gates": tf.concat([*input_rows, recurrent_kernel], axis=0), **rest}
    matrices = {"input": tf.concat(input_rows, axis=0)}
    if "recurrent_kernel" in rest:
        recurrent_rows = [rest.pop("recurrent_kernel"), rest.pop("recurrent_bias")[None]]
        matrices["recurrent"] = tf.concat(recurrent_rows, axis=0)
    return {**matrices, **rest}


class CellProjections:
    """The projections of a cell in one step on arrays (features, batch); `matmul` does the multiplications.

    Biases are rows of the matrices, so the operands get a row of ones.
    """

    def __init__(self, weights: PackedCellWeights, vectors: Mapping[str, Tensor], matmul: Matmul) -> None:
        self._has_table = weights.has_table
        self._vectors = {**vectors, **weights.constants}
        self.matmul = matmul

    def gate_preactivations(self, x: Tensor, h: Tensor) -> Tensor:
        return self.matmul("gates", tf.concat([*self._input_rows(x), h], axis=0))

    def input_projection(self, x: Tensor) -> Tensor:
        return self.matmul("input", tf.concat(self._input_rows(x), axis=0))

    def recurrent_projection(self, h: Tensor) -> Tensor:
        return self.matmul("recurrent", tf.concat([h, _ones_row(h)], axis=0))

    def _input_rows(self, x: Tensor) -> list[Tensor]:
        return [x] if self._has_table else [x, _ones_row(x)]  # a table contains the bias

    def vector(self, name: str) -> Tensor:
        return self._vectors[name]


def _ones_row(x: Tensor) -> Tensor:
    return tf.ones((1, tf.shape(x)[1]))
