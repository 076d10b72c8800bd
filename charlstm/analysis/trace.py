"""What happens inside a network while it reads: every output, cell state and gate of every unit, at every character.

The cells' own functions return all of it at each step; here it is kept. NumPy alone is needed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from charlstm.arrays import FloatArray, Ids
from charlstm.cells.equations import CellStep
from charlstm.cells.registry import get_cell
from charlstm.errors import SettingError
from charlstm.generation.stepper import Stepper
from charlstm.storage.model_file import Model

CHUNK_LENGTH = 256  # characters that are read layer by layer, before those after them
MAX_EXACT_PRODUCTS = 1_000_000_000  # of weights and numbers, in float64: a quarter of a second
WINDOW_HINT = "inspect one that was trained with another preset than that of the tutorial"


@dataclass(frozen=True)
class LayerTrace:
    """One recurrent layer; arrays are (characters, units), each row after a character was read."""

    output: FloatArray
    cell_state: FloatArray | None  # None for a cell without one
    activations: Mapping[str, FloatArray]  # gates and candidates by the names of `charlstm.cells.equations`


@dataclass(frozen=True)
class Trace:
    """A network over a text: row t of every array is what it is after it has read character t."""

    ids: Ids  # (characters,)
    logits: FloatArray  # (characters, vocabulary), of the character after each
    layers: tuple[LayerTrace, ...]
    attention: FloatArray | None = None  # (characters, window), of the outputs window, ..., 2, 1 characters before

    @property
    def log_probabilities(self) -> FloatArray:
        """Return ln p of every character at every place, (characters, vocabulary)."""
        shifted = self.logits - self.logits.max(axis=1, keepdims=True)
        result: FloatArray = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        return result

    @property
    def surprise(self) -> FloatArray:
        """Return -log2 p of each character given those before it, in bits; NaN for the first."""
        bits = np.full(len(self.ids), np.nan, np.float32)
        bits[1:] = -self.log_probabilities[np.arange(len(self.ids) - 1), self.ids[1:]] / np.log(2)
        return bits


def trace_text(model: Model, ids: Ids, *, on_progress: Callable[[int], None] = lambda _: None) -> Trace:
    """Read ids (characters,) from zero states, and return all that happens on the way.

    `on_progress` is called from time to time with the number of characters read so far. Raises SettingError for a
    network that reads windows of characters, which has no state.
    """
    check_has_states(model)
    stepper, recorder = Stepper(model, dtype=_dtype(model, len(ids))), Recorder(model, len(ids))
    states = stepper.initial_states(1)
    logits = np.empty((len(ids), len(model.vocabulary)), np.float32)
    for start in range(0, len(ids), CHUNK_LENGTH):
        chunk = slice(start, start + CHUNK_LENGTH)
        logits[None, chunk], states = stepper.read(
            ids[None, chunk], states, observe=recorder.record, observe_attention=recorder.record_attention
        )
        on_progress(min(chunk.stop, len(ids)))
    return Trace(np.asarray(ids), logits, recorder.layers(), recorder.attention)


def _dtype(model: Model, length: int) -> npt.DTypeLike:
    """Return the type of sums: float64 for a network trained in bfloat16, unless that would take long.

    Its operands are rounded to bfloat16. One that ends between two of these numbers goes up or down with the last bit
    of a sum in float32, and probabilities differ by up to 0.002 on another processor.
    """
    num_products = length * sum(weight.size for weight in model.weights.values())
    is_exact = model.precision == "bfloat16" and num_products <= MAX_EXACT_PRODUCTS
    return np.float64 if is_exact else np.float32


def check_has_states(model: Model) -> None:
    """Raise SettingError for a network that reads windows of characters, which has no state."""
    if model.config.window:
        raise SettingError("a network that reads windows of characters keeps no state to look into", hint=WINDOW_HINT)


class Recorder:
    """Collects the steps of each layer in arrays that are as long as the text."""

    def __init__(self, model: Model, length: int) -> None:
        self._has_cell_state = get_cell(model.config.cell).has_cell_state
        self._units, self._length = model.config.units, length
        self._arrays: list[dict[str, FloatArray]] = [{} for _ in range(model.config.num_layers)]
        self._num_steps = [0] * model.config.num_layers
        self.attention = np.zeros((length, model.config.attention), np.float32) if model.config.attention else None
        self._num_attended = 0

    def record(self, layer: int, step: CellStep) -> None:
        """Keep what a layer's step gives for the only stream."""
        values = {"output": step.output}
        if self._has_cell_state:
            values["cell_state"] = step.states[1]
        if step.activations is not None:
            values |= step.activations._asdict()
        arrays, place = self._arrays[layer], self._num_steps[layer]
        if not arrays:
            arrays |= {name: np.empty((self._length, value.shape[-1]), np.float32) for name, value in values.items()}
        for name, value in values.items():
            arrays[name][place] = value[0]
        self._num_steps[layer] += 1

    def record_attention(self, weights: FloatArray) -> None:
        """Keep the attention of the last layer's step."""
        if self.attention is not None:
            self.attention[self._num_attended] = weights[0]
            self._num_attended += 1

    def layers(self) -> tuple[LayerTrace, ...]:
        """Return each layer's values over all characters."""
        traces = []
        for arrays in self._arrays:
            activations = dict(arrays)
            output = activations.pop("output", np.zeros((0, self._units), np.float32))
            traces.append(LayerTrace(output, activations.pop("cell_state", None), activations))
        return tuple(traces)
