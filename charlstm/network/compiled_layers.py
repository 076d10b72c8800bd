"""The compiled loops of layers by the names of their cells; without TensorFlow, so that they are ready before it is."""

from functools import cache
from itertools import product
from threading import Event

from charlstm.cells.registry import get_cell
from charlstm.cells.symbolic import SymbolicLayer, symbolic_layer
from charlstm.kernels import LayerKernel, fastest_precision

REFERENCE_CELL = "lstm"  # by which the machine is measured


def reference_layer() -> SymbolicLayer:
    """Return the layer by which precisions and instruction sets are compared."""
    return symbolic_layer(get_cell(REFERENCE_CELL), is_first=False)


@cache
def layer_kernel(cell: str, precision: str, *, is_first: bool, has_table: bool, needs_gradient: bool) -> LayerKernel:
    """Return the loops of a layer."""
    layer = symbolic_layer(get_cell(cell), is_first=is_first)
    return LayerKernel(layer, precision, has_table=has_table, needs_gradient=needs_gradient)


def compile_for_training(precision: str | None, cells: frozenset[str], *, stopped: Event | None = None) -> str:
    """Compile what training and evaluating these cells needs, or load it, and return the precision.

    Without a precision it is the fastest one. Once `stopped` is set, nothing more is compiled.
    """
    precision = precision or fastest_precision(reference_layer())
    names = sorted(cells | {REFERENCE_CELL})
    for needs_gradient, name, is_first in product((True, False), names, (True, False)):
        cell = get_cell(name)
        has_table = is_first and cell.input_projection_is_precomputable
        if cell.is_recurrent and not (stopped and stopped.is_set()):
            layer_kernel(
                name, precision, is_first=is_first, has_table=has_table, needs_gradient=needs_gradient
            ).compile()
    return precision
