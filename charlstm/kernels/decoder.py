"""The whole network in compiled code: stacked LSTM layers that read characters, and sample them.

One call runs many characters, because a Python call for each would take longer than its arithmetic. A stream's results
do not depend on how many streams run beside it, to the bit.
"""

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from charlstm.arrays import FloatArray, Ids
from charlstm.kernels.gemm import gemm
from charlstm.kernels.jit import Array, jit
from charlstm.kernels.lstm import cast, gate_activations, update_cell_state, update_hidden_state
from charlstm.kernels.packing import NR, Operands, Panels, empty_operands, pack_weights
from charlstm.kernels.target import uses_bf16
from charlstm.machine import num_cores

States = list[tuple[FloatArray, FloatArray]]  # h and c of each layer, (streams, units) each
Uniforms = npt.NDArray[np.float64]  # random numbers in [0, 1)

MIN_STREAMS_PER_CORE = 8  # a thread for fewer takes longer to start than it saves


class Decoder:
    """A network of LSTM layers and a dense layer, its streams divided among the cores.

    It takes the projections of each character to the first layer's gates, `table` (vocabulary, 4 * units), the layers'
    weights by name ("kernel", "recurrent_kernel", "bias"), and the dense layer's kernel (units, vocabulary) and bias.
    The first layer's kernel and bias are part of the table. In "bfloat16" operands are rounded as in training.
    """

    def __init__(
        self,
        table: FloatArray,
        layers: Sequence[Mapping[str, FloatArray]],
        output_kernel: FloatArray,
        output_bias: FloatArray,
        *,
        has_residual: bool,
        precision: str,
    ) -> None:
        self._bf16 = uses_bf16(precision)
        self._num_layers, self._units, self._vocabulary_size = len(layers), table.shape[1] // 4, len(table)
        weights = [layers[0]["recurrent_kernel"]]
        weights += [np.concatenate([layer["kernel"], layer["recurrent_kernel"]]) for layer in layers[1:]]
        self._network = (
            np.ascontiguousarray(table),
            np.array([layer["bias"] for layer in layers[1:]], np.float32).reshape(-1, table.shape[1]),
            tuple(self._pack(layer_weights) for layer_weights in weights),
            self._pack(output_kernel),
            output_bias,
            has_residual,
        )
        self._num_cores = num_cores()
        self._threads = ThreadPoolExecutor(self._num_cores)
        self.read(np.zeros((1, 1), np.int32), self.initial_states(1))  # compiles, or loads the code

    def initial_states(self, num_streams: int) -> States:
        """Return zeros."""
        shape = 2, num_streams, self._units
        return [tuple(np.zeros(shape, np.float32)) for _ in range(self._num_layers)]

    def read(self, ids: Ids, states: States) -> tuple[FloatArray, States]:
        """Read ids (streams, time).

        Returns the logits after each character (streams, time, vocabulary), and the states after the last.
        """
        num_streams = len(ids)
        no_uniforms = np.empty((0, num_streams))
        no_logits = np.zeros((num_streams, self._vocabulary_size), np.float32)
        _, before, last, after = self._run(np.asarray(ids.T, np.int32), no_uniforms, 1.0, no_logits, states)
        return np.concatenate([before[1:], last[None]]).swapaxes(0, 1), after

    def sample(
        self, logits: FloatArray, states: States, uniforms: Uniforms, temperature: float
    ) -> tuple[Ids, FloatArray, FloatArray, States]:
        """Sample a character for each of the uniforms (time, streams), the first from logits (streams, vocabulary).

        Returns the ids (time, streams), the logits that each was sampled from (time, streams, vocabulary), the logits
        after the last (streams, vocabulary), and the states.
        """
        return self._run(np.empty(uniforms.shape, np.int32), uniforms, temperature, logits, states)

    def _run(
        self, ids: Ids, uniforms: Uniforms, temperature: float, logits: FloatArray, states: States
    ) -> tuple[Ids, FloatArray, FloatArray, States]:
        """Call `run_network` on each core, for a part of the streams."""

        def run(rows: slice) -> tuple[Ids, FloatArray, FloatArray, FloatArray, FloatArray]:
            h, c = (np.array([layer[index][rows] for layer in states], np.float32) for index in (0, 1))
            row_ids, row_logits = np.array(ids[:, rows], np.int32, order="C"), np.array(logits[rows], np.float32)
            before = np.empty((*row_ids.shape, row_logits.shape[1]), np.float32)
            row_uniforms = np.array(uniforms[:, rows], order="C")
            operands = self._zero_operands(len(row_logits))
            run_network(row_ids, row_uniforms, float(temperature), before, row_logits, *self._network, h, c, operands)
            return row_ids, before, row_logits, h, c

        parts = self._divide(len(logits))
        results = list(self._threads.map(run, parts)) if len(parts) > 1 else [run(parts[0])]
        if len(results) == 1:
            ids, before, last, h, c = results[0]
        else:
            stream_axes = (1, 1, 0, 1, 1)
            ids, before, last, h, c = map(np.concatenate, zip(*results, strict=True), stream_axes)
        return ids, before, last, list(zip(h, c, strict=True))

    def _divide(self, num_streams: int) -> list[slice]:
        """Divide the streams evenly among as many cores as are worth it."""
        num_parts = max(1, min(self._num_cores, num_streams // MIN_STREAMS_PER_CORE))
        bounds = np.linspace(0, num_streams, num_parts + 1).astype(int)
        return [slice(start, end) for start, end in pairwise(bounds)]

    def _pack(self, weights: FloatArray) -> Panels:
        return pack_weights(np.ascontiguousarray(weights), bf16=self._bf16)

    def _zero_operands(self, num_streams: int) -> Operands:
        operands = empty_operands((self._num_layers + 1, num_streams, 2 * self._units), bf16=self._bf16)
        operands[...] = 0
        return operands


@jit
def run_network(
    ids: Array, uniforms: Array, temperature: float, logits_before: Array, logits: Array, table: Array, biases: Array,
    panels: Any, output_panels: Array, output_bias: Array, has_residual: bool, h: Array, c: Array, operands: Array,
) -> None:  # fmt: skip
    """Read ids (time, streams), int32; or sample them, if there are uniforms (time, streams), float64.

    They are sampled from logits (streams, vocabulary), which become those after the last character; logits_before
    (time, streams, vocabulary) become those before each. A temperature of 0 is greedy.

    The first layer's inputs are looked up in the table (vocabulary, 4 * units); biases (layers - 1, 4 * units) are
    those of the other layers. `panels` is a tuple: the recurrent weights (units, 4 * units) of the first layer, and
    those of input and state (2 * units, 4 * units) of each other. output_panels (units, vocabulary), output_bias
    (vocabulary,). The states h and c (layers, streams, units) are updated. operands (layers + 1, streams, 2 * units,
    padded), zeros, is workspace.
    """
    gates, z, hidden, padded_logits = _workspace(panels, output_panels, h)
    cumulative = np.empty(logits.shape[1], np.float64)
    _load_states(h, operands)
    for t in range(ids.shape[0]):
        for b in range(ids.shape[1]):
            cast(logits[b], logits_before[t, b])
            if uniforms.shape[0]:
                ids[t, b] = _sample_id(logits[b], uniforms[t, b], temperature, cumulative)
        _step(ids[t], table, biases, panels, has_residual, h, c, operands, gates, z, hidden)
        _output_logits(output_panels, output_bias, operands, padded_logits, logits)


@jit
def _workspace(panels: Any, output_panels: Array, h: Array) -> Any:
    """Return arrays for gates, pre-activations, what a layer passes up, and padded logits."""
    _, streams, units = h.shape
    return (
        np.empty(4 * units, np.float32),
        np.zeros((streams, panels[0].shape[0] * NR), np.float32),
        np.empty((streams, units), np.float32),
        np.zeros((streams, output_panels.shape[0] * NR), np.float32),
    )


@jit
def _load_states(h: Array, operands: Array) -> None:
    """Copy the hidden states to the operands."""
    num_layers, streams, units = h.shape
    for layer in range(num_layers):
        for b in range(streams):
            cast(h[layer, b], operands[layer, b, (units if layer else 0) :])


@jit
def _step(
    ids: Array, table: Array, biases: Array, panels: Any, has_residual: bool, h: Array, c: Array, operands: Array,
    gates: Array, z: Array, hidden: Array,
) -> None:  # fmt: skip
    """Run all layers over one character of each stream: ids (streams,), hidden (streams, units)."""
    num_layers, streams, units = h.shape
    for layer in range(num_layers):
        for b in range(streams):
            cast(biases[layer - 1] if layer else table[ids[b]], z[b])
            if layer:
                cast(hidden[b], operands[layer, b])
        gemm(panels[layer], operands[layer], z)
        for b in range(streams):
            gate_activations(z[b], gates)
            update_cell_state(gates, c[layer, b], c[layer, b])
            update_hidden_state(gates, c[layer, b], h[layer, b])
            cast(h[layer, b], operands[layer, b, (units if layer else 0) :])
            if layer and has_residual:
                for j in range(units):
                    hidden[b, j] += h[layer, b, j]
            else:
                cast(h[layer, b], hidden[b])
    for b in range(streams):
        cast(hidden[b], operands[num_layers, b])


@jit
def _output_logits(panels: Array, bias: Array, operands: Array, padded_logits: Array, logits: Array) -> None:
    """Write the dense layer's logits (streams, vocabulary) of the last operands."""
    for b in range(logits.shape[0]):
        cast(bias, padded_logits[b])
    gemm(panels, operands[-1], padded_logits)
    for b in range(logits.shape[0]):
        cast(padded_logits[b, : logits.shape[1]], logits[b])


@jit
def _sample_id(logits: Array, uniform: float, temperature: float, cumulative: Array) -> int:
    """Return an id by inverting the cumulative distribution, as `sampling.sample_ids` does; cumulative is workspace."""
    best = 0
    for j in range(logits.shape[0]):
        if logits[j] > logits[best]:
            best = j
    if temperature == 0:
        return best
    total, highest = 0.0, np.float64(logits[best])
    for j in range(logits.shape[0]):
        total += math.exp((np.float64(logits[j]) - highest) / temperature)
        cumulative[j] = total
    threshold, sampled = uniform * total, 0
    while sampled < logits.shape[0] - 1 and cumulative[sampled] <= threshold:
        sampled += 1
    return sampled
