"""The equations of each recurrent cell, once, for any array namespace.

A cell is a pure function of the projections of input and state (`x @ kernel + bias` and `h @ recurrent_kernel`, added
up) and of the states before the step, to the states after it. The same function trains in TensorFlow and samples in
NumPy. Order of gates, order of states and shapes of weights are Keras's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

Array = Any  # of whichever library the operations come from
States = tuple[Array, ...]  # the first is the cell's output


class Operations(Protocol):
    """What a cell needs of an array library. It splits along the axis of units, wherever the library keeps that."""

    def sigmoid(self, x: Array, /) -> Array: ...
    def tanh(self, x: Array, /) -> Array: ...
    def split(self, x: Array, parts: int, /) -> Sequence[Array]: ...


class LSTMActivations(NamedTuple):
    """What happens inside an LSTM in one step: the three gates, the candidate and the squashed cell state."""

    input_gate: Array
    forget_gate: Array
    candidate: Array
    output_gate: Array
    squashed_cell: Array


@dataclass(frozen=True)
class Cell:
    """A recurrent cell: its step, and what fixes the shapes of its weights."""

    step: Callable[[Operations, Array, States], tuple[States, NamedTuple]]
    num_gates: int  # blocks of `units` columns in kernel, recurrent kernel and bias
    num_states: int


def lstm(ops: Operations, projections: Array, states: States) -> tuple[States, LSTMActivations]:
    """Long short-term memory (Hochreiter and Schmidhuber 1997) with a forget gate (Gers, Schmidhuber, Cummins 2000).

    projections holds the gates in the order input, forget, candidate, output, each `units` wide; the states are
    (h, c). Returns the states after the step and the activations it went through.
    """
    _, c = states
    i, f, candidate, o = ops.split(projections, 4)
    i, f, candidate, o = ops.sigmoid(i), ops.sigmoid(f), ops.tanh(candidate), ops.sigmoid(o)
    c = f * c + i * candidate
    squashed = ops.tanh(c)
    return (o * squashed, c), LSTMActivations(i, f, candidate, o, squashed)


CELLS = {"lstm": Cell(step=lstm, num_gates=4, num_states=2)}
