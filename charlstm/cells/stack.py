"""The loop over a network's layers, written once for any array library.

A layer is a function that its caller supplies; it may run one step or a whole sequence.
"""

from collections.abc import Callable
from typing import Any

from charlstm.cells.equations import Array, CellStates, CellStep, Ops, Projections
from charlstm.cells.registry import Cell, get_cell
from charlstm.config import ModelConfig

States = list[CellStates]  # of all layers, then of the attention if there is one
# (layer, input, cell state of the layer below) -> (output, cell state for the layer above, new states)
RunLayer = Callable[[int, Array, Array | None], tuple[Array, Array | None, Any]]


def run_stack(
    num_layers: int,
    inputs: Array,
    run_layer: RunLayer,
    *,
    residual: bool,
    after_layer: Callable[[int, Array], Array] | None = None,
) -> tuple[Array, list[Any]]:
    """Run layers on top of each other; return the output of the last and the new states of each.

    With `residual` every layer but the first adds its input to its output (He et al. 2016). `after_layer` changes
    the output of a layer before the next one reads it.
    """
    hidden, lower, states = inputs, None, []
    for layer in range(num_layers):
        output, lower, new_states = run_layer(layer, hidden, lower)
        hidden = hidden + output if layer and residual else output
        if after_layer is not None:
            hidden = after_layer(layer, hidden)
        states.append(new_states)
    return hidden, states


def has_residual(config: ModelConfig) -> bool:
    """Return whether the layers of a network after the first add their input to their output."""
    return config.residual and get_cell(config.cell).has_residual


def step_cell(
    cell: Cell, ops: Ops, projections: Projections, x: Array, lower: Array | None, states: CellStates
) -> CellStep:
    """Run one step of a cell; `lower` reaches only cells that pass their cell state up."""
    return cell.step(ops, projections, (x, lower) if cell.passes_cell_state_up else x, states)
