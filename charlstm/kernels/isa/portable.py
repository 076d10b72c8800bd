"""Any processor: vectors of four, without fused multiply-add."""

from charlstm.kernels.isa.instruction_set import InstructionSet, separate_multiply_add, vector_product

PORTABLE = InstructionSet(
    name="portable",
    architecture=None,
    required=frozenset(),
    cpu="generic",
    features="",
    lanes=4,
    products=(vector_product(separate_multiply_add, tile_rows=(1,), panels_of_few_rows=1),),
)
