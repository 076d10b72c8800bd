"""Any cell over a sequence in TensorFlow, forward and backward, from its equations alone.

As in the LSTM's own loops (layers.py) arrays are (units, batch), input and state are multiplied with together, and the
gradient of each weight is one matmul after the loop. The loop forward keeps what each matmul was given and what each
sigmoid and tanh gave. The loop backward goes through the cell's equations once more with what is known, so that it
multiplies only for the gradient, and leaves the derivatives of the pointwise part to TensorFlow.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from charlstm.cells.registry import Cell
from charlstm.cells.shapes import clockwork_mask
from charlstm.network.operations import RecordingOps, ReplayOps, UnitsFirstOps, known

Tensor = Any
UNROLL = 4  # steps in one turn of a loop: fewer turns, each with a fixed cost; but it takes longer to build
Multiply = Callable[[str, Any], Any]  # the name of a weight, and what it is multiplied with


class LoopWeights:
    """The weights of a layer as the loops want them, made once a step.

    `matrices` are multiplied with, by their names: `both` is kernel, bias and recurrent kernel one below the other,
    `input` and `state` those of a cell that takes them apart, each with its bias. With a `table` of projections, one
    row a character, the layer reads one-hot characters, and what it reads does not learn. `vectors` are (units, 1).
    """

    def __init__(
        self, cell: Cell, units: int, weights: Mapping[str, Tensor], precision: str, *, table: Tensor | None = None
    ) -> None:
        self.dtype = tf.dtypes.as_dtype(precision)
        weights, constants = dict(weights), cell.constants(units)
        if "periods" in constants:
            allowed = np.array(clockwork_mask(list(constants["periods"])), np.float32)
            weights["recurrent_kernel"] = weights["recurrent_kernel"] * allowed
        kernel, bias = weights.pop("kernel"), weights.pop("bias")[None]
        rows = [kernel, bias] if table is None else [table]
        self.has_table = table is not None
        if cell.projects_input_separately:
            weights["input"] = tf.concat(rows, axis=0)
            if "recurrent_kernel" in weights:
                weights["state"] = tf.concat([weights.pop("recurrent_kernel"), weights.pop("recurrent_bias")[None]], 0)
        else:
            weights["both"] = tf.concat([*rows, weights.pop("recurrent_kernel")], axis=0)
        self.matrices = {name: weight for name, weight in weights.items() if len(weight.shape) == 2}
        self.vectors = {name: weight[:, None] for name, weight in weights.items() if len(weight.shape) == 1}
        self.constants = {name: np.array(values, np.float32)[:, None] for name, values in constants.items()}
        self.backward = {name: tf.cast(tf.stop_gradient(w), self.dtype) for name, w in self.matrices.items()}
        self.forward = {name: tf.transpose(weight) for name, weight in self.backward.items()}
        self.num_fixed = 0 if table is None else table.shape[0]  # rows of what is read that do not learn

    def gradient_of_operand(self, name: str, d_product: Tensor) -> Tensor:
        """The gradient of what a matrix was multiplied with; zeros for what does not learn."""
        if not (self.num_fixed and name in ("both", "input")):
            return tf.cast(tf.matmul(self.backward[name], d_product), tf.float32)
        fixed = tf.zeros((self.num_fixed, tf.shape(d_product)[1]))
        if name == "input":
            return fixed
        learning = tf.matmul(self.backward[name][self.num_fixed :], d_product)
        return tf.concat([fixed, tf.cast(learning, tf.float32)], axis=0)


class StepProjections:
    """A layer's weights for one step of a loop; `multiply` does the matmuls, one after the other."""

    def __init__(self, weights: LoopWeights, vectors: Mapping[str, Tensor], multiply: Multiply) -> None:
        self._weights, self._vectors, self.matmul = weights, {**vectors, **weights.constants}, multiply

    def gate_preactivations(self, x: Tensor, h: Tensor) -> Tensor:
        return self.matmul("both", tf.concat([*self._with_one(x), h], axis=0))

    def input_projection(self, x: Tensor) -> Tensor:
        return self.matmul("input", tf.concat(self._with_one(x), axis=0))

    def recurrent_projection(self, h: Tensor) -> Tensor:
        return self.matmul("state", tf.concat([h, tf.ones((1, tf.shape(h)[1]))], axis=0))

    def _with_one(self, x: Tensor) -> list[Tensor]:
        """The bias is a row of the weights, or part of the table."""
        return [x] if self._weights.has_table else [x, tf.ones((1, tf.shape(x)[1]))]

    def vector(self, name: str) -> Tensor:
        return self._vectors[name]


def run_cell(
    cell: Cell,
    weights: LoopWeights,
    sequence: Tensor,
    lower: Tensor | None,
    states: Sequence[Tensor],
    *,
    needs_gradient: bool = True,
) -> tuple[list[Tensor], list[Tensor]]:
    """Run a cell over a sequence (time, features, batch) from states (size, batch) each, all float32.

    `lower` is what the layer below hands up besides, (time, units, batch). Returns the outputs, each (time, units,
    batch), and the last states, in float32. With `needs_gradient` gradients can be taken of everything.
    """
    matrices = list(weights.matrices.values())
    batch = tf.shape(sequence)[2]
    vector_names = list(weights.vectors)
    # As wide as the batch, or their gradients would be summed over it at every step.
    vectors = [tf.broadcast_to(vector, (vector.shape[0], batch)) for vector in weights.vectors.values()]
    lowers = [] if lower is None else [lower]
    loops = _Loops(cell, weights, vector_names, num_lower=len(lowers))
    if not needs_gradient:
        outputs, after, _ = loops.forward(sequence, lowers, states, vectors, keep=False)
        return outputs, after
    count = len(states)

    @tf.custom_gradient
    def run(*given: Tensor) -> tuple[Any, Callable[..., Any]]:
        sequence, *rest = given
        lowers, rest = rest[: loops.num_lower], rest[loops.num_lower :]
        states, rest = rest[:count], rest[count:]
        vectors = rest[: len(vector_names)]
        outputs, after, kept = loops.forward(sequence, lowers, states, vectors, keep=True)

        def gradient(*d_results: Tensor) -> list[Tensor]:
            d_outputs, d_after = d_results[: len(outputs)], d_results[len(outputs) :]
            d_sequence, d_lowers, d_states, d_vectors, d_products = loops.backward(
                sequence, lowers, vectors, kept, d_outputs, d_after
            )
            d_matrices = map(weight_gradient, kept.operands, d_products)
            return [d_sequence, *d_lowers, *d_states, *d_vectors, *d_matrices]

        return (*outputs, *after), gradient

    results = run(sequence, *lowers, *states, *vectors, *matrices)
    num_outputs = len(results) - count
    return list(results[:num_outputs]), list(results[num_outputs:])


class _Kept:
    """What the loop forward keeps for the loop backward, each with time on the first axis.

    What a matmul gave is kept only where the cell multiplies it with something.
    """

    def __init__(
        self, states: list[Tensor], operands: list[Tensor], products: list[Tensor], squashed: list[Tensor]
    ) -> None:
        self.states, self.operands, self.products, self.squashed = states, operands, products, squashed


class _Loops:
    """The two loops of a cell."""

    def __init__(self, cell: Cell, weights: LoopWeights, vector_names: list[str], *, num_lower: int) -> None:
        self.cell, self.weights, self.vector_names, self.num_lower = cell, weights, vector_names, num_lower
        self.names = list(weights.matrices)
        self.first_kept = int(cell.uses_h_only_in_matmuls)  # of the states; the first stands in an operand already

    def step(
        self, ops: UnitsFirstOps, multiply: Multiply, vectors: Sequence[Tensor], x: Tensor, lower: Any, states: Any
    ) -> Any:
        """Outputs and new states of one step."""
        running = StepProjections(self.weights, dict(zip(self.vector_names, vectors, strict=True)), multiply)
        given = (x, lower[0] if lower else None) if self.cell.passes_cell_state_up else x
        outputs, after, _ = self.cell.step(ops, running, given, tuple(states))
        return list(outputs), list(after)

    def num_squashed(self, sequence: Tensor, states: Any, vectors: Any) -> int:
        """How often a step squashes something."""
        with tf.Graph().as_default():
            ops = RecordingOps()
            x, *others = (tf.zeros((array.shape[-2], 1)) for array in (sequence, *states, *vectors))
            lower = others[:1] * self.num_lower
            count = len(states)
            self.step(ops, self._zeros, others[count:], x, lower, others[:count])
            return len(ops.squashed)

    def _zeros(self, name: str, _: Tensor) -> Tensor:
        return tf.zeros((self.weights.matrices[name].shape[1], 1))

    def forward(self, sequence: Tensor, lowers: Any, states: Any, vectors: Any, *, keep: bool) -> Any:
        time = tf.shape(sequence)[0]
        dtype = self.weights.dtype
        num_outputs = 2 if self.cell.passes_cell_state_up else 1
        num_squashed = self.num_squashed(sequence, states, vectors) if keep else 0

        def arrays(count: int, kind: Any = tf.float32) -> list[tf.TensorArray]:
            return [tf.TensorArray(kind, time) for _ in range(count)]

        kept = (
            arrays(len(states[self.first_kept :]) if keep else 0),
            arrays(len(self.names) if keep else 0, dtype),
            arrays(len(self.cell.factors) if keep else 0),
            arrays(num_squashed),
        )

        def body(t: Tensor, states: Any, outputs: Any, kept: Any) -> Any:
            ops, seen = RecordingOps(), dict[str, tuple[Tensor, Tensor]]()

            def multiply(name: str, value: Tensor) -> Tensor:
                operand = tf.cast(value, dtype)
                seen[name] = operand, tf.cast(tf.matmul(self.weights.forward[name], operand), tf.float32)
                return seen[name][1]

            x, lower = tf.gather(sequence, t), [tf.gather(array, t) for array in lowers]
            made, after = self.step(ops, multiply, vectors, x, lower, states)
            operands, products = [seen[name][0] for name in self.names], [seen[name][1] for name in self.cell.factors]
            values = (states[self.first_kept :], operands, products, ops.squashed)
            return t + 1, after, _written(outputs, t, made), tuple(map(_written, kept, [t] * len(kept), values))

        _, after, outputs, kept = tf.while_loop(
            lambda t, *_: t < time,
            unrolled(body, sequence.shape[0]),
            (0, list(states), arrays(num_outputs), kept),
        )
        return _stacked(outputs), after, _Kept(*map(_stacked, kept))

    def backward(self, sequence: Tensor, lowers: Any, vectors: Any, kept: _Kept, d_outputs: Any, d_after: Any) -> Any:
        time = tf.shape(sequence)[0]
        dtype = self.weights.dtype

        def body(t: Tensor, d_states: Any, d_vectors: Any, d_sequence: Any, d_lowers: Any, d_products: Any) -> Any:
            now = [tf.gather(array, t) for array in (sequence, *lowers, *kept.states)]
            x, lower, states = now[0], now[1 : 1 + len(lowers)], now[1 + len(lowers) :]
            states = [*d_states[: self.first_kept], *states]  # of the first only the shape is needed
            found: dict[str, Tensor] = {}

            def multiply(name: str, value: Tensor) -> Tensor:
                def gradient(d_product: Tensor) -> Tensor:
                    found[name] = tf.cast(d_product, dtype)
                    return self.weights.gradient_of_operand(name, found[name])

                shape = (self.weights.matrices[name].shape[1], tf.shape(value)[1])
                if name in self.cell.factors:
                    return known(tf.gather(kept.products[self.cell.factors.index(name)], t), gradient)(value)
                return known(tf.zeros(shape), gradient)(value)

            sources = [x, *lower, *states, *vectors]
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(sources)
                ops = ReplayOps([tf.gather(array, t) for array in kept.squashed])
                made, after = self.step(ops, multiply, vectors, x, lower, states)
            d_made = [tf.gather(array, t) for array in d_outputs]
            d_now = tape.gradient(
                [*made, *after], sources, [*d_made, *d_states], unconnected_gradients=tf.UnconnectedGradients.ZERO
            )
            ends = np.cumsum([1, len(lower), len(states), len(vectors)])
            (d_x,), d_lower, d_states, d_more = (d_now[a:b] for a, b in zip([0, *ends], ends, strict=False))
            return (
                t - 1,
                d_states,
                [total + more for total, more in zip(d_vectors, d_more, strict=True)],
                _written(d_sequence, t, [d_x]),
                _written(d_lowers, t, d_lower),
                _written(d_products, t, [found[name] for name in self.names]),
            )

        _, d_states, d_vectors, d_sequence, d_lowers, d_products = tf.while_loop(
            lambda t, *_: t >= 0,
            unrolled(body, sequence.shape[0]),
            (
                time - 1,
                list(d_after),
                [tf.zeros_like(vector) for vector in vectors],
                [tf.TensorArray(tf.float32, time) for _ in range(0 if self.weights.has_table else 1)],
                [tf.TensorArray(tf.float32, time) for _ in lowers],
                [tf.TensorArray(dtype, time) for _ in self.names],
            ),
        )
        (d_inputs,) = _stacked(d_sequence) or [tf.zeros_like(sequence)]
        return d_inputs, _stacked(d_lowers), d_states, d_vectors, _stacked(d_products)


def unrolled(step: Callable[..., Any], time: int | None, most: int = UNROLL) -> Callable[..., Any]:
    """Several steps as one: the largest number up to `most` that divides the time."""
    num_steps = next(n for n in range(most, 0, -1) if (time or 1) % n == 0)

    def steps(*state: Any) -> Any:
        for _ in range(num_steps):
            state = step(*state)
        return state

    return steps


def _written(arrays: Sequence[tf.TensorArray], t: Tensor, values: Sequence[Tensor]) -> list[tf.TensorArray]:
    """The arrays with values at t; none if there are no arrays to keep them in."""
    return [array.write(t, value) for array, value in zip(arrays, values, strict=False)]


def _stacked(arrays: Sequence[tf.TensorArray]) -> list[Tensor]:
    return [array.stack() for array in arrays]


def weight_gradient(operands: Tensor, d_products: Tensor) -> Tensor:
    """(inputs, outputs), summed over time and batch by one matmul over both."""
    flat = [tf.reshape(tf.transpose(array, (1, 0, 2)), (array.shape[1], -1)) for array in (operands, d_products)]
    return tf.cast(tf.matmul(*flat, transpose_b=True), tf.float32)
