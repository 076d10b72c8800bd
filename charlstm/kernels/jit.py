"""How functions are compiled (by Numba, to machine code, at their first call), and what this processor offers them.

Code that is kept is made anew when the file changes that its function stands in, not when one of those changes that it
calls: after work on tiles.py or panels.py, `make clean` or an empty NUMBA_CACHE_DIR.
"""

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from llvmlite import binding

Function = TypeVar("Function", bound=Callable[..., Any])

_FEATURES = binding.get_host_cpu_features()
HAS_AVX512 = bool(_FEATURES.get("avx512f"))
HAS_BF16 = bool(_FEATURES.get("avx512bf16"))  # one instruction multiplies and adds two bfloat16 numbers


def compiled(function: Function) -> Function:
    """Compile a function at its first call, and keep the code for other processes, if there is a place for it.

    The code runs without Python's lock, so that calls in several threads run side by side. Products and sums that
    follow each other may be fused into one instruction; nothing else is taken out of its order.
    """
    for keeps in (True, False):
        try:
            settings = {"cache": keeps, "nogil": True, "error_model": "numpy", "fastmath": {"contract"}}
            dispatcher = numba.njit(**settings)(function)
        except RuntimeError:  # neither the package's folder nor the user's cache can be written
            continue
        if keeps:
            _forgive_a_full_disk(dispatcher)
        return cast("Function", dispatcher)
    raise AssertionError


def _forgive_a_full_disk(dispatcher: Any) -> None:
    """Code that cannot be kept is compiled again next time; Numba itself would end the program."""
    save = dispatcher._cache.save_overload

    def try_to_save(*overload: Any) -> None:
        with contextlib.suppress(OSError):
            save(*overload)

    dispatcher._cache.save_overload = try_to_save


def kept_signatures(function: Any) -> list[str] | None:
    """The types of arguments for which code of a compiled function is kept on this machine; None if none can be."""
    file = getattr(function._cache, "_cache_file", None)
    return None if file is None else [str(key[0]) for key in file._load_index()]
