"""What the machine is that a training runs on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path


def num_cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def fastest_precision() -> str:
    """The type in which this processor multiplies fastest: bfloat16 where it has instructions for it, else float32."""
    return "bfloat16" if _has_bfloat16() else "float32"


def _has_bfloat16() -> bool:
    """AVX-512 BF16 or AMX, by what Linux says of the processor."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").split()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def environment() -> dict[str, str]:
    """What the last bits of a training's results hang on."""
    libraries = {name: version(name) for name in ("charlstm", "tensorflow", "keras", "numpy")}
    return {"processor": _processor(), "threads": str(num_cores()), "python": platform.python_version()} | libraries


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model"))]
    return models[0] if models else platform.machine()
