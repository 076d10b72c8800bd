"""Matrix products as a recurrent step needs them: C (M, N) += A (M, K) @ B (K, N), with few rows.

A is the operands (one row for each stream), B the weights in panels (packing.py), C float32. Panels are the outer
loop: each is read once, from first to last, while the operands stay in the caches.
"""

from charlstm.kernels.emitter import I64, POINTER, Emitter, Int, Number
from charlstm.kernels.isa.instruction_set import ELEMENT_BYTES, NR, Product, TileArrays

PARAMETERS = (POINTER, POINTER, I64, POINTER, I64, I64, I64, I64)


def emit_gemm(emitter: Emitter, product: Product) -> None:
    """Emit the functions `gemm_add` (C += A @ B) and `gemm_set` (C = A @ B).

    Their parameters: panels, operands, their stride in bytes, results, their stride, the number of panels, of rows,
    and the depth in elements of a panel's column.
    """
    for name, accumulate in (("gemm_add", True), ("gemm_set", False)):
        with emitter.function(name, PARAMETERS) as (panels, operands, stride, results, width, num_panels, rows, depth):
            arrays = TileArrays([panels], operands, stride, results, width, depth)
            _emit_panels(emitter, product, arrays, num_panels, rows, accumulate=accumulate)


def _emit_panels(
    e: Emitter, product: Product, arrays: TileArrays, num_panels: Int, num_rows: Int, *, accumulate: bool
) -> None:
    (panels,) = arrays.panels
    panel_bytes = arrays.depth * NR * ELEMENT_BYTES

    def at_panel(panel: Int, count: int) -> TileArrays:
        return arrays._replace(
            panels=[e.address(panels, (panel + number) * panel_bytes) for number in range(count)],
            results=e.address(arrays.results, panel * (NR * ELEMENT_BYTES)),
        )

    group = product.panels_of_few_rows
    grouped: Number = 0
    if group > 1:
        has_few_rows = num_rows.compare("==", product.few_rows)
        grouped = e.select(has_few_rows, num_panels // group * group, 0)
        with e.loop(0, grouped, group) as panel:
            product.emit_tile(e, at_panel(panel, group), product.few_rows, accumulate)
    with e.loop(grouped, num_panels) as panel:
        _emit_rows(e, product, at_panel(panel, 1), num_rows, accumulate=accumulate)


def _emit_rows(e: Emitter, product: Product, arrays: TileArrays, num_rows: Int, *, accumulate: bool) -> None:
    """Emit the loops over rows: tiles of the largest size first."""
    first: Number = 0
    for size in product.tile_rows:
        last = e.integer(first) + (num_rows - first) // size * size
        with e.loop(first, last, size) as row:
            product.emit_tile(e, _at_row(e, arrays, row), size, accumulate)
        first = last


def _at_row(e: Emitter, arrays: TileArrays, row: Int) -> TileArrays:
    return arrays._replace(
        operands=e.address(arrays.operands, row * arrays.operands_stride),
        results=e.address(arrays.results, row * arrays.results_stride),
    )
