"""The norm of the gradient of a loss with respect to the states of earlier characters, from the kernels' own gradient.

Bengio, Simard and Frasconi (1994) and Pascanu, Mikolov and Bengio (2013, section 2) describe how this gradient
vanishes or explodes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from charlstm.analysis.probed_network import LayerStep, ProbedNetwork, States
from charlstm.arrays import FloatArray, Ids

Norms = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GradientNorms:
    """Norms of the gradient of the loss at one character with respect to the states at earlier characters.

    A state n characters back is n steps of the recurrence before the state that the loss's prediction is made from.
    Norms are over all layers, as the median over streams; they are infinite beyond the range of a float.
    """

    characters_back: npt.NDArray[np.intp]  # 1, 2, 3, ...
    hidden: Norms  # (characters back,)
    cell: Norms | None  # (characters back,); None for a cell without a cell state

    @property
    def orders_lost(self) -> float:
        """By how many orders of magnitude the hidden state's norm falls from the first distance to the last.

        It is negative if the norm grows, infinite where it falls to 0 or grows beyond the range of a float.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.log10(self.hidden[0]) - np.log10(self.hidden[-1]))

    def to_json(self) -> dict[str, Any]:
        """Return lists, with None for infinite norms."""

        def finite(norms: Norms) -> list[float | None]:
            return [norm if math.isfinite(norm) else None for norm in norms.tolist()]

        return {
            "characters_back": self.characters_back.tolist(),
            "hidden": finite(self.hidden),
            "cell": None if self.cell is None else finite(self.cell),
        }


def measure_gradients(network: ProbedNetwork, ids: Ids, *, length: int, clip_norm: float = 0.0) -> GradientNorms:
    """Read ids (streams, characters), and go `length` characters back from the loss at the last of them.

    With a `clip_norm` above 0 the gradient of each stream is scaled down to that norm after every step back.
    """
    *characters, target = ids.T
    steps = _read(network, characters)
    d_hidden = -log_probability_gradient(network, steps[-1][-1].hidden, target)
    d_states = [[np.zeros_like(state) for state in layer.states] for layer in steps[-1]]
    has_cell_state = network.cell.has_cell_state
    norms, log_scale = [], 0.0
    for step in reversed(steps[-length:]):
        _, d_states = network.step_backward(step, d_hidden, d_states)
        d_hidden = np.zeros_like(d_hidden)  # the loss reads the last output only
        with np.errstate(over="ignore"):
            norms.append(np.array(_norms(d_states, has_cell_state=has_cell_state)) * np.exp(log_scale))
        if clip_norm:
            d_states = _clip(d_states, clip_norm)
        else:
            d_states, log_step = _normalize(d_states)
            log_scale += log_step
    hidden_norms, cell_norms = np.array(norms).T
    return GradientNorms(
        characters_back=np.arange(1, len(norms) + 1),
        hidden=hidden_norms,
        cell=cell_norms if has_cell_state else None,
    )


def log_probability_gradient(network: ProbedNetwork, hidden: FloatArray, targets: Ids) -> FloatArray:
    """Return the gradient of ln p of each stream's target with respect to the last layer's output (streams, units)."""
    logits = network.logits(hidden)
    probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities /= -probabilities.sum(axis=1, keepdims=True)
    probabilities[np.arange(len(targets)), targets] += 1
    gradient: FloatArray = probabilities @ network.output_kernel.T
    return gradient


def _read(network: ProbedNetwork, characters: Sequence[Ids]) -> list[list[LayerStep]]:
    """Return the steps of all layers at each character."""
    states = network.initial_states(len(characters[0]))
    steps = []
    for character in characters:
        steps.append(network.step(character, states))
        states = [layer.states for layer in steps[-1]]
    return steps


def _norms(d_states: States, *, has_cell_state: bool) -> tuple[float, float]:
    """Return the medians over streams of the norms with respect to h and to c, over all layers."""
    indices = (0, 1 if has_cell_state else 0)
    squares = [sum((layer[index].astype(np.float64) ** 2).sum(axis=1) for layer in d_states) for index in indices]
    hidden, cell = (float(np.median(np.sqrt(square))) for square in squares)
    return hidden, cell


def _normalize(d_states: States) -> tuple[States, float]:
    """Scale the gradients so that the largest number is 1, and return ln of the divisor.

    The product of many steps is beyond the range of float32.
    """
    largest = max(float(np.abs(state).max()) for layer in d_states for state in layer)
    if largest == 0.0:
        return d_states, 0.0
    return [[state / np.float32(largest) for state in layer] for layer in d_states], math.log(largest)


def _clip(d_states: States, clip_norm: float) -> States:
    """Scale the gradients of each stream down to `clip_norm`, over all states."""
    norm = np.sqrt(sum((state**2).sum(axis=1) for layer in d_states for state in layer))
    scale = np.minimum(1.0, clip_norm / np.maximum(norm, 1e-30)).astype(np.float32)[:, None]
    return [[state * scale for state in layer] for layer in d_states]
