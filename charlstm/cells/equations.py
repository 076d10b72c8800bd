"""The equations of each recurrent cell, once, for any array namespace.

A cell is a pure function of its input, of the states before the step and of a layer's weights, to its outputs and the
states after it. The same function trains in TensorFlow and samples in NumPy. Order of gates, order of states and
shapes of weights are Keras's where Keras has the cell.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

Array = Any  # of whichever library the operations come from
States = tuple[Array, ...]
Outputs = tuple[Array, ...]  # the first is what is read from the layer; what stands behind it only the next layer sees
LEAK = 0.5  # of the units of the echo state network: how much of them is new at every step


class Ops(Protocol):
    """What a cell needs of an array library. It works along the axis of units, wherever the library keeps that."""

    def activate(self, x: Array, kinds: str, /) -> Sequence[Array]:
        """x cut into as many equal parts as there are letters, each tanh_c: s by the sigmoid, t by tanh."""

    def tanh(self, x: Array, /) -> Array: ...

    def split(self, x: Array, shares: Sequence[int], /) -> Sequence[Array]:
        """x cut into parts of these relative sizes."""

    def concat(self, parts: Sequence[Array], /) -> Array: ...

    def is_zero(self, x: Array, /) -> Array:
        """1 where x is 0, else 0."""


class Projections(Protocol):
    """A layer's weights, as whoever runs it keeps them."""

    def gate_preactivations(self, x: Array, h: Array, /) -> Array:
        """x @ kernel + h @ recurrent_kernel + bias."""

    def input_projection(self, x: Array, /) -> Array:
        """x @ kernel + bias."""

    def recurrent_projection(self, h: Array, /) -> Array:
        """h @ recurrent_kernel + recurrent_bias."""

    def matmul(self, name: str, value: Array, /) -> Array:
        """value @ the weight of this name."""

    def vector(self, name: str, /) -> Array:
        """A weight or a constant of one number a unit, to be added to or multiplied with what units give."""


class LSTMActivations(NamedTuple):
    """What happens inside an LSTM in one step: the three gates, the candidate and the tanh_c cell state."""

    input_gate: Array
    forget_gate: Array
    candidate: Array
    output_gate: Array
    tanh_cell_state: Array


Step = Callable[[Ops, Projections, Array, States], tuple[Outputs, States, tuple[Array, ...]]]


def rnn(ops: Ops, weights: Projections, x: Array, states: States) -> Any:
    """The plain recurrent network (Elman 1990): h' = tanh(x W + h U + b). The state is h."""
    (h,) = states
    h = ops.tanh(weights.gate_preactivations(x, h))
    return (h,), (h,), ()


def lstm(ops: Ops, weights: Projections, x: Array, states: States) -> Any:
    """Long short-term memory (Hochreiter and Schmidhuber 1997) with a forget gate (Gers, Schmidhuber, Cummins 2000).

    The gates stand in the order input, forget, candidate, output, each `units` wide; the states are (h, c).
    """
    h, c = states
    i, f, candidate, o = ops.activate(weights.gate_preactivations(x, h), "ssts")
    c = f * c + i * candidate
    tanh_c = ops.tanh(c)
    h = o * tanh_c
    return (h,), (h, c), LSTMActivations(i, f, candidate, o, tanh_c)


def peephole(ops: Ops, weights: Projections, x: Array, states: States, *, gates: str) -> Any:
    """An LSTM whose gates look at the cell state (Gers and Schmidhuber 2000): i and f at the old, o at the new one.

    `gates` says which of them do: any of i, f and o.
    """
    h, c = states
    i, f, candidate, o = ops.split(weights.gate_preactivations(x, h), (1, 1, 1, 1))
    if "i" in gates:
        i = i + weights.vector("peephole_i") * c
    if "f" in gates:
        f = f + weights.vector("peephole_f") * c
    (i,), (f,), (candidate,) = ops.activate(i, "s"), ops.activate(f, "s"), ops.activate(candidate, "t")
    c = f * c + i * candidate
    if "o" in gates:
        o = o + weights.vector("peephole_o") * c
    (o,), tanh_c = ops.activate(o, "s"), ops.tanh(c)
    h = o * tanh_c
    return (h,), (h, c), LSTMActivations(i, f, candidate, o, tanh_c)


def coupled(ops: Ops, weights: Projections, x: Array, states: States) -> Any:
    """An LSTM that forgets as much as it takes in, f = 1 - i (CIFG: Greff et al. 2015, section 3).

    The blocks stand in the order input gate, candidate, output gate; the states are (h, c).
    """
    h, c = states
    i, candidate, o = ops.activate(weights.gate_preactivations(x, h), "sts")
    c = c + i * (candidate - c)
    tanh_c = ops.tanh(c)
    h = o * tanh_c
    return (h,), (h, c), LSTMActivations(i, 1 - i, candidate, o, tanh_c)


def gru(ops: Ops, weights: Projections, x: Array, states: States) -> Any:
    """The gated recurrent unit (Cho et al. 2014) in Keras's `reset_after` form, gates z, r and candidate.

    The reset gate acts on the recurrent projection, which has a bias of its own. The state is h.
    """
    (h,) = states
    gates_of_x, candidate_of_x = ops.split(weights.input_projection(x), (2, 1))
    gates_of_h, candidate_of_h = ops.split(weights.recurrent_projection(h), (2, 1))
    z, r = ops.activate(gates_of_x + gates_of_h, "ss")
    candidate = ops.tanh(candidate_of_x + r * candidate_of_h)
    h = candidate + z * (h - candidate)
    return (h,), (h,), (z, r, candidate)


def depth_gated(ops: Ops, weights: Projections, x: Array, states: States) -> Any:
    """An LSTM whose depth gate lets the lower layer's cell state in (Yao et al. 2015, equations 5 to 8).

    d = sigmoid(x W_d + b_d + w_c * c + w_l * c_lower), and d * c_lower is added to the new cell state. The first
    layer, which has none below it, is an LSTM.
    """
    x, lower = x
    if lower is None:
        outputs, (h, c), activations = lstm(ops, weights, x, states)
        return (*outputs, c), (h, c), activations
    h, c = states
    i, f, candidate, o = ops.activate(weights.gate_preactivations(x, h), "ssts")
    depth = weights.matmul("depth_kernel", x) + weights.vector("depth_bias")
    depth = depth + weights.vector("depth_own") * c + weights.vector("depth_lower") * lower
    (d,) = ops.activate(depth, "s")
    c = d * lower + f * c + i * candidate
    tanh_c = ops.tanh(c)
    h = o * tanh_c
    return (h, c), (h, c), (i, f, candidate, o, tanh_c, d)


def clockwork(ops: Ops, weights: Projections, x: Array, states: States, *, num_modules: int) -> Any:
    """The clockwork RNN (Koutnik et al. 2014): modules of units that tick every 1, 2, 4, ... characters.

    A module that does not tick keeps its values. Each hears itself and the slower ones alone: the recurrent kernel is
    zero elsewhere. The states are h and the time since the start, which begins anew when all have ticked.
    """
    h, clock = states
    ticks = ops.is_zero(clock % weights.vector("periods"))
    new = ops.tanh(weights.gate_preactivations(x, h))
    h = h + ticks * (new - h)
    return (h,), (h, (clock + 1) % 2 ** (num_modules - 1)), (ticks,)


def grid(ops: Ops, weights: Projections, x: Array, states: States, *, dimensions: int) -> Any:
    """The grid LSTM along time and depth (Kalchbrenner et al. 2015, section 3): an LSTM in each direction, both fed by
    the h of both.

    The states are (h, c) along time; (h, c) along depth come from the layer below and go to the one above. Below the
    first layer the depth's h is the input and its c is empty. In one dimension it is the stacked LSTM.
    """
    if dimensions == 1:
        return lstm(ops, weights, x, states)
    x, lower = x
    h, c = states
    in_time, in_depth = ops.split(weights.gate_preactivations(x, h), (1, 1))
    i, f, candidate, o = ops.activate(in_time, "ssts")
    c = f * c + i * candidate
    h = o * ops.tanh(c)
    i, f, candidate, o = ops.activate(in_depth, "ssts")
    up = i * candidate if lower is None else f * lower + i * candidate
    return (o * ops.tanh(up), up), (h, c), ()


def mogrifier(ops: Ops, weights: Projections, x: Array, states: States, *, rounds: int) -> Any:
    """An LSTM whose input and state gate each other first, in turns (Melis et al. 2019, equations 1 and 2).

    With no rounds it is the LSTM.
    """
    h, c = states
    for number in range(1, rounds + 1):
        if number % 2:
            (gate,) = ops.activate(weights.matmul(f"mogrify_x{number}", h), "s")
            x = 2 * gate * x
        else:
            (gate,) = ops.activate(weights.matmul(f"mogrify_h{number}", x), "s")
            h = 2 * gate * h
    return lstm(ops, weights, x, (h, c))


def mlstm(ops: Ops, weights: Projections, x: Array, states: States) -> Any:
    """The multiplicative LSTM (Krause et al. 2016, equations 16 to 22): for each input its own recurrent kernel, as
    m = (x W_mx) * (h W_mh) takes the place of h in an LSTM."""
    h, c = states
    m = weights.matmul("multiplicative_input", x) * weights.matmul("multiplicative_state", h)
    return lstm(ops, weights, x, (m, c))


def feedforward(ops: Ops, weights: Projections, x: Array, states: States, *, window: int) -> Any:
    """A network on a fixed window of characters (Bengio et al. 2003): no recurrence; the state is what was read last.

    Above the first layer, which reads the window, a layer reads only the one below.
    """
    if not states:
        return (ops.tanh(weights.input_projection(x)),), (), ()
    (before,) = states
    seen = ops.concat((before, x))
    _, after = ops.split(seen, (1, window - 1))
    return (ops.tanh(weights.input_projection(seen)),), (after,), ()


def echo_state(ops: Ops, weights: Projections, x: Array, states: States) -> Any:
    """A fixed random reservoir of leaky units (Jaeger 2001; Lukosevicius 2012, equations 2 and 3): only the embedding
    before it and the layer that reads it out are trained."""
    (h,) = states
    h = h + LEAK * (ops.tanh(weights.gate_preactivations(x, h)) - h)
    return (h,), (h,), ()
