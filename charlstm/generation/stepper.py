"""A loaded model, one character at a time, in NumPy."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from charlstm.arrays import FloatArray, Ids
from charlstm.cells.equations import States
from charlstm.cells.registry import get_cell
from charlstm.cells.shapes import ATTENTION_DIM, clockwork_mask, layer_shapes, state_sizes
from charlstm.storage.model_file import Model

Rounding = Callable[[FloatArray], FloatArray]


class NumpyOps:
    """What a cell needs, in NumPy: arrays are (..., units)."""

    def activate(self, x: FloatArray, kinds: str) -> Sequence[FloatArray]:
        """All parts at once, sigmoids as (tanh(x / 2) + 1) / 2: few calls, and no overflow."""
        width = x.shape[-1] // len(kinds)
        scale, shift = _scale_and_shift(kinds, width)
        squashed = x * scale
        np.tanh(squashed, out=squashed)
        squashed *= scale
        squashed += shift
        return [squashed[..., start : start + width] for start in range(0, x.shape[-1], width)]

    def tanh(self, x: FloatArray) -> FloatArray:
        return np.tanh(x)

    def split(self, x: FloatArray, shares: Sequence[int]) -> Sequence[FloatArray]:
        share = x.shape[-1] // sum(shares)
        ends = [sum(shares[: place + 1]) * share for place in range(len(shares))]
        return [x[..., end - size * share : end] for end, size in zip(ends, shares, strict=True)]

    def concat(self, parts: Sequence[FloatArray]) -> FloatArray:
        return np.concatenate(parts, axis=-1)

    def is_zero(self, x: FloatArray) -> FloatArray:
        return np.asarray(x == 0, np.float32)


@cache
def _scale_and_shift(kinds: str, width: int) -> tuple[FloatArray, FloatArray]:
    is_sigmoid = np.repeat([[kind == "s" for kind in kinds]], width, axis=1)  # (1, width): no broadcasting for one row
    return np.where(is_sigmoid, np.float32(0.5), np.float32(1)), np.where(is_sigmoid, np.float32(0.5), np.float32(0))


def bfloat16(values: FloatArray) -> FloatArray:
    """The nearest bfloat16 numbers, ties to even, in float32."""
    bits = values.view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).view(np.float32)


def unchanged(values: FloatArray) -> FloatArray:
    return values


class ProjectedWeights:
    """The weights of one layer whose inputs come projected already; what they multiply is `rounded`."""

    def __init__(
        self, weights: Mapping[str, FloatArray], constants: Mapping[str, Sequence[float]], rounded: Rounding = unchanged
    ) -> None:
        self._weights, self._rounded = dict(weights), rounded
        self._weights |= {name: np.array(values, np.float32) for name, values in constants.items()}
        if "periods" in constants:
            self._weights["recurrent_kernel"] = weights["recurrent_kernel"] * np.array(
                clockwork_mask(list(constants["periods"])), np.float32
            )

    def gate_preactivations(self, x: FloatArray, h: FloatArray) -> FloatArray:
        projections: FloatArray = self._rounded(h) @ self._weights["recurrent_kernel"]
        projections += x
        return projections

    def input_projection(self, x: FloatArray) -> FloatArray:
        return x

    def recurrent_projection(self, h: FloatArray) -> FloatArray:
        return h @ self._weights["recurrent_kernel"] + self._weights["recurrent_bias"]

    def matmul(self, name: str, value: FloatArray) -> FloatArray:
        return value @ self._weights[name]

    def vector(self, name: str) -> FloatArray:
        return self._weights[name]


class LayerWeights(ProjectedWeights):
    """The weights of one layer, kernel and recurrent kernel one below the other: one matmul a step."""

    def __init__(
        self, weights: Mapping[str, FloatArray], constants: Mapping[str, Sequence[float]], rounded: Rounding = unchanged
    ) -> None:
        super().__init__(weights, constants, rounded)
        if "recurrent_kernel" in weights:
            self._both = np.concatenate([weights["kernel"], self._weights["recurrent_kernel"]])
        self._bias = weights["bias"][None]

    def gate_preactivations(self, x: FloatArray, h: FloatArray) -> FloatArray:
        projections: FloatArray = self._rounded(np.concatenate((x, h), axis=-1)) @ self._both
        projections += self._bias
        return projections

    def input_projection(self, x: FloatArray) -> FloatArray:
        return self._rounded(x) @ self._weights["kernel"] + self._bias


class NumpyAttention:
    """A look back over the last outputs of the recurrent layers: see `model.Attention`, which trains it."""

    def __init__(self, weights: Mapping[str, FloatArray], window: int) -> None:
        self._query, self._key, self._output = (weights[f"attention.{part}"] for part in ("query", "key", "output"))
        self._window = window

    def initial_states(self, batch_size: int) -> States:
        """What was given out last, (batch, window, units), and its keys."""
        sizes = (len(self._query), ATTENTION_DIM)
        return tuple(np.zeros((batch_size, self._window, size), np.float32) for size in sizes)

    def step(self, hidden: FloatArray, states: States) -> tuple[FloatArray, States]:
        values, keys = states
        scores = np.einsum("bwd,bd->bw", keys, hidden @ self._query) / np.float32(np.sqrt(ATTENTION_DIM))
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        found = np.einsum("bw,bwu->bu", shares, values) @ self._output
        values = np.concatenate([values[:, 1:], hidden[:, None]], axis=1)
        keys = np.concatenate([keys[:, 1:], (hidden @ self._key)[:, None]], axis=1)
        return hidden + found, (values, keys)


class Stepper:
    """Runs a model over characters and hands out logits; the caller keeps the states.

    Where a cell lets it, the embedding is multiplied with the first kernel once, at the start, so that the first
    layer's input projection is a look-up. An LSTM trained in bfloat16 is run in bfloat16: weights, and what they are
    multiplied with, are rounded; sums are float32.
    """

    def __init__(self, model: Model) -> None:
        weights, config = model.weights, model.config
        self.vocabulary = model.vocabulary
        self._config, self._cell, self._ops = config, get_cell(config.cell), NumpyOps()
        constants = self._cell.constants(config.units)
        of_layers = [
            {name: weights[f"layers.{layer}.{name}"] for name in layer_shapes(config, layer)}
            for layer in range(config.num_layers)
        ]
        self._table = weights["embedding"]
        if self._cell.input_projection_is_precomputable:
            self._table = self._table @ of_layers[0]["kernel"] + of_layers[0]["bias"]  # (vocabulary, gates * units)
        self._precision = model.precision if config.cell == "lstm" else "float32"
        self._rounded = bfloat16 if self._precision == "bfloat16" else unchanged
        self._of_layers = [
            {name: self._rounded(array) if array.ndim == 2 else array for name, array in arrays.items()}
            for arrays in of_layers
        ]
        self._layers = [LayerWeights(arrays, constants, self._rounded) for arrays in self._of_layers]
        ahead = self._of_layers if self._cell.input_projection_is_precomputable else []
        self._projected = [ProjectedWeights(arrays, constants, self._rounded) for arrays in ahead]
        self._attention = NumpyAttention(weights, config.attention) if config.attention else None
        self._output_kernel, self._output_bias = self._rounded(weights["output.kernel"]), weights["output.bias"][None]
        self._compiled: Any = None

    def compiled(self) -> Any:
        """A stepper of the same network that is faster, but takes a third of a second to be ready; or this one.

        The first time on a machine it is compiled, for some seconds. What it gives differs in the last bits.
        """
        if self._config.cell != "lstm" or self._attention:
            return self
        from charlstm.kernels import is_supported

        if not is_supported(self._precision):
            return self
        if self._compiled is None:
            from charlstm.generation.compiled_stepper import CompiledStepper

            self._compiled = CompiledStepper(
                self.vocabulary,
                self._table,
                self._of_layers,
                (self._output_kernel, self._output_bias[0]),
                has_residual=self._has_residual,
                precision=self._precision,
            )
        return self._compiled

    def initial_states(self, batch_size: int = 1) -> list[States]:
        """Zeros: for each layer the cell's states, each (batch_size, its width), and last the attention's."""
        states: list[States] = [
            tuple(np.zeros((batch_size, size), np.float32) for size in state_sizes(self._config, layer))
            for layer in range(self._config.num_layers)
        ]
        return states + ([self._attention.initial_states(batch_size)] if self._attention else [])

    def step(self, ids: Ids, states: list[States]) -> tuple[FloatArray, list[States]]:
        """Read one character of each stream.

        ids is (batch,); returns logits of the next character, (batch, vocabulary), and the states after it.
        """
        x, lower = self._table[ids], None
        weights = self._projected[0] if self._cell.input_projection_is_precomputable else self._layers[0]
        new_states: list[States] = []
        for layer in range(len(self._layers)):
            given = (x, lower) if self._cell.passes_cell_state_up else x
            (output, *up), after, _ = self._cell.step(self._ops, weights, given, states[layer])
            x, lower = x + output if layer and self._has_residual else output, up[0] if up else None
            new_states.append(after)
            weights = self._layers[min(layer + 1, len(self._layers) - 1)]
        if self._attention:
            x, after = self._attention.step(x, states[-1])
            new_states.append(after)
        return self._logits(x), new_states

    def read(self, ids: Ids, states: list[States]) -> tuple[FloatArray, list[States]]:
        """Read several characters of each stream, layer by layer: faster than step after step.

        ids is (batch, time); returns logits (batch, time, vocabulary), and the states after the last character.
        """
        new_states: list[States] = []
        x, lower = self._table[ids], None
        for layer, own in enumerate(self._layers):
            inputs, weights = x, own if not self._projected else self._projected[layer]
            if self._projected and layer:
                inputs = own.input_projection(x)
            outputs, ups, after = self._run(weights, inputs, lower, states[layer])
            x, lower = x + outputs if layer and self._has_residual else outputs, ups
            new_states.append(after)
        if self._attention:
            after = states[-1]
            for time in range(ids.shape[1]):
                x[:, time], after = self._attention.step(x[:, time], after)
            new_states.append(after)
        return self._logits(x), new_states

    def _run(
        self, weights: ProjectedWeights, inputs: FloatArray, lower: Any, state: States
    ) -> tuple[FloatArray, Any, States]:
        """One layer over inputs (batch, time, features): its outputs, what it hands up, and the states."""
        outputs = np.empty((*inputs.shape[:2], self._config.units), np.float32)
        ups = np.empty_like(outputs) if self._cell.passes_cell_state_up else None
        for time in range(inputs.shape[1]):
            x = inputs[:, time]
            given = (x, None if lower is None else lower[:, time]) if self._cell.passes_cell_state_up else x
            (outputs[:, time], *up), state, _ = self._cell.step(self._ops, weights, given, state)
            if ups is not None:
                ups[:, time] = up[0]
        return outputs, ups, state

    @property
    def _has_residual(self) -> bool:
        return self._cell.has_residual and self._config.residual

    def _logits(self, hidden: FloatArray) -> FloatArray:
        logits: FloatArray = self._rounded(hidden) @ self._output_kernel
        logits += self._output_bias
        return logits


class WindowStepper:
    """A model that foretells each character from the last few alone, as it was trained: nothing else is carried.

    The states are the ids read last, -1 where there were none.
    """

    def __init__(self, model: Model) -> None:
        self.vocabulary = model.vocabulary
        self._stepper, self._window = Stepper(model), model.config.window

    def compiled(self) -> "WindowStepper":
        return self

    def initial_states(self, batch_size: int = 1) -> list[States]:
        return [(np.full((batch_size, self._window), -1, np.intp),)]

    def step(self, ids: Ids, states: list[States]) -> tuple[FloatArray, list[States]]:
        """As Stepper.step."""
        logits, states = self.read(ids[:, None], states)
        return logits[:, 0], states

    def read(self, ids: Ids, states: list[States]) -> tuple[FloatArray, list[States]]:
        """As Stepper.read."""
        ((before,),) = states
        seen = np.concatenate([before, ids], axis=1)
        windows = np.lib.stride_tricks.sliding_window_view(seen[:, 1:], self._window, axis=1)
        flat = windows.reshape(-1, self._window)
        logits = np.empty((len(flat), len(self.vocabulary)), np.float32)
        lengths = (flat >= 0).sum(axis=1)
        for length in np.unique(lengths):
            rows = np.flatnonzero(lengths == length)
            for start in range(0, len(rows), ROWS_AT_ONCE):
                some = rows[start : start + ROWS_AT_ONCE]
                found, _ = self._stepper.read(flat[some, -length:], self._stepper.initial_states(len(some)))
                logits[some] = found[:, -1]
        return logits.reshape(*ids.shape, -1), [(seen[:, -self._window :],)]


ROWS_AT_ONCE = 256  # windows


def make_stepper(model: Model) -> Stepper | WindowStepper:
    """Whoever runs a model as it was trained to be run."""
    return WindowStepper(model) if model.config.window else Stepper(model)
