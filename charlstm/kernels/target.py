"""The processor that code is compiled for, and the instructions that it has.

This need not be the processor that the code runs on: NUMBA_CPU_NAME, NUMBA_CPU_FEATURES and NUMBA_ENABLE_AVX change
it, and virtual machines report unknown models. An instruction that the target lacks would abort the process inside
LLVM, so nothing is concluded from the names of features. Two tiny functions are compiled for the target instead, and
their assembly shows which instructions LLVM selects.
"""

from dataclasses import dataclass
from functools import cache

from charlstm.libraries import library_imports

MULTIPLY_ADD = """
define <16 x float> @multiply_add(<16 x float> %a, <16 x float> %b, <16 x float> %c) {
  %sum = call <16 x float> @llvm.fma.v16f32(<16 x float> %a, <16 x float> %b, <16 x float> %c)
  ret <16 x float> %sum
}
declare <16 x float> @llvm.fma.v16f32(<16 x float>, <16 x float>, <16 x float>)
"""
ROUND_TO_BF16 = """
define <16 x bfloat> @round_to_bf16(<16 x float> %a) {
  %rounded = fptrunc <16 x float> %a to <16 x bfloat>
  ret <16 x bfloat> %rounded
}
"""


@dataclass(frozen=True)
class CompileTarget:
    """The target as LLVM names it, and the instructions that the kernels choose by."""

    triple: str
    cpu: str
    features: str
    has_fma: bool  # fused multiply-add of vectors
    has_avx512: bool  # vectors of 16 float32
    has_bf16: bool  # AVX512_BF16: products of bfloat16, summed in float32


def import_numba() -> None:
    """Import Numba. Raises LibraryError if it or llvmlite is missing, broken or of another version."""
    with library_imports("Numba", "numba", "llvmlite", without="generate writes short texts without it"):
        import numba  # noqa: F401


@cache
def compile_target() -> CompileTarget:
    """Return the target that Numba compiles for in this process."""
    import_numba()
    from numba.core.registry import cpu_target  # undocumented, but the only way to learn Numba's own choice

    triple, cpu, features = cpu_target.target_context.codegen().magic_tuple()
    return probe_target(triple, cpu, features)


def probe_target(triple: str, cpu: str, features: str) -> CompileTarget:
    """Find out what a target can multiply; its names are LLVM's."""
    from llvmlite import binding

    machine = binding.Target.from_triple(triple).create_target_machine(cpu=cpu, features=features)

    def compile_module(module: str) -> str:
        return str(machine.emit_assembly(binding.parse_assembly(module)))

    multiply_add = compile_module(MULTIPLY_ADD)
    has_fma = "fmaf" not in multiply_add  # the C library's function, called for each number in turn
    has_avx512 = "%zmm" in multiply_add
    # AVX512_BF16 has this instruction as well as the products. Targets without vectors this wide are not asked: some
    # of them cannot round to bfloat16 at all.
    has_bf16 = has_avx512 and "vcvtneps2bf16" in compile_module(ROUND_TO_BF16)
    return CompileTarget(triple, cpu, features, has_fma=has_fma, has_avx512=has_avx512, has_bf16=has_bf16)


def is_supported(precision: str = "float32") -> bool:
    """Return whether the compiled code runs on this processor in this precision ("float32" or "bfloat16").

    It needs vectors with fused multiply-add, and for bfloat16 also AVX512_BF16. Elsewhere NumPy and Keras are faster.
    """
    import_numba()
    from numba import config

    target = compile_target()
    return target.has_fma and not config.DISABLE_JIT and (precision != "bfloat16" or target.has_bf16)


def uses_bf16(precision: str) -> bool:
    """Return whether operands are bfloat16 in this precision; without hardware for it they are float32."""
    return precision == "bfloat16" and is_supported(precision)


def fastest_precision() -> str:
    """Return the precision in which training is fastest here: "bfloat16" where it is supported, else "float32"."""
    return "bfloat16" if is_supported("bfloat16") else "float32"
