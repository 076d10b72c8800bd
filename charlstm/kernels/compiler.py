"""From emitted code to functions that Python calls.

LLVM optimizes and compiles a module for the chosen instruction set, in its own terms rather than this processor's, so
that the code of one instruction set is the same everywhere. The machine code is kept on disk (code_cache.py).
"""

import ctypes
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import count
from threading import Lock
from typing import Any

import numpy as np
from llvmlite import binding, ir

from charlstm.kernels.code_cache import code_folder
from charlstm.kernels.isa.instruction_set import InstructionSet

OPTIMIZATION = 3  # of LLVM's levels 0 to 3

_lock = Lock()
_libraries: list[Any] = []  # code stays loaded as long as these live
_numbers = count()  # of libraries; that of one that could not be linked stays taken


class CompiledFunction:
    """A function of compiled code. It runs without Python's global lock, so that threads run it side by side."""

    def __init__(self, address: int, arguments: Sequence[str]) -> None:
        self._call = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(address)
        self._arguments = arguments

    def __call__(self, **arguments: int | np.ndarray[Any, Any]) -> None:
        """Call it with every argument by name: arrays, which must be contiguous, and sizes."""
        values = [arguments[name] for name in self._arguments]
        packed = [value.ctypes.data if isinstance(value, np.ndarray) else value for value in values]
        self._call((ctypes.c_int64 * len(packed))(*packed))


def load_functions(
    key: str, isa: InstructionSet, emit: Callable[[], ir.Module], entries: Mapping[str, Sequence[str]]
) -> dict[str, CompiledFunction]:
    """Return the functions of a module by name, with the arguments that each takes.

    `emit` emits the module; it is called only if there is no code for this `key` on disk.
    """
    with _lock:
        folder = code_folder(isa.name)
        code = folder.load(key)
        if code is None:
            code = compile_module(emit(), isa)
            folder.save(key, code)
        builder = binding.JITLibraryBuilder().add_object_img(code).add_current_process()
        for name in entries:
            builder.export_symbol(name)
        library = builder.link(_compiler(isa.cpu, isa.features), f"library{next(_numbers)}")
        _libraries.append(library)
        return {name: CompiledFunction(library[name], arguments) for name, arguments in entries.items()}


def compile_module(module: ir.Module, isa: InstructionSet) -> bytes:
    """Return the machine code of a module."""
    return bytes(target_machine(isa.cpu, isa.features, _triple()).emit_object(optimized(module, isa, _triple())))


def assembly(module: ir.Module, isa: InstructionSet, triple: str) -> str:
    """Return the assembly of a module for a processor that need not be this one."""
    machine = target_machine(isa.cpu, isa.features, triple)
    return str(machine.emit_assembly(optimized(module, isa, triple)))


def optimized(module: ir.Module, isa: InstructionSet, triple: str) -> binding.ModuleRef:
    """Return the module after LLVM's optimizations; it is vectorized already."""
    machine = target_machine(isa.cpu, isa.features, triple)
    module.triple, module.data_layout = triple, str(machine.target_data)
    parsed = binding.parse_assembly(str(module))
    options = binding.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = False
    passes = binding.create_pass_builder(machine, options)
    passes.getModulePassManager().run(parsed, passes)
    return parsed


@cache
def target_machine(cpu: str, features: str, triple: str) -> binding.TargetMachine:
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    target = binding.Target.from_triple(triple)
    return target.create_target_machine(cpu=cpu, features=features, opt=OPTIMIZATION, codemodel="default", reloc="pic")


@cache
def _compiler(cpu: str, features: str) -> binding.LLJIT:
    # LLVM's newer linker puts all of a module into one piece of memory, so that no part is out of another's reach.
    return binding.create_lljit_compiler(target_machine(cpu, features, _triple()), use_jit_link=True)


def _triple() -> str:
    return str(binding.get_process_triple())
