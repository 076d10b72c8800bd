"""A recurrent layer of any cell in TensorFlow: one call of compiled code for all steps of a sequence.

Compiled code (charlstm.kernels) is opaque to TensorFlow, so its gradient is given with `tf.custom_gradient`. Arrays are
(time, batch, width).
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow import Tensor

from charlstm.cells.registry import get_cell
from charlstm.cells.weights import effective_weights
from charlstm.kernels import LayerKernel
from charlstm.network.compiled_layers import layer_kernel

Arrays = dict[str, npt.NDArray[Any]]


class PreparedLayer:
    """The weights of a layer as its kernel reads them: packed once per training step, and shared by all shards.

    With a `table` of input projections (vocabulary, gates), bias included, the layer reads ids instead of vectors.
    """

    def __init__(
        self, cell: str, weights: Mapping[str, Tensor], precision: str, *, is_first: bool, table: Tensor | None = None
    ) -> None:
        self._kernel = partial(layer_kernel, cell, precision, is_first=is_first, has_table=table is not None)
        self._is_trainable = get_cell(cell).is_trainable
        self._inputs, width = (int(size) for size in weights["kernel"].shape)
        self._units = width // self._kernel(needs_gradient=False).shapes["kernel"].num_blocks
        self._weights = effective_weights(get_cell(cell), self._units, weights)
        if table is not None:
            del self._weights["kernel"], self._weights["bias"]
            self._weights["table"] = table
        self._packed, self._packed_transposed = (self._pack(transposed=transposed) for transposed in (False, True))

    def _pack(self, *, transposed: bool) -> list[Tensor]:
        """Return the matrices in panels, and the vectors as they are."""
        kernel = self._kernel(needs_gradient=False)
        packed = []
        for name, weight in self._weights.items():
            values = tf.stop_gradient(tf.convert_to_tensor(weight))
            if name in kernel.shapes and kernel.shapes[name].rows:
                pack = partial(kernel.pack, name, units=self._units, inputs=self._inputs, transposed=transposed)
                values = _call(pack, [values], kernel.products.packed_dtype)
            packed.append(values)
        return packed

    def run(
        self, inputs: Mapping[str, Tensor], states: Sequence[Tensor], *, needs_gradient: bool = True
    ) -> tuple[dict[str, Tensor], list[Tensor]]:
        """Run over a sequence from states (batch, width).

        `inputs` are "x" (time, batch, features), or "ids" (time, batch) with a table, and "lower", the cell states of
        the layer below, if it passes them up. Returns "output" and perhaps "passed_up", (time, batch, units), and the
        last states. With `needs_gradient` they are differentiable with respect to inputs, states and weights.
        """
        kernel, num_states = self._kernel(needs_gradient=needs_gradient), len(states)
        num_outputs = len(kernel.result_names) + num_states
        dtypes = [tf.float32] * num_outputs + list(kernel.saved_dtypes.values())
        given = [*inputs.values(), *states]
        output_shape = (*given[0].shape[:2], self._units)
        shapes = [output_shape] * len(kernel.result_names) + [state.shape for state in states]

        def run_forward() -> tuple[list[Tensor], list[Tensor]]:
            """Return the outputs and what is saved."""
            forward = partial(self._forward, kernel, list(inputs), num_states)
            found = _call(forward, [*given, *self._packed], dtypes)
            for output, shape in zip(found[:num_outputs], shapes, strict=True):
                output.set_shape(shape)
            return found[:num_outputs], found[num_outputs:]

        @tf.custom_gradient
        def run(*arguments: Tensor) -> tuple[list[Tensor], Callable[..., list[Tensor | None]]]:
            outputs, saved = run_forward()

            def gradient(*d_outputs: Tensor) -> list[Tensor | None]:
                backward = partial(self._backward, kernel, list(inputs), num_states)
                d_arguments = [*given, *self._packed_transposed, *saved, *d_outputs]
                found = _call(backward, d_arguments, [tf.float32] * len(arguments))
                return [None if value.dtype.is_integer else d for value, d in zip(arguments, found, strict=True)]

            return outputs, gradient

        weights = map(tf.convert_to_tensor, self._weights.values())
        outputs = run(*given, *weights) if needs_gradient else run_forward()[0]
        results = dict(zip(kernel.result_names, outputs, strict=False))
        return results, list(outputs[len(results) :])

    def _forward(
        self, kernel: LayerKernel, names: Sequence[str], num_states: int, *arrays: npt.NDArray[Any]
    ) -> list[npt.NDArray[Any]]:
        """Run the loop forward on arrays: inputs, states, packed weights. Returns results, states and what is saved."""
        rest = list(arrays)
        inputs, states = _take(rest, names), [rest.pop(0) for _ in range(num_states)]
        results, last_states, saved = kernel.forward(inputs, states, _take(rest, self._weights), units=self._units)
        return [*results.values(), *last_states, *saved.values()]

    def _backward(
        self, kernel: LayerKernel, names: Sequence[str], num_states: int, *arrays: npt.NDArray[Any]
    ) -> list[npt.NDArray[Any]]:
        """Run the loop backward; the arrays end with what is saved and the gradients of results and states."""
        rest = list(arrays)
        inputs = _take(rest, names)
        del rest[:num_states]
        weights, saved = _take(rest, self._weights), _take(rest, kernel.saved_dtypes)
        d_results = _take(rest, [f"d_{name}" for name in kernel.result_names])
        gradients, d_states = kernel.backward(
            inputs, weights, saved, d_results, rest, units=self._units, needs_weights=self._is_trainable
        )
        zero = np.zeros((), np.float32)
        d_inputs = [gradients.get(f"d_{name}", zero) for name in names]
        return [*d_inputs, *d_states, *(gradients.get(name, zero) for name in self._weights)]


def _take(arrays: list[npt.NDArray[Any]], names: Any) -> Arrays:
    """Remove the first arrays, and return them by name."""
    return {name: arrays.pop(0) for name in names}


def _call(function: Callable[..., Any], arguments: Sequence[Tensor], dtypes: Any) -> Any:
    """Call compiled code from a graph. It has no state, so TensorFlow may run calls side by side, or leave them out."""
    return tf.numpy_function(function, arguments, dtypes, stateful=False)
