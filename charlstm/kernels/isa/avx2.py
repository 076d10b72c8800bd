"""x86-64 with AVX2 and FMA: 16 registers of 8 numbers.

A tile of 3 rows by 4 vectors has 12 sums in flight. Its 3 operands and one vector of weights take the other registers.
"""

from charlstm.kernels.isa.instruction_set import InstructionSet, fused_multiply_add, vector_product

AVX2 = InstructionSet(
    name="avx2",
    architecture="x86_64",
    required=frozenset({"avx2", "fma"}),
    cpu="x86-64-v3",
    features="",
    lanes=8,
    products=(vector_product(fused_multiply_add, tile_rows=(3, 2, 1), panels_of_few_rows=3),),
)
