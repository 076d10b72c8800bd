"""Any cell over a sequence in TensorFlow, forward and backward, from its equations alone.

The loop forward saves the operand of each matmul and the result of each sigmoid and tanh. The loop backward runs the
cell's equations again with these results, so that it multiplies only for the gradient, and leaves the derivatives of
the pointwise part to TensorFlow. The gradient of each weight matrix is one matmul after the loop.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf
from tensorflow import Tensor

from charlstm.cells.registry import Cell
from charlstm.cells.stack import step_cell
from charlstm.network.cell_weights import CellProjections, Matmul, PackedCellWeights
from charlstm.network.tensorflow_ops import UnitsFirstOps, recording_ops, replay, replaying_ops
from charlstm.network.time_loop import empty_array, read_at, stack, unroll, write_at

LoopStates = list[Tensor]  # of one layer, each (size, batch)


class LoopInputs(NamedTuple):
    """Everything that a loop reads, or the part that one step reads, or the gradients of either."""

    sequence: Tensor  # (time, features, batch)
    lower: list[Tensor]  # the cell state of the layer below, (time, units, batch), if it passes one up
    states: LoopStates
    vectors: dict[str, Tensor]  # weights of one number per unit, (units, batch)


class Saved(NamedTuple):
    """The part of the loop forward that the loop backward needs, each array with time on the first axis."""

    states: LoopStates  # before each step; without h if it occurs only in operands
    operands: dict[str, Tensor]  # of each matmul, in the precision of the matmuls
    products: dict[str, Tensor]  # of the matmuls in `Cell.saved_products`
    activations: list[Tensor]  # the results of every sigmoid and tanh in order


def run_cell(
    cell: Cell,
    weights: PackedCellWeights,
    sequence: Tensor,
    lower: Tensor | None,
    states: Sequence[Tensor],
    *,
    needs_gradient: bool = True,
) -> tuple[Tensor, Tensor | None, LoopStates]:
    """Run a cell over a sequence (time, features, batch) from states (size, batch) each, all float32.

    `lower` is the cell state that the layer below passes up, (time, units, batch). Returns the outputs (time, units,
    batch), the cell states to pass up, and the last states. With `needs_gradient` all of them are differentiable with
    respect to all arguments and the weights.
    """
    batch = tf.shape(sequence)[2]
    # As wide as the batch: otherwise every step would sum their gradients over the batch.
    vectors = {name: tf.broadcast_to(v, (v.shape[0], batch)) for name, v in weights.vectors.items()}
    inputs = LoopInputs(sequence, [] if lower is None else [lower], list(states), vectors)
    if needs_gradient:
        outputs, new_states = _run_differentiably(cell, weights, inputs)
    else:
        outputs, new_states, _ = _run_forward(cell, weights, inputs, save=False)
    output, *passed_up = outputs
    return output, passed_up[0] if passed_up else None, new_states


def _run_differentiably(cell: Cell, weights: PackedCellWeights, inputs: LoopInputs) -> tuple[list[Tensor], LoopStates]:
    """Run the loop forward with the loop backward as its gradient."""

    @tf.custom_gradient
    def run(inputs: LoopInputs, _: dict[str, Tensor]) -> tuple[Any, Callable[..., Any]]:
        outputs, states, saved = _run_forward(cell, weights, inputs, save=True)

        def gradient(*d_results: Tensor) -> tuple[LoopInputs, dict[str, Tensor]]:
            d_outputs, d_states = list(d_results[: len(outputs)]), list(d_results[len(outputs) :])
            d_inputs, d_products = _run_backward(cell, weights, inputs, saved, d_outputs, d_states)
            return d_inputs, {name: _weight_gradient(saved.operands[name], d) for name, d in d_products.items()}

        return (outputs, states), gradient

    outputs, states = run(inputs, weights.matrices)
    return outputs, states


def _step(
    cell: Cell, weights: PackedCellWeights, ops: UnitsFirstOps, matmul: Matmul, inputs: LoopInputs
) -> tuple[list[Tensor], LoopStates]:
    """Run one step; return its output, with the cell state it passes up if it does, and its states."""
    projections = CellProjections(weights, inputs.vectors, matmul)
    lower = inputs.lower[0] if inputs.lower else None
    step = step_cell(cell, ops, projections, inputs.sequence, lower, tuple(inputs.states))
    outputs = [step.output] if step.passed_up is None else [step.output, step.passed_up]
    return outputs, list(step.states)


def _step_inputs(inputs: LoopInputs, t: Tensor, states: LoopStates) -> LoopInputs:
    return LoopInputs(read_at(inputs.sequence, t), read_at(inputs.lower, t), states, inputs.vectors)


def _num_unsaved_states(cell: Cell) -> int:
    """Return 1 if h, the first state, need not be saved because the cell uses only the operand that contains it."""
    return int(cell.uses_h_only_in_matmuls)


def _run_forward(
    cell: Cell, weights: PackedCellWeights, inputs: LoopInputs, *, save: bool
) -> tuple[list[Tensor], LoopStates, Saved]:
    """Run all steps; return the outputs (time, units, batch), the last states, and the arrays to save."""
    num_steps = tf.shape(inputs.sequence)[0]

    def step(t: Tensor, states: LoopStates, outputs: Any, saved: Any) -> Any:
        activations, operands, products = list[Tensor](), dict[str, Tensor](), dict[str, Tensor]()

        def matmul(name: str, value: Tensor) -> Tensor:
            operands[name] = tf.cast(value, weights.dtype)
            products[name] = weights.multiply(name, operands[name])
            return products[name]

        step_outputs, new_states = _step(
            cell, weights, recording_ops(activations), matmul, _step_inputs(inputs, t, states)
        )
        if save:
            saved_products = {name: products[name] for name in cell.saved_products}
            values = Saved(states[_num_unsaved_states(cell) :], operands, saved_products, activations)
            saved = write_at(saved, t, values)
        return t + 1, new_states, write_at(outputs, t, step_outputs), saved

    outputs = [empty_array(num_steps) for _ in range(2 if cell.passes_cell_state_up else 1)]
    saved = _empty_saved(cell, weights, inputs) if save else Saved([], {}, {}, [])
    _, states, outputs, saved = tf.while_loop(
        lambda t, *_: t < num_steps, unroll(step, inputs.sequence.shape[0]), (0, inputs.states, outputs, saved)
    )
    return stack(outputs), states, stack(saved)


def _empty_saved(cell: Cell, weights: PackedCellWeights, inputs: LoopInputs) -> Saved:
    """Return a TensorArray for each array to save."""
    num_steps = tf.shape(inputs.sequence)[0]
    return Saved(
        states=[empty_array(num_steps) for _ in inputs.states[_num_unsaved_states(cell) :]],
        operands={name: empty_array(num_steps, weights.dtype) for name in weights.matrices},
        products={name: empty_array(num_steps) for name in cell.saved_products},
        activations=[empty_array(num_steps) for _ in range(_count_activations(cell, weights, inputs))],
    )


def _count_activations(cell: Cell, weights: PackedCellWeights, inputs: LoopInputs) -> int:
    """Return the number of sigmoids and tanhs in a step, by tracing one on zeros in a graph of its own."""
    with tf.Graph().as_default():
        activations: list[Tensor] = []
        zeros = tf.nest.map_structure(lambda array: tf.zeros((array.shape[-2], 1)), inputs)
        ops = recording_ops(activations)
        _step(cell, weights, ops, lambda name, _: tf.zeros((weights.num_outputs(name), 1)), zeros)
        return len(activations)


def _run_backward(
    cell: Cell,
    weights: PackedCellWeights,
    inputs: LoopInputs,
    saved: Saved,
    d_outputs: list[Tensor],
    d_states: LoopStates,
) -> tuple[LoopInputs, dict[str, Tensor]]:
    """Run all steps backward; return the gradients of the inputs, and of the product of each matmul over time."""
    num_steps = tf.shape(inputs.sequence)[0]

    def step(t: Tensor, d_states: LoopStates, d_vectors: dict[str, Tensor], arrays: Any) -> Any:
        unsaved = d_states[: _num_unsaved_states(cell)]  # stand in for h, of which only the shape is needed
        now = _step_inputs(inputs, t, [*unsaved, *read_at(saved.states, t)])
        d_results = read_at(d_outputs, t), d_states
        d_now, d_products = _step_backward(cell, weights, now, read_at(saved._replace(operands={}), t), d_results)
        d_vectors = {name: total + d_now.vectors[name] for name, total in d_vectors.items()}
        d_sequence = [] if weights.has_table else [d_now.sequence]
        return t - 1, d_now.states, d_vectors, write_at(arrays, t, (d_sequence, d_now.lower, d_products))

    arrays = (
        [] if weights.has_table else [empty_array(num_steps)],
        [empty_array(num_steps) for _ in inputs.lower],
        {name: empty_array(num_steps, weights.dtype) for name in weights.matrices},
    )
    d_vectors = {name: tf.zeros_like(vector) for name, vector in inputs.vectors.items()}
    _, d_states, d_vectors, arrays = tf.while_loop(
        lambda t, *_: t >= 0, unroll(step, inputs.sequence.shape[0]), (num_steps - 1, d_states, d_vectors, arrays)
    )
    d_sequence, d_lower, d_products = stack(arrays)
    (d_sequence,) = d_sequence or [tf.zeros_like(inputs.sequence)]
    return LoopInputs(d_sequence, d_lower, d_states, d_vectors), d_products


def _step_backward(
    cell: Cell, weights: PackedCellWeights, inputs: LoopInputs, saved: Saved, d_results: Any
) -> tuple[LoopInputs, dict[str, Tensor]]:
    """Return the gradients of one step's inputs and of the products of its matmuls."""
    d_products: dict[str, Tensor] = {}

    def matmul(name: str, value: Tensor) -> Tensor:
        def gradient(d_product: Tensor) -> Tensor:
            d_products[name] = tf.cast(d_product, weights.dtype)
            return weights.operand_gradient(name, d_products[name])

        product = saved.products.get(name)
        if product is None:  # the gradient does not depend on it
            product = tf.zeros((weights.num_outputs(name), tf.shape(value)[1]))
        return replay(value, product, gradient)

    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(inputs)
        results = _step(cell, weights, replaying_ops(saved.activations), matmul, inputs)
    d_inputs = tape.gradient(results, inputs, d_results, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return d_inputs, d_products


def _weight_gradient(operands: Tensor, d_products: Tensor) -> Tensor:
    """Return the gradient (inputs, outputs) of a matrix, summed over time and batch by one matmul."""
    flat = [tf.reshape(tf.transpose(array, (1, 0, 2)), (array.shape[1], -1)) for array in (operands, d_products)]
    return tf.cast(tf.matmul(*flat, transpose_b=True), tf.float32)
