"""The decorator that compiles a function to machine code."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy.typing as npt

from charlstm.kernels.code_cache import enable_cache

Function = TypeVar("Function", bound=Callable[..., Any])

# An argument of a compiled function. Numba infers its type at each call; the docstrings state shapes, and the element
# type where it is not float32.
Array = npt.NDArray[Any]


def jit(function: Function) -> Function:
    """Compile a function when it is first called with arguments of new types, or load the code from disk.

    It runs without Python's global lock, so that threads run it side by side. A product and a sum may be fused into one
    instruction ("contract"); no other reordering is allowed.
    """
    dispatcher = numba.njit(nogil=True, error_model="numpy", fastmath={"contract"})(function)
    if not numba.config.DISABLE_JIT:  # with NUMBA_DISABLE_JIT=1 it is the function itself
        enable_cache(dispatcher)
    return cast("Function", dispatcher)
