"""The whole network, compiled: stacked LSTM layers that read characters, and write them.

Weights come pack_weights (panels.py): for each layer those of what it multiplies, the first the recurrent ones alone, as its
input is looked up in a table (vocabulary, 4 * units); then those of the dense layer. States h and c are (layers,
streams, units) and go on from call to call. Nothing here hangs on how many streams there are: each has the same bits
as it would have alone.
"""

import math
from typing import Any

import numpy as np

from charlstm.kernels.gemm import gemm
from charlstm.kernels.jit import compiled
from charlstm.kernels.lstm import cast, gate_activations, update_cell_state, update_hidden_state
from charlstm.kernels.packing import TILE_WIDTH


@compiled
def run_characters(
    ids: Any, uniforms: Any, temperature: float, seen: Any, logits: Any, table: Any, biases: Any, panels: Any,
    output_panels: Any, output_bias: Any, has_residual: bool, h: Any, c: Any, operands: Any,
) -> None:  # fmt: skip
    """Read ids (time, streams), or draw them, if there are uniform numbers in [0, 1), (time, streams).

    They are drawn from logits (streams, vocabulary), which become those after the last; seen (time, streams,
    vocabulary) becomes the logits before each. A temperature of 0 is greedy. operands (layers + 1, streams, twice the
    units, padded), zeros, is workspace for what is multiplied.
    """
    gates, z, hidden, padded_logits = _rooms(panels, output_panels, h)
    cumulative = np.empty(logits.shape[1], np.float64)
    _take_up(h, operands)
    for t in range(ids.shape[0]):
        for b in range(ids.shape[1]):
            cast(logits[b], seen[t, b])
            if uniforms.shape[0]:
                ids[t, b] = _drawn(logits[b], uniforms[t, b], temperature, cumulative)
        _step(ids[t], table, biases, panels, has_residual, h, c, operands, gates, z, hidden)
        _give_logits(output_panels, output_bias, operands, padded_logits, logits)


@compiled
def _rooms(panels: Any, output_panels: Any, h: Any) -> Any:
    """For gates, projections, what goes up, and logits."""
    _, streams, units = h.shape
    return (
        np.empty(4 * units, np.float32),
        np.zeros((streams, panels[0].shape[0] * TILE_WIDTH), np.float32),
        np.empty((streams, units), np.float32),
        np.zeros((streams, output_panels.shape[0] * TILE_WIDTH), np.float32),
    )


@compiled
def _take_up(h: Any, operands: Any) -> None:
    """The states, among what is multiplied."""
    num_layers, streams, units = h.shape
    for layer in range(num_layers):
        for b in range(streams):
            cast(h[layer, b], operands[layer, b, (units if layer else 0) :])


@compiled
def _step(
    ids: Any, table: Any, biases: Any, panels: Any, has_residual: bool, h: Any, c: Any, operands: Any, gates: Any,
    z: Any, hidden: Any,
) -> None:  # fmt: skip
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


@compiled
def _give_logits(panels: Any, bias: Any, operands: Any, padded: Any, logits: Any) -> None:
    for b in range(logits.shape[0]):
        cast(bias, padded[b])
    gemm(panels, operands[-1], padded)
    for b in range(logits.shape[0]):
        cast(padded[b, : logits.shape[1]], logits[b])


@compiled
def _drawn(logits: Any, uniform: float, temperature: float, cumulative: Any) -> int:
    """An id by inverting the cumulative distribution, as `sampling.sample_ids`."""
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
    threshold, drawn = uniform * total, 0
    while drawn < logits.shape[0] - 1 and cumulative[drawn] <= threshold:
        drawn += 1
    return drawn
