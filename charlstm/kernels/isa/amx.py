"""Intel's Advanced Matrix Extensions: registers that are tiles of 16 rows by 64 bytes, multiplied as matrices.

One instruction multiplies 16 rows of 32 bfloat16 by 32 rows of 16, and takes 16 cycles; its result is there after 52.
So four sums are kept in flight: 2 x 2 tiles, or with 16 rows 1 x 4. The instruction cares neither for the number of
rows that are used nor for their content, so a row's result does not depend on the others.
"""

import numpy as np
from llvmlite import ir

from charlstm.kernels.emitter import I8, VOID, Emitter, Int, Number
from charlstm.kernels.isa.avx512 import AVX512_PRODUCT, WIDE_VECTORS
from charlstm.kernels.isa.bf16 import AVX512_BF16
from charlstm.kernels.isa.instruction_set import ELEMENT_BYTES, NR, InstructionSet, Product, TileArrays

ROWS, COLUMNS, DEPTH = 16, 16, 32  # of a tile of operands (ROWS, DEPTH) by one of weights (DEPTH, COLUMNS)
ROW_BYTES, PANEL_ROW_BYTES = 64, NR * ELEMENT_BYTES
FIRST_ROW_COUNT, NUM_TILES = 48, 8  # in the configuration
FIRST_OPERAND, FIRST_WEIGHT = 4, 6  # tiles 0 to 3 are sums


def tile_configuration() -> bytes:
    """Return the 64 bytes that make all eight tiles 16 rows of 64 bytes (Intel's manual, LDTILECFG)."""
    layout = np.zeros(64, np.uint8)
    layout[0] = 1  # palette
    layout[16:32].view(np.uint16)[:] = ROW_BYTES
    layout[FIRST_ROW_COUNT : FIRST_ROW_COUNT + NUM_TILES] = ROWS
    return layout.tobytes()


def _emit_enter(e: Emitter, num_rows: Number) -> None:
    """Emit the configuration of this thread's tiles; sums and operands have fewer rows if there are fewer."""
    content = ir.Constant(ir.ArrayType(I8, 64), bytearray(tile_configuration()))
    configuration = e.variable(content)
    rows = e.integer(num_rows)
    used = e.builder.trunc(e.select(rows.compare("<", ROWS), rows, ROWS).value, I8)
    for tile in range(FIRST_WEIGHT):
        e.builder.store(used, e.address(configuration, FIRST_ROW_COUNT + tile))
    e.intrinsic("llvm.x86.ldtilecfg", VOID, [configuration])


def _emit_leave(e: Emitter) -> None:
    e.intrinsic("llvm.x86.tilerelease", VOID, [])


def _emit_tile(e: Emitter, arrays: TileArrays, rows: int, accumulate: bool) -> None:
    stride = e.integer(arrays.results_stride)
    num_rows, num_columns = rows // ROWS, len(arrays.panels) * NR // COLUMNS
    results = [
        e.address(arrays.results, stride * (ROWS * row) + column * ROW_BYTES)
        for row in range(num_rows)
        for column in range(num_columns)
    ]
    for tile, place in enumerate(results):
        if accumulate:
            _emit_load(e, tile, place, stride)
        else:
            e.intrinsic("llvm.x86.tilezero", VOID, [I8(tile)])
    with e.loop(0, e.integer(arrays.depth) * 2 // DEPTH) as k:
        _emit_products(e, arrays, k, num_rows, num_columns)
    for tile, place in enumerate(results):
        e.intrinsic("llvm.x86.tilestored64", VOID, [I8(tile), place, stride.value])


def _emit_products(e: Emitter, arrays: TileArrays, k: Int, num_rows: int, num_columns: int) -> None:
    """Emit the products of the tiles at k: (num_rows, num_columns) of them."""
    stride = e.integer(arrays.operands_stride)
    for row in range(num_rows):
        operands = e.address(arrays.operands, stride * (ROWS * row) + k * ROW_BYTES)
        _emit_load(e, FIRST_OPERAND + row, operands, stride)
    for column in range(num_columns):
        panel, offset = divmod(column * COLUMNS, NR)
        weight = FIRST_WEIGHT + column % 2
        weights = e.address(arrays.panels[panel], k * (DEPTH // 2 * PANEL_ROW_BYTES) + offset * ELEMENT_BYTES)
        _emit_load(e, weight, weights, e.integer(PANEL_ROW_BYTES))
        for row in range(num_rows):
            tiles = row * num_columns + column, FIRST_OPERAND + row, weight
            e.intrinsic("llvm.x86.tdpbf16ps", VOID, [I8(tile) for tile in tiles])


def _emit_load(e: Emitter, tile: int, address: ir.Value, stride: Int) -> None:
    e.intrinsic("llvm.x86.tileloadd64", VOID, [I8(tile), address, stride.value])


TILE_PRODUCT = Product(
    precision="bfloat16",
    emit_tile=_emit_tile,
    tile_rows=(2 * ROWS, ROWS),
    few_rows=ROWS,
    panels_of_few_rows=2,
    k_unroll=2,
    k_multiple=DEPTH,
    row_multiple=ROWS,
    emit_enter=_emit_enter,
    emit_leave=_emit_leave,
)
AMX = InstructionSet(
    name="amx",
    architecture="x86_64",
    required=AVX512_BF16.required | {"amx-tile", "amx-bf16"},
    cpu="x86-64-v4",
    features=f"{WIDE_VECTORS},+avx512bf16,+amx-tile,+amx-bf16",
    lanes=16,
    products=(
        AVX512_PRODUCT,
        TILE_PRODUCT,
    ),
)
