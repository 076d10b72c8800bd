"""The equations of each recurrent cell, written once for any array library.

A cell is a pure function of its input x, its states before the step and its layer's weights. The kernels are compiled
from it, and NumPy runs it where nothing is compiled. Gate order, state order and weight shapes are Keras's where Keras
has the cell.

In the equations * is elementwise, W is the kernel, U the recurrent kernel, b the bias.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, Protocol

Array = Any  # an array of whichever library `Ops` comes from
CellStates = tuple[Array, ...]  # of one layer
Activation = Literal["sigmoid", "tanh"]

LSTM_GATES: tuple[Activation, ...] = ("sigmoid", "sigmoid", "tanh", "sigmoid")  # i, f, g, o
LEAK = 0.5  # leaking rate of the echo state network's units


class Ops(Protocol):
    """The array operations that a cell needs. All work along the axis of units, wherever the library puts it."""

    def activate(self, x: Array, activations: Sequence[Activation], /) -> Sequence[Array]:
        """Split x into equal parts, one per activation, and apply each activation to its part."""

    def sigmoid(self, x: Array, /) -> Array: ...

    def tanh(self, x: Array, /) -> Array: ...

    def split(self, x: Array, sizes: Sequence[int], /) -> Sequence[Array]:
        """Split x into parts of these relative sizes."""

    def concat(self, parts: Sequence[Array], /) -> Array: ...

    def is_zero(self, x: Array, /) -> Array:
        """Return 1 where x is 0, and 0 elsewhere."""


class Projections(Protocol):
    """The products of one layer's weights with its input and state."""

    def gate_preactivations(self, x: Array, h: Array, /) -> Array:
        """Return x W + h U + b."""

    def input_projection(self, x: Array, /) -> Array:
        """Return x W + b."""

    def recurrent_projection(self, h: Array, /) -> Array:
        """Return h U + the recurrent bias."""

    def matmul(self, name: str, x: Array, /) -> Array:
        """Return x times the weight matrix of this name."""

    def vector(self, name: str, /) -> Array:
        """Return the weight or constant of this name that has one number per unit."""


class LSTMActivations(NamedTuple):
    """The gates of an LSTM in one step, its candidate, and tanh of the new cell state."""

    input_gate: Array
    forget_gate: Array
    candidate: Array
    output_gate: Array
    tanh_cell_state: Array


class GRUActivations(NamedTuple):
    """The gates of a gated recurrent unit in one step, and its candidate."""

    update_gate: Array
    reset_gate: Array
    candidate: Array


class DepthGatedActivations(NamedTuple):
    """The gates of a depth-gated LSTM in one step."""

    input_gate: Array
    forget_gate: Array
    candidate: Array
    output_gate: Array
    tanh_cell_state: Array
    depth_gate: Array


class GridActivations(NamedTuple):
    """The gates of a grid LSTM in one step, those along time as in an LSTM, and those along depth."""

    input_gate: Array
    forget_gate: Array
    candidate: Array
    output_gate: Array
    depth_input_gate: Array
    depth_forget_gate: Array
    depth_candidate: Array
    depth_output_gate: Array


class ClockworkActivations(NamedTuple):
    """Whether each unit of a clockwork RNN updates in one step: 1 or 0."""

    update: Array


class LeakyActivations(NamedTuple):
    """The new value that a unit moves to, in a plain network or a leaky one."""

    candidate: Array


Activations = (
    LSTMActivations | GRUActivations | DepthGatedActivations | GridActivations | ClockworkActivations | LeakyActivations
)


class CellStep(NamedTuple):
    """The results of one step."""

    output: Array
    states: CellStates
    activations: Activations | None = None  # gates and the like by name, for inspection
    passed_up: Array | None = None  # a cell state that only the next layer sees


StepFunction = Callable[[Ops, Projections, Array, CellStates], CellStep]


def rnn(ops: Ops, projections: Projections, x: Array, states: CellStates) -> CellStep:
    """The plain recurrent network (Elman 1990): h' = tanh(x W + h U + b). State: h."""
    (h,) = states
    h = ops.tanh(projections.gate_preactivations(x, h))
    return CellStep(h, (h,))


def lstm(ops: Ops, projections: Projections, x: Array, states: CellStates) -> CellStep:
    """Long short-term memory (Hochreiter and Schmidhuber 1997) with a forget gate (Gers, Schmidhuber, Cummins 2000).

    Gates: i, f, candidate g, o. States: h, c.
    """
    h, c = states
    i, f, g, o = ops.activate(projections.gate_preactivations(x, h), LSTM_GATES)
    c = f * c + i * g
    tanh_c = ops.tanh(c)
    h = o * tanh_c
    return CellStep(h, (h, c), LSTMActivations(i, f, g, o, tanh_c))


def peephole(ops: Ops, projections: Projections, x: Array, states: CellStates, *, gates: str) -> CellStep:
    """An LSTM whose gates also see the cell state (Gers and Schmidhuber 2000): i and f the old one, o the new one.

    `gates` names the gates that do: any of i, f and o. Gates: i, f, candidate g, o. States: h, c.
    """
    h, c = states
    i, f, g, o = ops.split(projections.gate_preactivations(x, h), (1, 1, 1, 1))
    if "i" in gates:
        i = i + projections.vector("peephole_i") * c
    if "f" in gates:
        f = f + projections.vector("peephole_f") * c
    i, f, g = ops.sigmoid(i), ops.sigmoid(f), ops.tanh(g)
    c = f * c + i * g
    if "o" in gates:
        o = o + projections.vector("peephole_o") * c
    o, tanh_c = ops.sigmoid(o), ops.tanh(c)
    h = o * tanh_c
    return CellStep(h, (h, c), LSTMActivations(i, f, g, o, tanh_c))


def coupled(ops: Ops, projections: Projections, x: Array, states: CellStates) -> CellStep:
    """An LSTM with coupled input and forget gates, f = 1 - i (CIFG: Greff et al. 2015, section 3).

    Gates: i, candidate g, o. States: h, c.
    """
    h, c = states
    i, g, o = ops.activate(projections.gate_preactivations(x, h), ("sigmoid", "tanh", "sigmoid"))
    c = c + i * (g - c)
    tanh_c = ops.tanh(c)
    h = o * tanh_c
    return CellStep(h, (h, c), LSTMActivations(i, 1 - i, g, o, tanh_c))


def gru(ops: Ops, projections: Projections, x: Array, states: CellStates) -> CellStep:
    """The gated recurrent unit (Cho et al. 2014) in Keras's `reset_after` form.

    The reset gate r acts on the recurrent projection, which has its own bias, and the update gate z keeps the old
    state: h' = z * h + (1 - z) * g. Gates: z, r, candidate g. State: h.
    """
    (h,) = states
    x_gates, x_candidate = ops.split(projections.input_projection(x), (2, 1))
    h_gates, h_candidate = ops.split(projections.recurrent_projection(h), (2, 1))
    z, r = ops.activate(x_gates + h_gates, ("sigmoid", "sigmoid"))
    g = ops.tanh(x_candidate + r * h_candidate)
    h = g + z * (h - g)
    return CellStep(h, (h,), GRUActivations(z, r, g))


def depth_gated(ops: Ops, projections: Projections, x: Array, states: CellStates) -> CellStep:
    """An LSTM with a depth gate for the lower layer's cell state (Yao et al. 2015, equations 5 to 8).

    d = sigmoid(x W_d + b_d + w_c * c + w_l * c_lower), and d * c_lower is added to the new cell state. The input is
    the pair (x, c_lower); the first layer has no c_lower and is an LSTM. Gates: i, f, candidate g, o. States: h, c.
    """
    x, c_lower = x
    if c_lower is None:
        step = lstm(ops, projections, x, states)
        return step._replace(passed_up=step.states[1])
    h, c = states
    i, f, g, o = ops.activate(projections.gate_preactivations(x, h), LSTM_GATES)
    d = projections.matmul("depth_kernel", x) + projections.vector("depth_bias")
    d = d + projections.vector("depth_own") * c + projections.vector("depth_lower") * c_lower
    d = ops.sigmoid(d)
    c = d * c_lower + f * c + i * g
    tanh_c = ops.tanh(c)
    h = o * tanh_c
    return CellStep(h, (h, c), DepthGatedActivations(i, f, g, o, tanh_c, d), passed_up=c)


def clockwork(ops: Ops, projections: Projections, x: Array, states: CellStates, *, num_modules: int) -> CellStep:
    """The clockwork RNN (Koutnik et al. 2014): modules of units that update every 1, 2, 4, ... characters.

    Between its updates a module keeps its values. It reads only itself and slower modules: the recurrent kernel is
    zero elsewhere. States: h, and a clock that counts characters and wraps when all modules update together.
    """
    h, clock = states
    updates = ops.is_zero(clock % projections.vector("periods"))
    h = h + updates * (ops.tanh(projections.gate_preactivations(x, h)) - h)
    return CellStep(h, (h, (clock + 1) % 2 ** (num_modules - 1)), ClockworkActivations(updates))


def grid(ops: Ops, projections: Projections, x: Array, states: CellStates, *, dimensions: int) -> CellStep:
    """The grid LSTM (Kalchbrenner et al. 2015, section 3): one LSTM along time and one along depth.

    Both read the h of both directions. The input is the pair (h, c) along depth: the first layer's h is its input,
    and its c is None. In one dimension this is the stacked LSTM. Gates: i, f, candidate g, o along time, then the
    same along depth. States: h, c along time.
    """
    if dimensions == 1:
        return lstm(ops, projections, x, states)
    h_depth, c_depth = x
    h, c = states
    along_time, along_depth = ops.split(projections.gate_preactivations(h_depth, h), (1, 1))
    time_gates, depth_gates = ops.activate(along_time, LSTM_GATES), ops.activate(along_depth, LSTM_GATES)
    i, f, g, o = time_gates
    c = f * c + i * g
    h = o * ops.tanh(c)
    i, f, g, o = depth_gates
    c_depth = i * g if c_depth is None else f * c_depth + i * g
    activations = GridActivations(*time_gates, *depth_gates)
    return CellStep(o * ops.tanh(c_depth), (h, c), activations, passed_up=c_depth)


def mogrifier(ops: Ops, projections: Projections, x: Array, states: CellStates, *, rounds: int) -> CellStep:
    """An LSTM whose input and state first gate each other in turn (Melis et al. 2019, equations 1 and 2).

    x = 2 sigmoid(h Q) * x in odd rounds, h = 2 sigmoid(x R) * h in even ones. With no rounds it is the LSTM.
    """
    h, c = states
    for number in range(1, rounds + 1):
        if number % 2:
            x = 2 * ops.sigmoid(projections.matmul(f"mogrify_x{number}", h)) * x
        else:
            h = 2 * ops.sigmoid(projections.matmul(f"mogrify_h{number}", x)) * h
    return lstm(ops, projections, x, (h, c))


def mlstm(ops: Ops, projections: Projections, x: Array, states: CellStates) -> CellStep:
    """The multiplicative LSTM (Krause et al. 2016, equations 16 to 22).

    m = (x W_mx) * (h W_mh) takes the place of h in an LSTM, which gives each input its own recurrent kernel.
    """
    h, c = states
    m = projections.matmul("multiplicative_input", x) * projections.matmul("multiplicative_state", h)
    return lstm(ops, projections, x, (m, c))


def feedforward(ops: Ops, projections: Projections, x: Array, states: CellStates, *, window: int) -> CellStep:
    """A network on a fixed window of characters (Bengio et al. 2003), without recurrence.

    State of the first layer: its last window - 1 inputs. Higher layers read only the layer below and have no state.
    """
    if not states:
        return CellStep(ops.tanh(projections.input_projection(x)), ())
    (previous,) = states
    inputs = ops.concat((previous, x))
    _, previous = ops.split(inputs, (1, window - 1))
    return CellStep(ops.tanh(projections.input_projection(inputs)), (previous,))


def echo_state(ops: Ops, projections: Projections, x: Array, states: CellStates) -> CellStep:
    """A fixed random reservoir of leaky units (Jaeger 2001; Lukosevicius 2012, equations 2 and 3).

    h' = (1 - LEAK) h + LEAK tanh(x W + h U + b). Only the embedding and the output layer are trained. State: h.
    """
    (h,) = states
    g = ops.tanh(projections.gate_preactivations(x, h))
    h = h + LEAK * (g - h)
    return CellStep(h, (h,), LeakyActivations(g))
