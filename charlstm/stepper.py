"""A loaded model, one character at a time, in NumPy."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from charlstm.cells import CELLS, States
from charlstm.modelfile import Model
from charlstm.vocabulary import Ids

Floats = npt.NDArray[np.float32]


class NumpyOperations:
    """What a cell needs, in NumPy."""

    def activate(self, x: Floats, kinds: str) -> Sequence[Floats]:
        """All parts at once, sigmoids as (tanh(x / 2) + 1) / 2: few calls, and no overflow."""
        width = x.shape[-1] // len(kinds)
        scale, shift = _scale_and_shift(kinds, width)
        squashed = x * scale
        np.tanh(squashed, out=squashed)
        squashed *= scale
        squashed += shift
        return [squashed[..., start : start + width] for start in range(0, x.shape[-1], width)]

    def tanh(self, x: Floats) -> Floats:
        return np.tanh(x)


@cache
def _scale_and_shift(kinds: str, width: int) -> tuple[Floats, Floats]:
    is_sigmoid = np.repeat([[kind == "s" for kind in kinds]], width, axis=1)  # (1, width): no broadcasting for one row
    return np.where(is_sigmoid, np.float32(0.5), np.float32(1)), np.where(is_sigmoid, np.float32(0.5), np.float32(0))


class LayerWeights:
    """The weights of one layer, kernel and recurrent kernel one below the other: one matmul a step."""

    def __init__(self, kernel: Floats, recurrent_kernel: Floats, bias: Floats) -> None:
        self._both, self._kernel = np.concatenate([kernel, recurrent_kernel]), kernel
        self._bias = bias[None]

    def of_both(self, x: Floats, h: Floats) -> Floats:
        projections: Floats = np.concatenate((x, h), axis=-1) @ self._both
        projections += self._bias
        return projections

    def ahead(self, inputs: Floats) -> Floats:
        """The projections of inputs (..., features), which do not have to wait for any state."""
        return inputs @ self._kernel + self._bias


class ProjectedWeights:
    """The weights of one layer whose inputs come projected already."""

    def __init__(self, recurrent_kernel: Floats) -> None:
        self._recurrent_kernel = recurrent_kernel

    def of_both(self, x: Floats, h: Floats) -> Floats:
        projections: Floats = h @ self._recurrent_kernel
        projections += x
        return projections


class Stepper:
    """Runs a model over characters and hands out logits; the caller keeps the states.

    The embedding is multiplied with the first kernel once, at the start, so that the first layer's input projection
    is a look-up.
    """

    def __init__(self, model: Model) -> None:
        weights = model.weights
        self.vocabulary = model.vocabulary
        self._units = model.config.units
        self._cell = CELLS[model.config.cell]
        self._ops = NumpyOperations()
        parts = [
            tuple(weights[f"layers.{layer}.{part}"] for part in ("kernel", "recurrent_kernel", "bias"))
            for layer in range(model.config.num_layers)
        ]
        self._layers = [LayerWeights(*arrays) for arrays in parts]
        self._projected = [ProjectedWeights(recurrent_kernel) for _, recurrent_kernel, _ in parts]
        self._table = self._layers[0].ahead(weights["embedding"])  # (vocabulary, gates * units)
        self._output_kernel, self._output_bias = weights["output.kernel"], weights["output.bias"][None]

    def initial_states(self, batch_size: int = 1) -> list[States]:
        """Zeros: for each layer the cell's states, each (batch_size, units)."""
        zeros = np.zeros((batch_size, self._units), np.float32)
        return [(zeros,) * self._cell.num_states for _ in self._layers]

    def step(self, ids: Ids, states: list[States]) -> tuple[Floats, list[States]]:
        """Read one character of each stream.

        ids is (batch,); returns logits of the next character, (batch, vocabulary), and the states after it.
        """
        hidden, after, _ = self._cell.step(self._ops, self._projected[0], self._table[ids], states[0])
        new_states = [after]
        for weights, before in zip(self._layers[1:], states[1:], strict=True):
            output, after, _ = self._cell.step(self._ops, weights, hidden, before)
            hidden = hidden + output
            new_states.append(after)
        return self._logits(hidden), new_states

    def read(self, ids: Ids, states: list[States]) -> tuple[Floats, list[States]]:
        """Read several characters of each stream, layer by layer: faster than step after step.

        ids is (batch, time); returns logits (batch, time, vocabulary), and the states after the last character.
        """
        new_states: list[States] = []
        hidden: Any = None
        for layer, state in enumerate(states):
            inputs = self._table[ids] if hidden is None else self._layers[layer].ahead(hidden)
            outputs = np.empty((*ids.shape, self._units), np.float32)
            for time in range(ids.shape[1]):
                outputs[:, time], state, _ = self._cell.step(self._ops, self._projected[layer], inputs[:, time], state)
            hidden = outputs if hidden is None else hidden + outputs
            new_states.append(state)
        return self._logits(hidden), new_states

    def _logits(self, hidden: Floats) -> Floats:
        logits: Floats = hidden @ self._output_kernel
        logits += self._output_bias
        return logits
