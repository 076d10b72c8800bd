"""The forward and the backward pass of an LSTM over a sequence, in compiled code, with all the memory they need.

The loops (kernels.py) go step by step; the gradient of the weights is one product over all steps (outer.py). The code
is compiled once on a machine, by a process of its own: `python -m charlstm.kernels.sequence PRECISION`.
"""

import os
import subprocess
import sys
from typing import Any

import numpy as np

from charlstm.kernels.jit import HAS_BF16, kept_signatures
from charlstm.kernels.lstm import lstm_backward, lstm_forward
from charlstm.kernels.packing import TILE_WIDTH, aligned, empty_operands, pack_weights, padded
from charlstm.kernels.weight_gradient import gemm_tn


def uses_bf16(precision: str) -> bool:
    """Whether operands are pairs of bfloat16; a processor that cannot multiply them takes float32."""
    return precision == "bfloat16" and HAS_BF16


def forward_pass(
    ids: Any, table: Any, panels: Any, sequence: Any, h: Any, c: Any, *, bf16: bool, needs_gradient: bool
) -> list[Any]:
    """Outputs, last c, gates, cells, operands: see `lstm_forward`."""
    time, batch, num_inputs = sequence.shape
    units = h.shape[1]
    operands = empty_operands((time + 1, batch, num_inputs + units), bf16=bf16)
    kept = time if needs_gradient else 1
    gates, cells = (aligned((kept, batch, width), np.float32) for width in (4 * units, units))
    outputs, workspace = (
        aligned(shape, np.float32) for shape in ((time, batch, units), (batch, padded(4 * units, TILE_WIDTH)))
    )
    lstm_forward(ids, table, panels, sequence, h, operands, c, gates, cells, outputs, workspace)
    return [outputs, cells[-1].copy(), gates, cells, operands]


def backward_pass(
    ids: Any, operands: Any, gates: Any, cells: Any, c: Any, panels: Any, d_outputs: Any, d_h: Any, d_c: Any,
    num_rows: Any, *, num_inputs: int,
) -> list[Any]:  # fmt: skip
    """Gradients of the sequence, the table, the weights and the first states: see `lstm_backward`."""
    time, batch, units = d_outputs.shape
    d_h, d_c, d_table = d_h.copy(), d_c.copy(), np.zeros((num_rows, 4 * units), np.float32)
    d_z = empty_operands((time, batch, 4 * units), bf16=operands.dtype == np.uint16)
    d_sequence = aligned((time, batch, num_inputs), np.float32)
    workspace = aligned((batch, padded(num_inputs + units, TILE_WIDTH)), np.float32)
    lstm_backward(ids, gates, cells, c, panels, d_outputs, d_h, d_c, d_z, d_sequence, d_table, workspace)
    before, after = (array.reshape(-1, array.shape[2]) for array in (operands[:-1], d_z))
    d_weights = gemm_tn(before, after)[: num_inputs + units]
    return [d_sequence, d_table, d_weights, d_h, d_c]


def compile_passes(precision: str) -> None:
    """Run both passes over a sequence of one character; the code is kept for other processes."""
    bf16 = uses_bf16(precision)
    weights = np.zeros((2, 4), np.float32)
    forward, backward = (pack_weights(weights, bf16=bf16, transposed=transposed) for transposed in (False, True))
    ids, table, state = np.zeros((1, 1), np.int32), np.zeros((1, 4), np.float32), np.zeros((1, 1), np.float32)
    outputs, _, gates, cells, operands = forward_pass(
        ids, table, forward, state[None], state, state, bf16=bf16, needs_gradient=True
    )
    backward_pass(ids, operands, gates, cells, state, backward, outputs, state, state, 1, num_inputs=1)


def start_compiling(precision: str) -> subprocess.Popen[bytes] | None:
    """Compile in a process of its own; None if there is code for this precision, or no place to keep any."""
    signatures, bf16 = kept_signatures(lstm_backward), uses_bf16(precision)
    if signatures is None or any(("uint16" in signature) == bf16 for signature in signatures):
        return None
    silence = subprocess.DEVNULL
    command = [
        sys.executable,
        "-P",
        "-m",
        "charlstm.kernels.sequence",
        precision,
    ]  # no file of the folder one stands in
    places = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(command, env=places, stdin=silence, stdout=silence, stderr=silence)  # noqa: S603


if __name__ == "__main__":
    compile_passes(sys.argv[1])
