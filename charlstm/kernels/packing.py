"""Weights in the layout that products read, and the gradient of weights.

Weights (K inputs, N outputs) are packed into panels of NR outputs each, (N / NR, K / k_unroll, NR, k_unroll), so that a
product reads them from first to last. A step multiplies by the same weights at each character: they are packed once and
read many times. The outputs are blocks of equal width, and each block is padded to whole vectors.

The gradient of a matrix is left.T @ right, summed over all steps of all streams: left (rows, M) is the operands, right
(rows, N) the gradient of the products. A few hundred rows at a time are packed, left transposed and right into panels,
and multiplied as in every other product.
"""

from collections.abc import Callable

from llvmlite import ir

from charlstm.kernels.emitter import I16, Emitter, Int
from charlstm.kernels.isa.instruction_set import ELEMENT_BYTES, NR, Product

PACK_ARGUMENTS = ("weights", "panels", "rows", "width", "padded_width", "num_blocks", "columns", "depth")
GRADIENT_ARGUMENTS = (
    "left",
    "right",
    "left_panels",
    "right_panels",
    "results",
    "rows",
    "rows_at_once",
    "left_columns",
    "right_columns",
)
MC = 256  # columns of the left side at a time: they stay in the second cache while the right side passes
LINE_ELEMENTS = 16  # in a cache line: rows of packed operands are this much longer, so that they lie in different sets

LoadRow = Callable[[Int, Int], ir.Value]


def emit_packing(emitter: Emitter, product: Product) -> None:
    """Emit the functions `pack` and `pack_transposed`, with PACK_ARGUMENTS.

    `columns` and `depth` are the size of the panels: outputs, and inputs / k_unroll. Transposed, the outputs are the
    rows of the weights.
    """
    with emitter.entry("pack", PACK_ARGUMENTS) as a:
        _emit_pack(emitter, product, a)
    with emitter.entry("pack_transposed", PACK_ARGUMENTS) as a:
        _emit_pack_transposed(emitter, product, a)


def _emit_pack(e: Emitter, product: Product, a: dict[str, Int]) -> None:
    whole_depth = a["rows"] // product.k_unroll
    with e.loop(0, a["columns"], e.lanes) as column:
        block, unit = column // a["padded_width"], column % a["padded_width"]
        in_block = e.select(block.compare("<", a["num_blocks"]), a["width"] - unit, 0)
        source = block * a["width"] + unit
        target = e.address(a["panels"], _panel_offset(column, a["depth"]))
        plain_depth = e.select(in_block.compare(">=", e.lanes), whole_depth, 0)

        def row(number: Int) -> ir.Value:
            return e.address(a["weights"], (number * a["width"] * a["num_blocks"] + source) * ELEMENT_BYTES)

        def masked(number: Int) -> ir.Value:
            count = e.select(number.compare("<", a["rows"]), in_block, 0)
            return e.load_first(row(number), count)

        def whole(number: Int) -> ir.Value:
            return e.load(row(number))

        for start, stop, load in ((0, plain_depth, whole), (plain_depth, a["depth"], masked)):
            with e.loop(start, stop) as k:
                numbers = [load(k * product.k_unroll + part) for part in range(product.k_unroll)]
                e.store(_to_elements(e, numbers), e.address(target, k * (NR * ELEMENT_BYTES)))


def _emit_pack_transposed(e: Emitter, product: Product, a: dict[str, Int]) -> None:
    """Emit the loops over blocks of weights, which are transposed in registers."""
    row_bytes = a["width"] * a["num_blocks"] * ELEMENT_BYTES
    with e.loop(0, a["columns"], e.lanes) as first_row, e.loop(0, a["depth"], e.lanes) as depth:
        parts = []
        for part in range(product.k_unroll):
            column = depth * product.k_unroll + part * e.lanes
            block, unit = column // a["padded_width"], column % a["padded_width"]
            in_block = e.select(block.compare("<", a["num_blocks"]), a["width"] - unit, 0)
            parts.append((e.address(a["weights"], (block * a["width"] + unit) * ELEMENT_BYTES), in_block))
        rows = []
        for lane in range(e.lanes):
            row = first_row + lane
            numbers = [
                e.load_first(e.address(start, row * row_bytes), e.select(row.compare("<", a["rows"]), count, 0))
                for start, count in parts
            ]
            rows.append(_pair_neighbours(e, numbers))
        target = e.address(a["panels"], _panel_offset(first_row, a["depth"]) + depth * (NR * ELEMENT_BYTES))
        for lane, elements in enumerate(e.transpose(rows)):
            e.store(elements, e.address(target, lane * NR * ELEMENT_BYTES))


def _panel_offset(column: Int, depth: Int) -> Int:
    """Return the offset in bytes of the first element of a column of panels."""
    return (column // NR * depth * NR + column % NR) * ELEMENT_BYTES


def _to_elements(e: Emitter, rows: list[ir.Value]) -> ir.Value:
    """Return elements of a panel: numbers, or pairs of the bfloat16 of two rows."""
    if len(rows) == 1:
        return rows[0]
    return _interleave(e, *(e.to_bf16(row) for row in rows))


def _interleave(e: Emitter, first: ir.Value, second: ir.Value) -> ir.Value:
    order = [lane + row for lane in range(e.lanes) for row in (0, e.lanes)]
    return e.builder.bitcast(e.shuffle(first, second, order), e.words)


def _pair_neighbours(e: Emitter, parts: list[ir.Value]) -> ir.Value:
    """Return elements of numbers that follow each other: themselves, or pairs of bfloat16."""
    if len(parts) == 1:
        return parts[0]
    first, second = (e.to_bf16(part) for part in parts)
    return e.builder.bitcast(e.shuffle(first, second, range(2 * e.lanes)), e.words)


def emit_weight_gradient(emitter: Emitter, product: Product) -> None:
    """Emit the function `weight_gradient`, with GRADIENT_ARGUMENTS; needs `emit_gemm`.

    It writes left.T @ right (left_columns, right_columns). `rows`, and `rows_at_once` of them, are multiples of
    k_unroll times the lanes.
    """
    e = emitter
    with e.entry("weight_gradient", GRADIENT_ARGUMENTS) as a:
        product.emit_enter(e, a["left_columns"])
        with e.loop(0, (a["rows"] + a["rows_at_once"] - 1) // a["rows_at_once"]) as chunk:
            start = chunk * a["rows_at_once"]
            rest = a["rows"] - start
            count = e.select(rest.compare("<", a["rows_at_once"]), rest, a["rows_at_once"])
            depth = count // product.k_unroll
            _emit_pack_left(e, product, a, start, depth)
            _emit_pack_right(e, product, a, start, depth)
            is_first = chunk.compare("==", 0)
            for function, condition in (("gemm_set", is_first), ("gemm_add", e.builder.not_(is_first))):
                with e.when(condition):
                    _emit_blocks(e, function, a, depth)
        product.emit_leave(e)


def _emit_blocks(e: Emitter, function: str, a: dict[str, Int], depth: Int) -> None:
    """Emit the products of a chunk, a block of rows of the result at a time."""
    width, stride = a["right_columns"] * ELEMENT_BYTES, (depth + LINE_ELEMENTS) * ELEMENT_BYTES
    with e.loop(0, a["left_columns"], MC) as block:
        rest = a["left_columns"] - block
        e.call(
            function,
            e.address(a["right_panels"], 0),
            e.address(a["left_panels"], block * stride),
            stride,
            e.address(a["results"], block * width),
            width,
            a["right_columns"] // NR,
            e.select(rest.compare("<", MC), rest, MC),
            depth,
        )


def _emit_pack_left(e: Emitter, product: Product, a: dict[str, Int], start: Int, depth: Int) -> None:
    stride = depth + LINE_ELEMENTS
    load = _row_loader(e, product, a["left"], a["left_columns"], start)
    with e.loop(0, depth, e.lanes) as k, e.loop(0, a["left_columns"], e.lanes) as column:
        rows = [load(k + lane, column) for lane in range(e.lanes)]
        for lane, elements in enumerate(e.transpose(rows)):
            e.store(elements, e.address(a["left_panels"], ((column + lane) * stride + k) * ELEMENT_BYTES))


def _emit_pack_right(e: Emitter, product: Product, a: dict[str, Int], start: Int, depth: Int) -> None:
    load = _row_loader(e, product, a["right"], a["right_columns"], start)
    with e.loop(0, depth) as k, e.loop(0, a["right_columns"], e.lanes) as column:
        target = e.address(a["right_panels"], _panel_offset(column, depth) + k * (NR * ELEMENT_BYTES))
        e.store(load(k, column), target)


def _row_loader(e: Emitter, product: Product, array: Int, columns: Int, start: Int) -> LoadRow:
    """Return a function that emits the elements of row k, or of rows 2k and 2k + 1, from a column on."""
    number_bytes = ELEMENT_BYTES // product.k_unroll

    def load(k: Int, column: Int) -> ir.Value:
        rows = [start + k * product.k_unroll + part for part in range(product.k_unroll)]
        addresses = [e.address(array, (row * columns + column) * number_bytes) for row in rows]
        if len(addresses) == 1:
            return e.load(addresses[0])
        return _interleave(e, *(e.load(address, ir.VectorType(I16, e.lanes)) for address in addresses))

    return load
