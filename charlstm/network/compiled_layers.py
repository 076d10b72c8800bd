"""The compiled loops of layers by the names of their cells; without TensorFlow, so that they are ready before it is."""

from functools import cache

from charlstm.cells.registry import get_cell
from charlstm.cells.symbolic import symbolic_layer
from charlstm.kernels import LayerKernel, fastest_precision

REFERENCE_CELL = "lstm"  # by which the machine is measured


@cache
def layer_kernel(cell: str, precision: str, *, is_first: bool, has_table: bool, needs_gradient: bool) -> LayerKernel:
    """Return the loops of a layer."""
    layer = symbolic_layer(get_cell(cell), is_first=is_first)
    return LayerKernel(layer, precision, has_table=has_table, needs_gradient=needs_gradient)


def compile_for_training(precision: str | None, cells: frozenset[str]) -> str:
    """Compile what training these cells needs, or load it, and return the precision; None: the fastest one."""
    if precision is None:
        precision = fastest_precision(symbolic_layer(get_cell(REFERENCE_CELL), is_first=False))
    for name in cells | {REFERENCE_CELL}:
        cell = get_cell(name)
        if cell.is_recurrent:
            has_table = cell.input_projection_is_precomputable
            layer_kernel(name, precision, is_first=True, has_table=has_table, needs_gradient=True).compile()
            layer_kernel(name, precision, is_first=False, has_table=False, needs_gradient=True).compile()
    return precision
