"""Compiled code for recurrent networks on this processor. Other packages import these names, and none of the modules.

A name is imported when it is first used (PEP 562), so that importing the package does not load llvmlite. The graph of a
cell needs no llvmlite at all.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from charlstm.libraries import library_imports

if TYPE_CHECKING:
    from charlstm.kernels.decoder import Decoder
    from charlstm.kernels.graph import Graph, Linear, Node, trace
    from charlstm.kernels.isa import available_instruction_sets, chosen_instruction_set
    from charlstm.kernels.layer import LayerKernel
    from charlstm.kernels.speed import fastest_precision, training_speeds

_MODULES = {
    "Decoder": "decoder",
    "Graph": "graph",
    "LayerKernel": "layer",
    "Linear": "graph",
    "Node": "graph",
    "available_instruction_sets": "isa",
    "chosen_instruction_set": "isa",
    "fastest_precision": "speed",
    "trace": "graph",
    "training_speeds": "speed",
}
__all__ = [
    "Decoder",
    "Graph",
    "LayerKernel",
    "Linear",
    "Node",
    "available_instruction_sets",
    "chosen_instruction_set",
    "fastest_precision",
    "trace",
    "training_speeds",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if _MODULES[name] != "graph":
        with library_imports("llvmlite", "llvmlite", without="generate writes short texts without it"):
            import llvmlite.binding  # noqa: F401
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
