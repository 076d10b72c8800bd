"""The equations of each recurrent cell, once, for any array namespace.

A cell is a pure function of the two projections `x @ kernel + bias` and `h @ recurrent_kernel` and of the states
before the step, to the states after it. The same function trains in TensorFlow and samples in NumPy. Order of gates,
order of states and shapes of weights are Keras's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Array = Any  # (batch, ...) of whichever library the operations come from
States = tuple[Array, ...]  # each (batch, units); the first is the cell's output


class Operations(Protocol):
    """What a cell needs of an array library."""

    def sigmoid(self, x: Array, /) -> Array: ...
    def tanh(self, x: Array, /) -> Array: ...
    def split(self, x: Array, parts: int, /) -> Sequence[Array]: ...


@dataclass(frozen=True)
class Cell:
    """A recurrent cell: its step, and what fixes the shapes of its weights."""

    step: Callable[[Operations, Array, Array, States], States]
    num_gates: int  # blocks of `units` columns in kernel, recurrent kernel and bias
    num_states: int


def lstm(ops: Operations, input_projection: Array, recurrent_projection: Array, states: States) -> States:
    """Long short-term memory (Hochreiter and Schmidhuber 1997) with a forget gate (Gers, Schmidhuber, Cummins 2000).

    Both projections are (batch, 4 * units), gates in the order input, forget, candidate, output; the states are
    (h, c), each (batch, units).
    """
    _, c = states
    i, f, candidate, o = ops.split(input_projection + recurrent_projection, 4)
    c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(candidate)
    return ops.sigmoid(o) * ops.tanh(c), c


CELLS = {"lstm": Cell(step=lstm, num_gates=4, num_states=2)}
