"""Compiled code for the LSTM on this processor. Other packages import these names, and none of the modules.

A name is imported when it is first used (PEP 562), so that importing the package does not load Numba.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from charlstm.kernels.decoder import Decoder
    from charlstm.kernels.precompile import start_precompiling
    from charlstm.kernels.sequence import LSTMKernel
    from charlstm.kernels.target import fastest_precision, is_supported

__all__ = ["Decoder", "LSTMKernel", "fastest_precision", "is_supported", "start_precompiling"]

_MODULES = {
    "Decoder": "decoder",
    "LSTMKernel": "sequence",
    "fastest_precision": "target",
    "is_supported": "target",
    "start_precompiling": "precompile",
}
_COMPILED = ("Decoder", "LSTMKernel")  # their modules import Numba


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _COMPILED:
        import_module(f"{__name__}.target").import_numba()
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
