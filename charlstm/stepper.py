"""A loaded model, one character at a time, in NumPy."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from charlstm.cells import CELLS, States
from charlstm.modelfile import Model
from charlstm.vocabulary import Ids

Floats = npt.NDArray[np.float32]


class NumpyOperations:
    """What a cell needs, in NumPy."""

    def sigmoid(self, x: Floats) -> Floats:
        half = np.float32(0.5)
        return np.asarray(np.tanh(x * half) * half + half)  # no overflow, unlike 1 / (1 + e^-x)

    def tanh(self, x: Floats) -> Floats:
        return np.tanh(x)

    def split(self, x: Floats, parts: int) -> Sequence[Floats]:
        width = x.shape[-1] // parts
        return [x[..., part * width : (part + 1) * width] for part in range(parts)]


class Stepper:
    """Runs a model over characters and hands out logits; the caller keeps the states.

    The embedding is multiplied with the first kernel once, at the start, so that the first layer's input projection
    is a look-up.
    """

    def __init__(self, model: Model) -> None:
        weights = model.weights
        self.vocabulary_size = len(model.vocabulary)
        self._units = model.config.units
        self._cell = CELLS[model.config.cell]
        self._ops = NumpyOperations()
        self._layers = [
            tuple(weights[f"layers.{layer}.{part}"] for part in ("kernel", "recurrent_kernel", "bias"))
            for layer in range(model.config.num_layers)
        ]
        kernel, _, bias = self._layers[0]
        self._first_projection = weights["embedding"] @ kernel + bias  # (vocabulary, gates * units)
        self._output_kernel, self._output_bias = weights["output.kernel"], weights["output.bias"]

    def initial_states(self, batch_size: int = 1) -> list[States]:
        """Zeros: for each layer the cell's states, each (batch_size, units)."""
        zeros = np.zeros((batch_size, self._units), np.float32)
        return [(zeros,) * self._cell.num_states for _ in self._layers]

    def step(self, ids: Ids, states: list[States]) -> tuple[Floats, list[States]]:
        """Read one character of each stream.

        ids is (batch,); returns logits of the next character, (batch, vocabulary), and the states after it.
        """
        new_states: list[States] = []
        projection = self._first_projection[ids]
        output: Any = None
        for (_, recurrent_kernel, _), before in zip(self._layers, states, strict=True):
            if output is not None:
                kernel, _, bias = self._layers[len(new_states)]
                projection = output @ kernel + bias
            after, _ = self._cell.step(self._ops, projection + before[0] @ recurrent_kernel, before)
            output = after[0] if output is None else output + after[0]
            new_states.append(after)
        return output @ self._output_kernel + self._output_bias, new_states

    def read(self, ids: Ids, states: list[States]) -> tuple[Floats, list[States]]:
        """Read several characters of each stream, layer by layer: faster than step after step.

        ids is (batch, time); returns logits (batch, time, vocabulary), and the states after the last character.
        """
        new_states: list[States] = []
        outputs: Any = None
        for layer, (kernel, recurrent_kernel, bias) in enumerate(self._layers):
            projections = self._first_projection[ids] if outputs is None else outputs @ kernel + bias
            state, hidden = states[layer], np.empty((*ids.shape, self._units), np.float32)
            for time in range(ids.shape[1]):
                state, _ = self._cell.step(self._ops, projections[:, time] + state[0] @ recurrent_kernel, state)
                hidden[:, time] = state[0]
            outputs = hidden if outputs is None else outputs + hidden
            new_states.append(state)
        return outputs @ self._output_kernel + self._output_bias, new_states
