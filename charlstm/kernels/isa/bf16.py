"""AVX-512 with AVX512_BF16, which multiplies pairs of bfloat16 and sums them in float32."""

from llvmlite import ir

from charlstm.kernels.emitter import BFLOAT, Emitter
from charlstm.kernels.isa.avx512 import AVX512_FEATURES, AVX512_PRODUCT, WIDE_VECTORS
from charlstm.kernels.isa.instruction_set import InstructionSet, vector_product


def dot_product_add(emitter: Emitter, operand: ir.Value, weights: ir.Value, sums: ir.Value) -> ir.Value:
    """Emit sums + operand * weights, where each 32-bit element is a pair of bfloat16."""
    pairs = ir.VectorType(BFLOAT, 2 * emitter.lanes)
    arguments = [sums, emitter.builder.bitcast(operand, pairs), emitter.builder.bitcast(weights, pairs)]
    return emitter.intrinsic("llvm.x86.avx512bf16.dpbf16ps.512", emitter.floats, arguments)


AVX512_BF16 = InstructionSet(
    name="avx512_bf16",
    architecture="x86_64",
    required=AVX512_FEATURES | {"avx512bf16"},
    cpu="x86-64-v4",
    features=f"{WIDE_VECTORS},+avx512bf16",
    lanes=16,
    products=(
        AVX512_PRODUCT,
        vector_product(dot_product_add, tile_rows=(8, 4, 2, 1), precision="bfloat16", k_unroll=2),
    ),
)
