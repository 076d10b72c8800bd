"""The LSTM over a sequence, forward and backward, compiled: one call does all steps of some streams.

Input and state are multiplied together by one product a step (tiles.py); what follows it is one pass over the units.
The gradient of the weights is not made here: it is one large product of what the loops leave behind.
"""

from typing import Any

import numpy as np

from charlstm.kernels.gemm import gemm
from charlstm.kernels.jit import compiled
from charlstm.kernels.packing import to_operand

# tanh(x) = x P(x^2) / Q(x^2), a minimax fit of the relative error (2e-8 before rounding) up to LIMIT, where it is 1.
LIMIT = np.float32(9)
P0, P1, P2, P3, P4 = map(np.float32, (9.99999980e-01, 1.33810398e-01, 3.49560456e-03, 2.06093379e-05, 1.33549848e-08))
Q1, Q2, Q3, Q4 = map(np.float32, (4.67143554e-01, 2.58770456e-02, 3.28566107e-04, 7.77669730e-07))
ONE, HALF = np.float32(1), np.float32(0.5)


@compiled
def clip(x: Any, limit: Any) -> Any:
    """x, at least -limit and at most limit."""
    x = limit if x > limit else x
    return -limit if x < -limit else x


@compiled
def tanh(x: Any) -> Any:
    """To 3e-7 of itself; of what is not a number, not a number."""
    x = clip(x, LIMIT)
    s = x * x
    p = P0 + s * (P1 + s * (P2 + s * (P3 + s * P4)))
    q = ONE + s * (Q1 + s * (Q2 + s * (Q3 + s * Q4)))
    return clip(x * p / q, ONE)


@compiled
def sigmoid(x: Any) -> Any:
    return HALF + HALF * tanh(HALF * x)


# One small loop for each thing: so small that the compiler sees that no two arrays of it overlap, and vectorises it.


@compiled
def gate_activations(z: Any, gates: Any) -> None:
    units = gates.shape[0] // 4
    for j in range(2 * units):
        gates[j] = sigmoid(z[j])
    for j in range(2 * units, 3 * units):
        gates[j] = tanh(z[j])
    for j in range(3 * units, 4 * units):
        gates[j] = sigmoid(z[j])


@compiled
def update_cell_state(gates: Any, before: Any, c: Any) -> None:
    units = c.shape[0]
    for j in range(units):
        c[j] = gates[units + j] * before[j] + gates[j] * gates[2 * units + j]


@compiled
def update_hidden_state(gates: Any, c: Any, h: Any) -> None:
    for j in range(h.shape[0]):
        h[j] = gates[3 * h.shape[0] + j] * tanh(c[j])


@compiled
def cast(values: Any, operands: Any) -> None:
    for j in range(values.shape[0]):
        operands[j] = to_operand(values[j], operands)


@compiled
def _clear(values: Any) -> None:
    for j in range(values.shape[0]):
        values[j] = 0


@compiled
def _add(values: Any, totals: Any) -> None:
    for j in range(values.shape[0]):
        totals[j] += values[j]


@compiled
def _through_output(gates: Any, c: Any, d_output: Any, d_h: Any, d_c: Any, d_z: Any) -> None:
    units = c.shape[0]
    for j in range(units):
        squashed, o, d_new = tanh(c[j]), gates[3 * units + j], d_h[j] + d_output[j]
        d_c[j] += d_new * o * (ONE - squashed * squashed)
        d_z[3 * units + j] = d_new * squashed * o * (ONE - o)


@compiled
def _through_cell(gates: Any, before: Any, d_c: Any, d_z: Any) -> None:
    units = before.shape[0]
    for j in range(units):
        i, f, candidate, d_new = gates[j], gates[units + j], gates[2 * units + j], d_c[j]
        d_z[j] = d_new * candidate * i * (ONE - i)
        d_z[units + j] = d_new * before[j] * f * (ONE - f)
        d_z[2 * units + j] = d_new * i * (ONE - candidate * candidate)
        d_c[j] = d_new * f


@compiled
def lstm_forward(
    ids: Any, table: Any, panels: Any, inputs: Any, h: Any, operands: Any, c_before: Any, gates: Any, cells: Any,
    outputs: Any, z: Any,
) -> None:  # fmt: skip
    """Run an LSTM over a sequence.

    ids (time, streams) choose rows of the table (rows, 4 * units): the bias, or all that an input which is looked up
    comes to. inputs (time, streams, inputs), the first states h and c_before (streams, units); panels are the weights
    (inputs + units, 4 * units). Written are operands (time + 1, streams, inputs + units, padded), what was multiplied;
    gates (time, streams, 4 * units; i, f, candidate, o), cells and outputs (time, streams, units). Gates and cells may
    be shorter: then their last steps are left. z (streams, padded 4 * units) is workspace to work in.
    """
    time, streams, num_inputs = inputs.shape
    for b in range(streams):
        cast(h[b], operands[0, b, num_inputs:])
    for t in range(time):
        for b in range(streams):
            cast(inputs[t, b], operands[t, b])
            cast(table[ids[t, b]], z[b])
        gemm(panels, operands[t], z)
        kept = t % gates.shape[0]
        for b in range(streams):
            before = cells[(t - 1) % gates.shape[0], b] if t else c_before[b]
            gate_activations(z[b], gates[kept, b])
            update_cell_state(gates[kept, b], before, cells[kept, b])
            update_hidden_state(gates[kept, b], cells[kept, b], outputs[t, b])
            cast(outputs[t, b], operands[t + 1, b, num_inputs:])


@compiled
def lstm_backward(
    ids: Any, gates: Any, cells: Any, c_before: Any, panels: Any, d_outputs: Any, d_h: Any, d_c: Any, d_z: Any,
    d_inputs: Any, d_table: Any, workspace: Any,
) -> None:  # fmt: skip
    """The gradients of what `lstm_forward` did, from d_outputs (time, streams, units) and those of the last states.

    panels are the transposed weights (4 * units, inputs + units). d_h and d_c (streams, units) become the gradients of
    the first states. Written are d_z (time, streams, 4 * units), operands of the product that is the weights'
    gradient, and d_inputs (time, streams, inputs); d_table is added to. workspace (streams, padded inputs + units) is to
    work in.
    """
    time, streams, units = d_outputs.shape
    num_inputs, d_row = d_inputs.shape[2], np.empty(4 * units, np.float32)
    for t in range(time - 1, -1, -1):
        for b in range(streams):
            before = cells[t - 1, b] if t else c_before[b]
            _through_output(gates[t, b], cells[t, b], d_outputs[t, b], d_h[b], d_c[b], d_row)
            _through_cell(gates[t, b], before, d_c[b], d_row)
            _add(d_row, d_table[ids[t, b]])
            cast(d_row, d_z[t, b])
        for b in range(streams):
            _clear(workspace[b])
        gemm(panels, d_z[t], workspace)
        for b in range(streams):
            cast(workspace[b, :num_inputs], d_inputs[t, b])
            cast(workspace[b, num_inputs : num_inputs + units], d_h[b])
