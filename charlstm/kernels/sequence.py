"""One LSTM layer over a sequence, forward and backward, with the memory that it needs.

The loops (lstm.py) run step by step; the gradient of the weights (weight_gradient.py) is one product over all steps.
"""

import numpy as np

from charlstm.arrays import FloatArray, Ids
from charlstm.kernels.lstm import lstm_backward, lstm_forward
from charlstm.kernels.packing import NR, Operands, Panels, aligned_empty, empty_operands, pack_weights, round_up
from charlstm.kernels.target import uses_bf16
from charlstm.kernels.weight_gradient import gemm_tn


class LSTMKernel:
    """The loops of an LSTM layer in one precision, without state: threads may call them side by side.

    In "bfloat16" the operands of the products are rounded; sums, gates and states are float32. A processor that cannot
    multiply bfloat16 computes in float32. Packed weights and what is saved for `backward` are opaque to the caller.
    """

    def __init__(self, precision: str) -> None:
        self._bf16 = uses_bf16(precision)
        self.packed_dtype = np.dtype(np.uint32 if self._bf16 else np.float32)
        operand_dtype = np.dtype(np.uint16 if self._bf16 else np.float32)
        self.saved_dtypes = (np.dtype(np.float32), np.dtype(np.float32), operand_dtype)  # gates, cells, operands

    def pack(self, weights: FloatArray, *, transposed: bool = False) -> Panels:
        """Pack weights (inputs + units, 4 * units), kernel above recurrent kernel, for `forward`.

        With `transposed` they are packed for `backward`.
        """
        return pack_weights(weights, bf16=self._bf16, transposed=transposed)

    def forward(
        self,
        ids: Ids,
        table: FloatArray,
        packed: Panels,
        sequence: FloatArray,
        h: FloatArray,
        c: FloatArray,
        *,
        needs_gradient: bool,
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, Operands]:
        """Run over a sequence (time, batch, inputs), which may have no inputs, from states h and c (batch, units).

        ids (time, batch), int32, select rows of the table (rows, 4 * units), which are added to the products: the bias,
        or the projections of inputs that are looked up. Returns the outputs (time, batch, units), the last c and what
        `backward` needs: gates, cells and operands. Without `needs_gradient` these hold too few steps for it.
        """
        time, batch, num_inputs = sequence.shape
        units = h.shape[1]
        operands = empty_operands((time + 1, batch, num_inputs + units), bf16=self._bf16)
        num_saved = time if needs_gradient else 1
        gates = aligned_empty((num_saved, batch, 4 * units), np.float32)
        cells = aligned_empty((num_saved, batch, units), np.float32)
        outputs = aligned_empty((time, batch, units), np.float32)
        z = aligned_empty((batch, round_up(4 * units, NR)), np.float32)
        lstm_forward(ids, table, packed, sequence, h, operands, c, gates, cells, outputs, z)
        return outputs, cells[-1].copy(), gates, cells, operands

    def backward(
        self,
        ids: Ids,
        gates: FloatArray,
        cells: FloatArray,
        operands: Operands,
        c: FloatArray,
        packed: Panels,
        d_outputs: FloatArray,
        d_h: FloatArray,
        d_c: FloatArray,
        num_rows: int,
        *,
        num_inputs: int,
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return the gradients of the sequence, the table (num_rows, 4 * units), the weights, and the first h and c.

        d_outputs (time, batch, units) are the gradients of the outputs, d_h and d_c (batch, units) those of the last
        states; ids, c and what was saved are those of `forward`, and the weights are packed transposed.
        """
        time, batch, units = d_outputs.shape
        d_h, d_c, d_table = d_h.copy(), d_c.copy(), np.zeros((num_rows, 4 * units), np.float32)
        d_z = empty_operands((time, batch, 4 * units), bf16=self._bf16)
        d_sequence = aligned_empty((time, batch, num_inputs), np.float32)
        workspace = aligned_empty((batch, round_up(num_inputs + units, NR)), np.float32)
        lstm_backward(ids, gates, cells, c, packed, d_outputs, d_h, d_c, d_z, d_sequence, d_table, workspace)
        left, right = (array.reshape(-1, array.shape[2]) for array in (operands[:-1], d_z))
        d_weights = gemm_tn(left, right)[: num_inputs + units]
        return d_sequence, d_table, d_weights, d_h, d_c
