"""x86-64 with AVX-512: 32 registers of 16 numbers.

A tile of 8 rows by 2 vectors has 16 sums in flight, twice what two multipliers with a latency of 4 cycles need.
"""

from charlstm.kernels.isa.instruction_set import InstructionSet, fused_multiply_add, vector_product

AVX512_FEATURES = frozenset({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"})
WIDE_VECTORS = "-prefer-256-bit"  # LLVM would halve vectors of 512 bits for fear of a lower clock
AVX512_PRODUCT = vector_product(fused_multiply_add, tile_rows=(8, 4, 2, 1))

AVX512 = InstructionSet(
    name="avx512",
    architecture="x86_64",
    required=AVX512_FEATURES,
    cpu="x86-64-v4",
    features=WIDE_VECTORS,
    lanes=16,
    products=(AVX512_PRODUCT,),
)
