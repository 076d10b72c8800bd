"""The cells by name, each with its step and the shapes of its weights and states.

>>> get_cell("lstm").weight_shapes(LayerSize(inputs=64, units=300, is_first=True))
{'kernel': (64, 1200), 'recurrent_kernel': (300, 1200), 'bias': (1200,)}
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from charlstm.cells.equations import (
    StepFunction,
    clockwork,
    coupled,
    depth_gated,
    echo_state,
    feedforward,
    grid,
    gru,
    lstm,
    mlstm,
    mogrifier,
    peephole,
    rnn,
)
from charlstm.errors import SettingError, did_you_mean, shown

Shapes = dict[str, tuple[int, ...]]
MAX_VARIANT_DIGITS = 9
SPECTRAL_RADIUS = 0.9  # of the recurrent kernel of an echo state network


class LayerSize(NamedTuple):
    """The sizes that determine the shapes of a layer's weights and states."""

    inputs: int  # features of the layer's input
    units: int
    is_first: bool


class ForgetGate(NamedTuple):
    """The part of a layer's bias that controls how long its cells keep their state."""

    block: int  # index of the gate among the gates of the bias
    num_blocks: int
    initial_bias: float
    bias_sign: int = 1  # a bias of this sign keeps the state


LSTM_FORGET_GATE = ForgetGate(block=1, num_blocks=4, initial_bias=1.0)  # Jozefowicz et al. 2015


def _gate_shapes(num_gates: int) -> Callable[[LayerSize], Shapes]:
    """Return the function from a layer's size to the shapes of a kernel, a recurrent kernel and a bias."""

    def shapes(size: LayerSize) -> Shapes:
        width = num_gates * size.units
        return {"kernel": (size.inputs, width), "recurrent_kernel": (size.units, width), "bias": (width,)}

    return shapes


def _states_of_units(count: int) -> Callable[[LayerSize], tuple[int, ...]]:
    return lambda size: (size.units,) * count


def _no_constants(_: int) -> Mapping[str, Sequence[float]]:
    return {}


@dataclass(frozen=True)
class Cell:
    """A recurrent cell: its step, the shapes of its weights and states, and its properties.

    Where `passes_cell_state_up` is set, a layer also passes its cell state to the next layer, and the input of the
    step is the pair (x, cell state of the layer below); for the first layer the latter is None.
    """

    step: StepFunction
    weight_shapes: Callable[[LayerSize], Shapes]
    state_sizes: Callable[[LayerSize], tuple[int, ...]]
    forget_gate: ForgetGate | None = None
    input_projection_is_precomputable: bool = True  # x occurs only in `x W + b`, which depends on no state
    passes_cell_state_up: bool = False
    is_recurrent: bool = True
    is_trainable: bool = True
    has_residual: bool = True
    constants: Callable[[int], Mapping[str, Sequence[float]]] = _no_constants  # by number of units; not trained

    @property
    def has_cell_state(self) -> bool:
        """Whether the states are h and c."""
        return self.state_sizes(LayerSize(inputs=1, units=2, is_first=True)) == (2, 2)

    @property
    def has_recurrent_kernel(self) -> bool:
        """Whether the step multiplies h by weights."""
        return "recurrent_kernel" in self.weight_shapes(LayerSize(inputs=1, units=2, is_first=True))

    @property
    def may_have_recurrent_dropout(self) -> bool:
        return self.has_recurrent_kernel and self.is_trainable


def get_cell(name: str) -> Cell:
    """Return the cell of a name, which may have a variant after a colon: `peephole:fi`, `clockwork:5`.

    Raises SettingError if the cell or the variant does not exist.
    """
    cell_type, colon, variant = name.partition(":")
    if cell_type not in CELLS:
        raise SettingError(
            f"unknown cell {shown(name)}",
            hint=did_you_mean(cell_type, CELLS, otherwise=f"the cells are {', '.join(CELLS)}"),
        )
    cell = CELLS[cell_type]
    if isinstance(cell, Cell):
        if colon:
            raise SettingError(f"unknown cell {shown(name)}: {cell_type} has no variants", hint=f"give {cell_type}")
        return cell
    return cell(variant) if colon else cell()


def _peephole(gates: str = "ifo") -> Cell:
    if not gates or set(gates) - set("ifo") or len(set(gates)) < len(gates):
        raise SettingError(
            f"unknown cell {shown(f'peephole:{gates}')}: the gates are i, f and o",
            hint="give one or more, such as peephole:fi",
        )

    def shapes(size: LayerSize) -> Shapes:
        return _gate_shapes(4)(size) | {f"peephole_{gate}": (size.units,) for gate in "ifo" if gate in gates}

    return Cell(
        partial(peephole, gates=gates),
        shapes,
        _states_of_units(2),
        forget_gate=LSTM_FORGET_GATE,
    )


def _clockwork(modules: str = "4") -> Cell:
    num_modules = _parse_variant("clockwork", modules, least=1, most=12, noun="modules")

    def periods(units: int) -> Mapping[str, Sequence[float]]:
        return {"periods": [2.0 ** (unit * num_modules // units) for unit in range(units)]}

    return Cell(
        partial(clockwork, num_modules=num_modules),
        _gate_shapes(1),
        lambda size: (size.units, 1),
        constants=periods,
    )


def _grid(dimensions: str = "2") -> Cell:
    if _parse_variant("grid", dimensions, least=1, most=2, noun="dimensions") == 1:
        return Cell(partial(grid, dimensions=1), _gate_shapes(4), _states_of_units(2), forget_gate=LSTM_FORGET_GATE)
    return Cell(
        partial(grid, dimensions=2),
        _gate_shapes(8),
        _states_of_units(2),
        forget_gate=ForgetGate(block=1, num_blocks=8, initial_bias=1.0),
        passes_cell_state_up=True,
        has_residual=False,
    )


def _depth_gated_shapes(size: LayerSize) -> Shapes:
    if size.is_first:
        return _gate_shapes(4)(size)
    depth_gate: Shapes = {"depth_kernel": (size.inputs, size.units)}
    depth_gate |= dict.fromkeys(("depth_bias", "depth_own", "depth_lower"), (size.units,))
    return _gate_shapes(4)(size) | depth_gate


def _mogrifier(rounds: str = "5") -> Cell:
    num_rounds = _parse_variant("mogrifier", rounds, least=0, most=20, noun="rounds")

    def shapes(size: LayerSize) -> Shapes:
        x_gates = {f"mogrify_x{number}": (size.units, size.inputs) for number in range(1, num_rounds + 1, 2)}
        h_gates = {f"mogrify_h{number}": (size.inputs, size.units) for number in range(2, num_rounds + 1, 2)}
        return _gate_shapes(4)(size) | x_gates | h_gates

    return Cell(
        partial(mogrifier, rounds=num_rounds),
        shapes,
        _states_of_units(2),
        forget_gate=LSTM_FORGET_GATE,
        input_projection_is_precomputable=num_rounds == 0,
    )


def _mlstm_shapes(size: LayerSize) -> Shapes:
    return _gate_shapes(4)(size) | {
        "multiplicative_input": (size.inputs, size.units),
        "multiplicative_state": (size.units, size.units),
    }


def _feedforward(window: str = "16") -> Cell:
    num_inputs = _parse_variant("feedforward", window, least=2, most=1000, noun="characters")

    def shapes(size: LayerSize) -> Shapes:
        width = num_inputs * size.inputs if size.is_first else size.inputs
        return {"kernel": (width, size.units), "bias": (size.units,)}

    return Cell(
        partial(feedforward, window=num_inputs),
        shapes,
        lambda size: ((num_inputs - 1) * size.inputs,) if size.is_first else (),
        input_projection_is_precomputable=False,
        is_recurrent=False,
    )


def _parse_variant(cell_type: str, text: str, *, least: int, most: int, noun: str) -> int:
    is_number = text.isascii() and text.isdecimal() and len(text) <= MAX_VARIANT_DIGITS
    if not is_number or not least <= int(text) <= most:
        raise SettingError(
            f"unknown cell {shown(f'{cell_type}:{text}')}: {cell_type} takes {least} to {most} {noun}",
            hint=f"give {cell_type}:{max(least, 2)}, for example",
        )
    return int(text)


CELLS: dict[str, Cell | Callable[..., Cell]] = {
    "rnn": Cell(rnn, _gate_shapes(1), _states_of_units(1)),
    "lstm": Cell(lstm, _gate_shapes(4), _states_of_units(2), forget_gate=LSTM_FORGET_GATE),
    "peephole": _peephole,
    "coupled": Cell(
        coupled,
        _gate_shapes(3),
        _states_of_units(2),
        forget_gate=ForgetGate(block=0, num_blocks=3, initial_bias=-1.0, bias_sign=-1),
    ),
    "gru": Cell(
        gru,
        lambda size: _gate_shapes(3)(size) | {"recurrent_bias": (3 * size.units,)},
        _states_of_units(1),
        forget_gate=ForgetGate(block=0, num_blocks=3, initial_bias=0.0),
    ),
    "depth-gated": Cell(
        depth_gated,
        _depth_gated_shapes,
        _states_of_units(2),
        forget_gate=LSTM_FORGET_GATE,
        input_projection_is_precomputable=False,
        passes_cell_state_up=True,
    ),
    "clockwork": _clockwork,
    "grid": _grid,
    "mogrifier": _mogrifier,
    "mlstm": Cell(
        mlstm,
        _mlstm_shapes,
        _states_of_units(2),
        forget_gate=LSTM_FORGET_GATE,
        input_projection_is_precomputable=False,
    ),
    "feedforward": _feedforward,
    "echo-state": Cell(echo_state, _gate_shapes(1), _states_of_units(1), is_trainable=False),
}
