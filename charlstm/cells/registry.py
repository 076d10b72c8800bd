"""The cells there are to choose from: for each its step, and what fixes the shapes of its weights and states.

>>> get_cell("lstm").shapes(Size(64, 300, is_first=True))
{'kernel': (64, 1200), 'recurrent_kernel': (300, 1200), 'bias': (1200,)}
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from charlstm.cells.equations import (
    Step,
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
from charlstm.errors import SettingError

Shapes = dict[str, tuple[int, ...]]
SPECTRAL_RADIUS = 0.9  # of the reservoir of an echo state network
FORGET = (1, 4, 1.0)  # the second block of four; with 1 a cell remembers at first (Jozefowicz et al. 2015)


class Size(NamedTuple):
    """What the shapes of a layer's weights hang on."""

    inputs: int  # numbers that it reads at every step
    units: int
    is_first: bool


def _dense(num_blocks: int) -> Callable[[Size], Shapes]:
    """The shapes of a kernel, a recurrent kernel and a bias with so many blocks of `units` columns."""

    def shapes(size: Size) -> Shapes:
        width = num_blocks * size.units
        return {"kernel": (size.inputs, width), "recurrent_kernel": (size.units, width), "bias": (width,)}

    return shapes


def _units_each(count: int) -> Callable[[Size], tuple[int, ...]]:
    return lambda size: (size.units,) * count


def _no_constants(_: int) -> Mapping[str, Sequence[float]]:
    return {}


@dataclass(frozen=True)
class Cell:
    """A recurrent cell: its step, and what fixes the shapes of its weights and states.

    The step returns the outputs, the states after it and the activations. A layer whose cell `passes_cell_state_up`
    passes its cell state to the next layer, whose input is then a pair (x, lower cell state); it is None for the first.
    """

    step: Step
    shapes: Callable[[Size], Shapes]
    state_sizes: Callable[[Size], tuple[int, ...]]
    forget_gate_block: tuple[int, int, float] | None = (
        None  # of the gate that remembers: which of how many, its first bias
    )
    opens: int = 1  # the sign of a bias that lets it remember
    input_projection_is_precomputable: bool = (
        True  # the input is used in `x @ kernel + bias` alone, which need not wait for a state
    )
    projects_input_separately: bool = False  # it asks for `input_projection`, and not for `gate_preactivations`
    uses_h_only_in_matmuls: bool = False  # h is multiplied by weights, and by nothing else
    passes_cell_state_up: bool = False
    factors: tuple[str, ...] = ()  # matmuls whose results are multiplied with something, not only squashed or added
    is_trainable: bool = True
    has_residual: bool = True
    constants: Callable[[int], Mapping[str, Sequence[float]]] = _no_constants  # of units: numbers that are not trained


def get_cell(name: str) -> Cell:
    """The cell of a name, some with a variant after a colon: `peephole:fi`, `clockwork:5`.

    Raises SettingError for a name or a variant that there is not.
    """
    kind, colon, variant = name.partition(":")
    if kind not in CELLS:
        raise SettingError(f"there is no cell {name!r}", hint=f"cells are: {', '.join(CELLS)}")
    make = CELLS[kind]
    if isinstance(make, Cell):
        if colon:
            raise SettingError(f"the cell {kind} has no variants, but {name!r} was given", hint=f"give {kind} alone")
        return make
    return make(variant) if colon else make()


def _peephole(gates: str = "ifo") -> Cell:
    if not gates or set(gates) - set("ifo") or len(set(gates)) < len(gates):
        raise SettingError(f"peephole:{gates} does not name gates", hint="give any of i, f and o: peephole:fi")

    def shapes(size: Size) -> Shapes:
        return _dense(4)(size) | {f"peephole_{gate}": (size.units,) for gate in "ifo" if gate in gates}

    return Cell(
        partial(peephole, gates=gates), shapes, _units_each(2), forget_gate_block=FORGET, uses_h_only_in_matmuls=True
    )


def _clockwork(modules: str = "4") -> Cell:
    num_modules = _number("clockwork", modules, least=1, most=12, what="modules")

    def periods(units: int) -> Mapping[str, Sequence[float]]:
        return {"periods": [2.0 ** (unit * num_modules // units) for unit in range(units)]}

    return Cell(
        partial(clockwork, num_modules=num_modules),
        _dense(1),
        lambda size: (size.units, 1),
        constants=periods,
    )


def _grid(dimensions: str = "2") -> Cell:
    if _number("grid", dimensions, least=1, most=2, what="dimensions") == 1:
        return Cell(partial(grid, dimensions=1), _dense(4), _units_each(2), forget_gate_block=FORGET)
    return Cell(
        partial(grid, dimensions=2),
        _dense(8),
        _units_each(2),
        forget_gate_block=(1, 8, 1.0),
        passes_cell_state_up=True,
        has_residual=False,
    )


def _depth_gated_shapes(size: Size) -> Shapes:
    own: Shapes = {"depth_kernel": (size.inputs, size.units)}
    own |= dict.fromkeys(("depth_bias", "depth_own", "depth_lower"), (size.units,))
    return _dense(4)(size) | ({} if size.is_first else own)


def _mogrifier(rounds: str = "5") -> Cell:
    number = _number("mogrifier", rounds, least=0, most=20, what="rounds")

    def shapes(size: Size) -> Shapes:
        of_x = {f"mogrify_x{place}": (size.units, size.inputs) for place in range(1, number + 1, 2)}
        of_h = {f"mogrify_h{place}": (size.inputs, size.units) for place in range(2, number + 1, 2)}
        return _dense(4)(size) | of_x | of_h

    return Cell(
        partial(mogrifier, rounds=number),
        shapes,
        _units_each(2),
        forget_gate_block=FORGET,
        input_projection_is_precomputable=number == 0,
    )


def _mlstm_shapes(size: Size) -> Shapes:
    own = {"multiplicative_input": (size.inputs, size.units), "multiplicative_state": (size.units, size.units)}
    return _dense(4)(size) | own


def _feedforward(window: str = "16") -> Cell:
    number = _number("feedforward", window, least=2, most=1000, what="characters")

    def shapes(size: Size) -> Shapes:
        return {"kernel": (number * size.inputs if size.is_first else size.inputs, size.units), "bias": (size.units,)}

    return Cell(
        partial(feedforward, window=number),
        shapes,
        lambda size: ((number - 1) * size.inputs,) if size.is_first else (),
        input_projection_is_precomputable=False,
        projects_input_separately=True,
    )


def _number(cell: str, text: str, *, least: int, most: int, what: str) -> int:
    if not text.isascii() or not text.isdecimal() or not least <= int(text) <= most:
        raise SettingError(f"{cell}:{text} must have {least} to {most} {what}", hint=f"such as {cell}:{max(least, 2)}")
    return int(text)


CELLS: dict[str, Cell | Callable[..., Cell]] = {
    "rnn": Cell(rnn, _dense(1), _units_each(1), uses_h_only_in_matmuls=True),
    "lstm": Cell(lstm, _dense(4), _units_each(2), forget_gate_block=FORGET),
    "peephole": _peephole,
    "coupled": Cell(
        coupled, _dense(3), _units_each(2), forget_gate_block=(0, 3, -1.0), opens=-1, uses_h_only_in_matmuls=True
    ),
    "gru": Cell(
        gru,
        lambda size: _dense(3)(size) | {"recurrent_bias": (3 * size.units,)},
        _units_each(1),
        forget_gate_block=(0, 3, 0.0),
        projects_input_separately=True,
        factors=("state",),
    ),
    "depth-gated": Cell(
        depth_gated,
        _depth_gated_shapes,
        _units_each(2),
        forget_gate_block=FORGET,
        input_projection_is_precomputable=False,
        passes_cell_state_up=True,
    ),
    "clockwork": _clockwork,
    "grid": _grid,
    "mogrifier": _mogrifier,
    "mlstm": Cell(
        mlstm,
        _mlstm_shapes,
        _units_each(2),
        forget_gate_block=FORGET,
        input_projection_is_precomputable=False,
        factors=("multiplicative_input", "multiplicative_state"),
    ),
    "feedforward": _feedforward,
    "echo-state": Cell(echo_state, _dense(1), _units_each(1), is_trainable=False),
}
