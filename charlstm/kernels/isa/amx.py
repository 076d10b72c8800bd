"""Intel's Advanced Matrix Extensions: registers that are tiles of 16 rows by 64 bytes, multiplied as matrices.

One instruction multiplies 16 rows of 32 bfloat16 by 32 rows of 16, and takes 16 cycles; its result is there after 52.
So four sums are kept in flight: 2 x 2 tiles, or with 16 rows 1 x 4. The instruction cares neither for the number of
rows that are used nor for their content, so a row's result does not depend on the others.
"""

from dataclasses import dataclass

import numpy as np
from llvmlite import ir

from charlstm.kernels.emitter import I8, I64, VOID, Emitter
from charlstm.kernels.isa.avx512 import AVX512_PRODUCT, WIDE_VECTORS
from charlstm.kernels.isa.bf16 import AVX512_BF16
from charlstm.kernels.isa.instruction_set import NR, InstructionSet, Precision, TileArrays

ROWS, COLUMNS, DEPTH = 16, 16, 32  # of a tile of operands (ROWS, DEPTH) by one of weights (DEPTH, COLUMNS)
ROW_BYTES = 64
CONFIGURATION = "tile_configuration"
FIRST_OPERAND, FIRST_WEIGHT = 4, 6  # tiles 0 to 3 are sums


def tile_configuration() -> bytes:
    """Return the 64 bytes that make all eight tiles 16 rows of 64 bytes (Intel's manual, LDTILECFG)."""
    layout = np.zeros(64, np.uint8)
    layout[0] = 1  # palette
    layout[16:32].view(np.uint16)[:] = ROW_BYTES
    layout[48:56] = ROWS
    return layout.tobytes()


@dataclass(frozen=True)
class TileProduct:
    """Products of bfloat16 in AMX's tiles."""

    precision: Precision = "bfloat16"
    k_unroll: int = 2
    k_multiple: int = DEPTH
    row_multiple: int = ROWS
    tile_rows: tuple[int, ...] = (2 * ROWS, ROWS)
    few_rows: int = ROWS
    panels_of_few_rows: int = 2

    def emit_enter(self, emitter: Emitter) -> None:
        content = ir.Constant(ir.ArrayType(I8, 64), bytearray(tile_configuration()))
        module = emitter.module
        if CONFIGURATION not in module.globals:
            variable = ir.GlobalVariable(module, content.type, CONFIGURATION)
            variable.initializer, variable.global_constant, variable.linkage = content, True, "internal"
        emitter.intrinsic("llvm.x86.ldtilecfg", VOID, [module.get_global(CONFIGURATION)])

    def emit_leave(self, emitter: Emitter) -> None:
        emitter.intrinsic("llvm.x86.tilerelease", VOID, [])

    def emit_tile(self, emitter: Emitter, arrays: TileArrays, *, rows: int, accumulate: bool) -> None:
        e, num_rows, num_columns = emitter, rows // ROWS, len(arrays.panels) * NR // COLUMNS
        results_stride, operands_stride = (e.int(s).value for s in (arrays.results_stride, arrays.operands_stride))

        def load(tile: int, address: ir.Value, stride: ir.Value) -> None:
            e.intrinsic("llvm.x86.tileloadd64", VOID, [I8(tile), address, stride])

        results = [
            e.address(arrays.results, e.int(results_stride) * (ROWS * row) + column * ROW_BYTES)
            for row in range(num_rows)
            for column in range(num_columns)
        ]
        for tile, place in enumerate(results):
            if accumulate:
                load(tile, place, results_stride)
            else:
                e.intrinsic("llvm.x86.tilezero", VOID, [I8(tile)])
        with e.loop(0, e.int(arrays.depth) * 2 // DEPTH) as k:
            for row in range(num_rows):
                operands = e.address(arrays.operands, e.int(operands_stride) * (ROWS * row) + k * ROW_BYTES)
                load(FIRST_OPERAND + row, operands, operands_stride)
            for column in range(num_columns):
                panel = arrays.panels[column * COLUMNS // NR]
                weight = FIRST_WEIGHT + column % 2
                load(weight, e.address(panel, k * (DEPTH * NR * 2) + column * ROW_BYTES % (NR * 4)), I64(NR * 4))
                for row in range(num_rows):
                    tiles = row * num_columns + column, FIRST_OPERAND + row, weight
                    e.intrinsic("llvm.x86.tdpbf16ps", VOID, [I8(tile) for tile in tiles])
        for tile, place in enumerate(results):
            e.intrinsic("llvm.x86.tilestored64", VOID, [I8(tile), place, results_stride])


AMX = InstructionSet(
    name="amx",
    architecture="x86_64",
    required=AVX512_BF16.required | {"amx-tile", "amx-bf16"},
    cpu="x86-64-v4",
    features=f"{WIDE_VECTORS},+avx512bf16,+amx-tile,+amx-bf16",
    lanes=16,
    products=(
        AVX512_PRODUCT,
        TileProduct(),
    ),
)
