"""Compiled code for recurrent networks on this processor. Other packages import these names, and none of the modules.

A name is imported when it is first used (PEP 562), so that importing the package does not load llvmlite.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from charlstm.libraries import library_imports

if TYPE_CHECKING:
    from charlstm.kernels.decoder import Decoder
    from charlstm.kernels.isa import available_instruction_sets, chosen_instruction_set
    from charlstm.kernels.layer import LayerKernel
    from charlstm.kernels.speed import fastest_precision, training_speeds

_MODULES = {
    "Decoder": "decoder",
    "LayerKernel": "layer",
    "available_instruction_sets": "isa",
    "chosen_instruction_set": "isa",
    "fastest_precision": "speed",
    "training_speeds": "speed",
}
__all__ = [
    "Decoder",
    "LayerKernel",
    "available_instruction_sets",
    "chosen_instruction_set",
    "fastest_precision",
    "training_speeds",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with library_imports("llvmlite", "llvmlite", without="generate writes short texts without it"):
        import llvmlite.binding  # noqa: F401
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
