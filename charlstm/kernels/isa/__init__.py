"""The instruction sets of processors, and which of them this machine uses.

`CHARLSTM_ISA=NAME` chooses one; else it is the last in the list that the processor has.
"""

import ctypes
import os
import platform
from functools import cache

from llvmlite import binding

from charlstm.errors import SettingError, shown
from charlstm.kernels.isa.amx import AMX
from charlstm.kernels.isa.avx2 import AVX2
from charlstm.kernels.isa.avx512 import AVX512
from charlstm.kernels.isa.bf16 import AVX512_BF16
from charlstm.kernels.isa.instruction_set import InstructionSet
from charlstm.kernels.isa.neon import NEON
from charlstm.kernels.isa.portable import PORTABLE

ISA_VARIABLE = "CHARLSTM_ISA"
INSTRUCTION_SETS = (PORTABLE, NEON, AVX2, AVX512, AVX512_BF16, AMX)  # the faster ones last

SYS_ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA = 158, 0x1023, 18  # Linux on x86-64


@cache
def available_instruction_sets() -> dict[str, InstructionSet]:
    """Return those that this processor has and the operating system lets us use, by name."""
    architecture = binding.get_process_triple().partition("-")[0].replace("arm64", "aarch64")
    features = {name for name, has in binding.get_host_cpu_features().items() if has}
    return {
        candidate.name: candidate
        for candidate in INSTRUCTION_SETS
        if candidate.architecture in (None, architecture)
        and candidate.required <= features
        and (candidate is not AMX or _may_use_tiles())
    }


def chosen_instruction_set() -> InstructionSet:
    """Return the one to compile for. Raises SettingError if CHARLSTM_ISA names none that this machine has."""
    available = available_instruction_sets()
    name = os.environ.get(ISA_VARIABLE)
    if not name:
        return list(available.values())[-1]
    if name not in available:
        known = any(name == candidate.name for candidate in INSTRUCTION_SETS)
        problem = "this processor does not have it" if known else "there is no such instruction set"
        raise SettingError(f"{ISA_VARIABLE} is {shown(name)}: {problem}", hint=f"give one of {', '.join(available)}")
    return available[name]


def _may_use_tiles() -> bool:
    """Ask the operating system for the registers of AMX, which it saves only for programs that ask."""
    if platform.system() != "Linux":
        return False
    request = ctypes.CDLL(None, use_errno=True).syscall(SYS_ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA)
    return bool(request == 0)
