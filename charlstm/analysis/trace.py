"""What happens inside a network while it reads: every output, cell state and gate of every unit, at every character.

The cells' own functions return all of it at each step; here it is kept. NumPy alone is needed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from charlstm.arrays import FloatArray, Ids
from charlstm.cells.equations import CellStep
from charlstm.cells.registry import get_cell
from charlstm.errors import SettingError
from charlstm.generation.stepper import Stepper
from charlstm.storage.model_file import Model

WINDOW_HINT = "inspect a network that was trained without `preset` tutorial"


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

    `on_progress` is called with the number of characters read so far. Raises SettingError for a network that reads
    windows of characters, which has no state.
    """
    if model.config.window:
        raise SettingError("a network that reads windows of characters keeps no state to look into", hint=WINDOW_HINT)
    stepper, recorder = Stepper(model), Recorder(model)
    states = stepper.initial_states(1)
    logits = np.empty((len(ids), len(model.vocabulary)), np.float32)
    for place, character in enumerate(ids):
        logits[place : place + 1], states = stepper.step(np.array([character]), states, observe=recorder.record)
        on_progress(place + 1)
    return Trace(np.asarray(ids), logits, recorder.layers())


class Recorder:
    """Collects the steps of each layer."""

    def __init__(self, model: Model) -> None:
        self._has_cell_state = get_cell(model.config.cell).has_cell_state
        self._units = model.config.units
        self._steps: list[list[dict[str, FloatArray]]] = [[] for _ in range(model.config.num_layers)]

    def record(self, layer: int, step: CellStep) -> None:
        """Keep what a layer's step gives for the only stream."""
        values = {"output": step.output[0]}
        if self._has_cell_state:
            values["cell_state"] = step.states[1][0]
        if step.activations is not None:
            values |= {name: value[0] for name, value in step.activations._asdict().items()}
        self._steps[layer].append(values)

    def layers(self) -> tuple[LayerTrace, ...]:
        """Return the steps so far, each layer's values over all characters."""
        traces = []
        for steps in self._steps:
            arrays = {name: np.stack([step[name] for step in steps]) for name in (steps[0] if steps else {})}
            output = arrays.pop("output", np.zeros((0, self._units), np.float32))
            traces.append(LayerTrace(output, arrays.pop("cell_state", None), arrays))
        return tuple(traces)
