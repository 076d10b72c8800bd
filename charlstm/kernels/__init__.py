"""Compiled code for recurrent networks on this processor. Other packages import these names, and none of the modules.

A name is imported when it is first used (PEP 562), so that importing the package does not load llvmlite.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from charlstm.kernels.layer import LayerKernel

__all__ = ["LayerKernel"]

_MODULES = {"LayerKernel": "layer"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
