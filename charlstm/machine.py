"""What the machine is that a training runs on."""

import contextlib
import json
import os
import platform
from importlib.metadata import version
from pathlib import Path

from charlstm.errors import RunError
from charlstm.files import write_atomically

SPEED = "speed.json"


def num_cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def fastest_precision() -> str:
    """The type in which this processor multiplies fastest: bfloat16 where it has instructions for it, else float32."""
    return "bfloat16" if _has_bfloat16() else "float32"


def cache_folder() -> Path:
    """Where large texts, and texts that were fetched, are kept: CHARLSTM_CACHE, or the user's cache."""
    if folder := os.environ.get("CHARLSTM_CACHE"):
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "charlstm"


def remember_speed(speed: float) -> None:
    """Keep how fast this machine was found to train, for those who want to know without measuring."""
    with contextlib.suppress(OSError, RunError):  # nobody's work hangs on it
        cache_folder().mkdir(parents=True, exist_ok=True)
        write_atomically(cache_folder() / SPEED, json.dumps({"speed": speed}).encode())


def remembered_speed() -> float | None:
    """Floating-point operations a second in training, or None if it was never measured."""
    try:
        return float(json.loads((cache_folder() / SPEED).read_text(encoding="ascii"))["speed"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


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
