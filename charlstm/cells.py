"""The equations of each recurrent cell, once, for any array namespace.

A cell is a pure function of its input, of the states before the step and of a layer's weights, to the output and the
states after it. The same function trains in TensorFlow and samples in NumPy. Order of gates, order of states and
shapes of weights are Keras's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

Array = Any  # of whichever library the operations come from
States = tuple[Array, ...]


class Operations(Protocol):
    """What a cell needs of an array library. It splits along the axis of units, wherever the library keeps that."""

    def activate(self, x: Array, kinds: str, /) -> Sequence[Array]:
        """x cut into as many equal parts as there are letters, each squashed: s by the sigmoid, t by tanh."""

    def tanh(self, x: Array, /) -> Array: ...


class Weights(Protocol):
    """A layer's weights, as whoever runs it keeps them."""

    def of_both(self, x: Array, h: Array, /) -> Array:
        """x @ kernel + h @ recurrent_kernel + bias."""


class LSTMActivations(NamedTuple):
    """What happens inside an LSTM in one step: the three gates, the candidate and the squashed cell state."""

    input_gate: Array
    forget_gate: Array
    candidate: Array
    output_gate: Array
    squashed_cell: Array


@dataclass(frozen=True)
class Cell:
    """A recurrent cell: its step, and what fixes the shapes of its weights.

    The step gives the output, the states after it and the activations it went through.
    """

    step: Callable[[Operations, Weights, Array, States], tuple[Array, States, NamedTuple]]
    num_gates: int  # blocks of `units` columns in kernel, recurrent kernel and bias
    num_states: int


def lstm(ops: Operations, weights: Weights, x: Array, states: States) -> tuple[Array, States, LSTMActivations]:
    """Long short-term memory (Hochreiter and Schmidhuber 1997) with a forget gate (Gers, Schmidhuber, Cummins 2000).

    The gates stand in the order input, forget, candidate, output, each `units` wide; the states are (h, c).
    """
    h, c = states
    i, f, candidate, o = ops.activate(weights.of_both(x, h), "ssts")
    c = f * c + i * candidate
    squashed = ops.tanh(c)
    h = o * squashed
    return h, (h, c), LSTMActivations(i, f, candidate, o, squashed)


CELLS = {"lstm": Cell(step=lstm, num_gates=4, num_states=2)}
