"""The LSTM over a sequence, forward and backward: one call runs all steps of some streams.

A step multiplies input and state by the weights in one product (gemm.py), then makes one pass over the units. The
gradient of the weights is not computed here: it is one large product of what the loops leave behind
(weight_gradient.py). Gates are in Keras's order: i, f, candidate, o.
"""

from typing import Any

import numpy as np

from charlstm.kernels.gemm import gemm
from charlstm.kernels.jit import Array, jit
from charlstm.kernels.packing import to_operand

# tanh(x) = x P(x^2) / Q(x^2) up to TANH_LIMIT, where it is 1: a minimax fit, relative error 2e-8 before rounding.
TANH_LIMIT = np.float32(9)
P0, P1, P2, P3, P4 = map(np.float32, (9.99999980e-01, 1.33810398e-01, 3.49560456e-03, 2.06093379e-05, 1.33549848e-08))
Q1, Q2, Q3, Q4 = map(np.float32, (4.67143554e-01, 2.58770456e-02, 3.28566107e-04, 7.77669730e-07))
ONE, HALF = np.float32(1), np.float32(0.5)


@jit
def clip(x: Any, limit: Any) -> Any:
    """Return x limited to [-limit, limit]; NaN stays NaN."""
    x = limit if x > limit else x
    return -limit if x < -limit else x


@jit
def tanh(x: Any) -> Any:
    """Return tanh(x) with a relative error below 4e-7; NaN stays NaN."""
    x = clip(x, TANH_LIMIT)
    s = x * x
    p = P0 + s * (P1 + s * (P2 + s * (P3 + s * P4)))
    q = ONE + s * (Q1 + s * (Q2 + s * (Q3 + s * Q4)))
    return clip(x * p / q, ONE)


@jit
def sigmoid(x: Any) -> Any:
    return HALF + HALF * tanh(HALF * x)


# One short loop in each function: then LLVM proves that its arrays do not overlap, and vectorizes it.


@jit
def gate_activations(z: Array, gates: Array) -> None:
    """Write the activations of the pre-activations z (4 * units, padded) to gates (4 * units,)."""
    units = gates.shape[0] // 4
    for j in range(2 * units):
        gates[j] = sigmoid(z[j])
    for j in range(2 * units, 3 * units):
        gates[j] = tanh(z[j])
    for j in range(3 * units, 4 * units):
        gates[j] = sigmoid(z[j])


@jit
def update_cell_state(gates: Array, c_before: Array, c: Array) -> None:
    """Write c = f * c_before + i * candidate, (units,)."""
    units = c.shape[0]
    for j in range(units):
        c[j] = gates[units + j] * c_before[j] + gates[j] * gates[2 * units + j]


@jit
def update_hidden_state(gates: Array, c: Array, h: Array) -> None:
    """Write h = o * tanh(c), (units,)."""
    for j in range(h.shape[0]):
        h[j] = gates[3 * h.shape[0] + j] * tanh(c[j])


@jit
def cast(values: Array, operands: Array) -> None:
    """Convert float32 values to the type of the operands, float32 or bfloat16 as uint16."""
    for j in range(values.shape[0]):
        operands[j] = to_operand(values[j], operands)


@jit
def _clear(values: Array) -> None:
    for j in range(values.shape[0]):
        values[j] = 0


@jit
def _add(values: Array, totals: Array) -> None:
    for j in range(values.shape[0]):
        totals[j] += values[j]


@jit
def _hidden_state_gradient(gates: Array, c: Array, d_output: Array, d_h: Array, d_c: Array, d_z: Array) -> None:
    """Add the gradient through h = o * tanh(c) to d_c (units,), and write that of o to d_z (4 * units,)."""
    units = c.shape[0]
    for j in range(units):
        tanh_c, o, d_new = tanh(c[j]), gates[3 * units + j], d_h[j] + d_output[j]
        d_c[j] += d_new * o * (ONE - tanh_c * tanh_c)
        d_z[3 * units + j] = d_new * tanh_c * o * (ONE - o)


@jit
def _cell_state_gradient(gates: Array, c_before: Array, d_c: Array, d_z: Array) -> None:
    """Write the gradients of i, f and candidate to d_z (4 * units,), and replace d_c (units,) by that of c_before."""
    units = c_before.shape[0]
    for j in range(units):
        i, f, candidate, d_new = gates[j], gates[units + j], gates[2 * units + j], d_c[j]
        d_z[j] = d_new * candidate * i * (ONE - i)
        d_z[units + j] = d_new * c_before[j] * f * (ONE - f)
        d_z[2 * units + j] = d_new * i * (ONE - candidate * candidate)
        d_c[j] = d_new * f


@jit
def lstm_forward(
    ids: Array, table: Array, panels: Array, inputs: Array, h: Array, operands: Array, c_first: Array, gates: Array,
    cells: Array, outputs: Array, z: Array,
) -> None:  # fmt: skip
    """Run an LSTM over a sequence.

    ids (time, batch), int32, select rows of the table (rows, 4 * units): the bias, or the projections of inputs that
    are looked up. inputs (time, batch, inputs); panels are the weights (inputs + units, 4 * units); h and c_first
    (batch, units) are the first states.

    Writes the operands of the products (time + 1, batch, inputs + units, padded), gates (time, batch, 4 * units), cells
    and outputs (time, batch, units). Gates and cells may have fewer steps: then they are reused in turn. z (batch,
    4 * units, padded) is workspace.
    """
    time, batch, num_inputs = inputs.shape
    for b in range(batch):
        cast(h[b], operands[0, b, num_inputs:])
    for t in range(time):
        for b in range(batch):
            cast(inputs[t, b], operands[t, b])
            cast(table[ids[t, b]], z[b])
        gemm(panels, operands[t], z)
        saved = t % gates.shape[0]
        for b in range(batch):
            c_before = cells[(t - 1) % gates.shape[0], b] if t else c_first[b]
            gate_activations(z[b], gates[saved, b])
            update_cell_state(gates[saved, b], c_before, cells[saved, b])
            update_hidden_state(gates[saved, b], cells[saved, b], outputs[t, b])
            cast(outputs[t, b], operands[t + 1, b, num_inputs:])


@jit
def lstm_backward(
    ids: Array, gates: Array, cells: Array, c_first: Array, panels: Array, d_outputs: Array, d_h: Array, d_c: Array,
    d_z: Array, d_inputs: Array, d_table: Array, workspace: Array,
) -> None:  # fmt: skip
    """Compute the gradients of what `lstm_forward` did.

    d_outputs (time, batch, units) are the gradients of the outputs, d_h and d_c (batch, units) those of the last
    states, which become those of the first. ids, gates, cells and c_first are as in `lstm_forward`; panels are the
    transposed weights (4 * units, inputs + units).

    Writes d_z (time, batch, 4 * units), operands of the product that gives the weights' gradient, and d_inputs (time,
    batch, inputs); adds to d_table (rows, 4 * units). workspace is (batch, inputs + units, padded).
    """
    time, batch, units = d_outputs.shape
    num_inputs, d_row = d_inputs.shape[2], np.empty(4 * units, np.float32)
    for t in range(time - 1, -1, -1):
        for b in range(batch):
            c_before = cells[t - 1, b] if t else c_first[b]
            _hidden_state_gradient(gates[t, b], cells[t, b], d_outputs[t, b], d_h[b], d_c[b], d_row)
            _cell_state_gradient(gates[t, b], c_before, d_c[b], d_row)
            _add(d_row, d_table[ids[t, b]])
            cast(d_row, d_z[t, b])
        for b in range(batch):
            _clear(workspace[b])
        gemm(panels, d_z[t], workspace)
        for b in range(batch):
            cast(workspace[b, :num_inputs], d_inputs[t, b])
            cast(workspace[b, num_inputs : num_inputs + units], d_h[b])
