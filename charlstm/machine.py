"""What the machine is that a training runs on."""

import contextlib
import json
import os
import platform
from importlib.metadata import version
from pathlib import Path

from charlstm.atomic_files import write_atomically
from charlstm.errors import RunError

SPEED = "speed.json"
_WIDE = {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}


def num_cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def fastest_precision() -> str:
    """The type in which this processor multiplies fastest: bfloat16 where it has instructions for it, else float32."""
    return "bfloat16" if _has_bfloat16() else "float32"


def prefer_avx512_openblas() -> None:
    """Let NumPy's OpenBLAS use AVX-512 where the processor has it: on some it takes narrower kernels by itself.

    Has to come before NumPy is imported. Many streams are then written half as fast again; one is not.
    """
    if _processor_flags() >= _WIDE:
        os.environ.setdefault("OPENBLAS_CORETYPE", "SkylakeX")


def cache_folder() -> Path:
    """Where large texts, and texts that were fetched, are kept: CHARLSTM_CACHE, or the user's cache."""
    if folder := os.environ.get("CHARLSTM_CACHE"):
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "charlstm"


def save_throughput(speed: float) -> None:
    """Keep how fast this machine was found to train, for those who want to know without measuring."""
    with contextlib.suppress(OSError, RunError):  # nobody's work hangs on it
        cache_folder().mkdir(parents=True, exist_ok=True)
        write_atomically(cache_folder() / SPEED, json.dumps({"speed": speed}).encode())


def load_throughput() -> float | None:
    """Floating-point operations a second in training, or None if it was never measured."""
    try:
        return float(json.loads((cache_folder() / SPEED).read_text(encoding="ascii"))["speed"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _has_bfloat16() -> bool:
    return not _processor_flags().isdisjoint(("avx512_bf16", "amx_bf16"))


def _processor_flags() -> set[str]:
    """What the processor can do, by what Linux says of it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return set()
    return set(next((line.split() for line in lines if line.startswith("flags")), []))


def environment() -> dict[str, str]:
    """What the last bits of a training's results hang on."""
    libraries = {name: version(name) for name in ("charlstm", "tensorflow", "keras", "numba", "numpy")}
    return {"processor": _processor(), "threads": str(num_cores()), "python": platform.python_version()} | libraries


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model"))]
    return models[0] if models else platform.machine()
