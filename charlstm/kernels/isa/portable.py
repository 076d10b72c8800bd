"""Any processor: vectors of four, without fused multiply-add."""

from charlstm.kernels.isa.instruction_set import InstructionSet, VectorProduct, separate_multiply_add

PORTABLE = InstructionSet(
    name="portable",
    architecture=None,
    required=frozenset(),
    cpu="generic",
    features="",
    lanes=4,
    products=(VectorProduct(4, separate_multiply_add, tile_rows=(1,), panels_of_few_rows=1),),
)
