"""A layer of a cell with names in place of sizes: what code is compiled from."""

from collections.abc import Mapping
from dataclasses import dataclass

from charlstm.cells.equations import StepFunction
from charlstm.cells.registry import Cell, LayerSize

SAMPLE_SIZE = LayerSize(inputs=7, units=1000, is_first=True)  # a shape shows which of them it consists of
UNITS, INPUTS, ONE = "units", "inputs", "one"  # widths by name


@dataclass(frozen=True)
class SymbolicLayer:
    """A layer's step, and the widths of what it computes with.

    A shape is (rows, width, number of blocks side by side); rows are None for weights of one number per unit.
    """

    step: StepFunction
    shapes: Mapping[str, tuple[str | None, str, int]]
    state_widths: tuple[str, ...]
    is_first: bool
    passes_cell_state_up: bool


def symbolic_layer(cell: Cell, *, is_first: bool) -> SymbolicLayer:
    """Return a layer of a recurrent cell."""
    size = SAMPLE_SIZE._replace(is_first=is_first)
    shapes: dict[str, tuple[str | None, str, int]] = {}
    for name, shape in cell.weight_shapes(size).items():
        width, num_blocks = _width(shape[-1])
        shapes[name] = _width(shape[0])[0] if len(shape) == 2 else None, width, num_blocks
    shapes |= dict.fromkeys(cell.constants(size.units), (None, UNITS, 1))
    state_widths = tuple(ONE if count == 1 else _width(count)[0] for count in cell.state_sizes(size))
    return SymbolicLayer(cell.step, shapes, state_widths, is_first, cell.passes_cell_state_up)


def _width(count: int) -> tuple[str, int]:
    """Return the width, and the number of blocks of it, that a number of columns consists of."""
    if count < SAMPLE_SIZE.units:
        return INPUTS, count // SAMPLE_SIZE.inputs
    return UNITS, count // SAMPLE_SIZE.units
