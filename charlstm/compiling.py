"""How functions are compiled (by Numba, to machine code, at their first call), and what this processor offers them."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from llvmlite import binding

Function = TypeVar("Function", bound=Callable[..., Any])

_FEATURES = binding.get_host_cpu_features()
HAS_WIDE_REGISTERS = bool(_FEATURES.get("avx512f"))
HAS_PAIRS = bool(_FEATURES.get("avx512bf16"))  # one instruction multiplies and adds two bfloat16 numbers


def compiled(function: Function) -> Function:
    """Compile a function at its first call, and keep the code for other processes, if there is a place for it.

    The code runs without Python's lock, so that calls in several threads run side by side. Products and sums that
    follow each other may be fused into one instruction; nothing else is taken out of its order.
    """
    for keeps in (True, False):
        try:
            settings = {"cache": keeps, "nogil": True, "error_model": "numpy", "fastmath": {"contract"}}
            return cast("Function", numba.njit(**settings)(function))
        except RuntimeError:  # neither the package's folder nor the user's cache can be written
            if not keeps:
                raise
    raise AssertionError
