"""ARM (AArch64): 32 registers of 4 numbers. A tile of 2 rows by 8 vectors has 16 sums in flight."""

from charlstm.kernels.isa.instruction_set import InstructionSet, fused_multiply_add, vector_product

NEON = InstructionSet(
    name="neon",
    architecture="aarch64",
    required=frozenset(),  # every AArch64 has it
    cpu="generic",
    features="+neon",
    lanes=4,
    products=(vector_product(fused_multiply_add, tile_rows=(2, 1), panels_of_few_rows=2),),
)
