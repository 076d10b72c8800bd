"""The machine that this process runs on: its processor, the cores it may use, and where files are cached."""

import contextlib
import json
import math
import os
import platform
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from charlstm.atomic_files import read_regular_file, write_atomically
from charlstm.errors import RunError
from charlstm.libraries import own_version

THROUGHPUT_FILE = "speed.json"
CPU_INFO, OWN_CGROUPS, CGROUPS = Path("/proc/cpuinfo"), Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
AVX512_FLAGS = {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}  # of Intel's Skylake servers
CACHE_HINT = "free some space, or put the cache elsewhere: CHARLSTM_CACHE=/some/folder"


def num_cores() -> int:
    """Return the number of cores that this process may use: those it may run on, or fewer under a container's quota."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min([available, *(max(1, math.ceil(quota)) for quota in _cpu_quotas())])


def _cpu_quotas() -> Iterator[float]:
    """Yield the quotas of processor time, in cores, of the control groups that this process belongs to.

    See Linux's documentation of cgroup v2 (cpu.max) and of v1 (cpu.cfs_quota_us, -1 without a quota).
    """
    for group in _cgroups():
        with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
            quota, period = (group / "cpu.max").read_text(encoding="ascii").split()
            yield float(quota) / float(period)  # "max", without a quota, is no number
        with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
            quota, period = ((group / f"cpu.cfs_{name}_us").read_text(encoding="ascii") for name in ("quota", "period"))
            if float(quota) > 0:
                yield float(quota) / float(period)


def _cgroups() -> set[Path]:
    """Return the folders in which this process's control groups may be: all that contain it, up to the root.

    Which of them exist depends on how the system mounts them, and on whether a container sees only its own.
    """
    try:
        lines = OWN_CGROUPS.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return set()
    paths = [Path(line.split(":", 2)[-1].lstrip("/")) for line in lines]
    mounts = [CGROUPS, CGROUPS / "cpu", CGROUPS / "cpu,cpuacct"]
    return {mount / group for mount in mounts for path in paths for group in (path, *path.parents)}


def prefer_avx512_openblas() -> None:
    """Let NumPy's OpenBLAS use AVX-512 where the processor has it: on some processors it picks narrower kernels.

    This makes generating many texts side by side 1.5 times as fast, and changes nothing for a single one. It must be
    called before NumPy is imported.
    """
    if _processor_flags() >= AVX512_FLAGS:
        os.environ.setdefault("OPENBLAS_CORETYPE", "SkylakeX")


def prefer_one_openblas_thread() -> None:
    """Let NumPy's OpenBLAS use one thread: a vector times a matrix of some megabytes is no faster with two.

    Its threads wait by spinning, which takes the time of others where a processor is shared. It must be called before
    NumPy is imported.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def cache_folder() -> Path | None:
    """Return the folder for downloaded texts, large texts and compiled code: CHARLSTM_CACHE, or the user's cache.

    A leading ~ is the user's home. None if it would be in the home of a user who has none.
    """
    try:
        if folder := os.environ.get("CHARLSTM_CACHE"):
            return Path(folder).expanduser() if folder.startswith("~") and _home() else Path(folder)
        caches = Path(os.environ.get("XDG_CACHE_HOME", ""))  # a relative one is to be ignored
        return (caches if caches.is_absolute() else _home() / ".cache") / "charlstm"
    except RuntimeError:
        return None


def make_cache_folder() -> Path:
    """Return the folder of the cache, and make it. Raises RunError if there is none or it cannot be made."""
    folder = cache_folder()
    if folder is None:
        raise RunError("there is no folder for the cache, since you have no home", hint=CACHE_HINT)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{folder} cannot be written: {error.strerror}", hint=CACHE_HINT) from error
    return folder


def _home() -> Path:
    """Return the user's home; HOME may be empty or relative, and then a folder `~` would be made somewhere."""
    if os.environ.get("HOME", "/") == "" or not (home := Path.home()).is_absolute():
        raise RuntimeError("Could not determine home directory.")
    return home


def save_throughput(speed: float, *, precision: str) -> None:
    """Keep the throughput of training here (floating-point operations a second), if it can be written."""
    key = _throughput_key(precision)
    content = {
        "speeds": _load_throughputs("speeds") | {key: speed},
        "times": _load_throughputs("times") | {key: time.time()},
    }
    with contextlib.suppress(RunError):
        write_atomically(make_cache_folder() / THROUGHPUT_FILE, json.dumps(content).encode())


def load_throughput(*precisions: str) -> float | None:
    """Return the highest throughput of training here in any of these precisions, or None if none was measured.

    It is that of this processor with as many cores as this process may use: a home may be shared by several machines.
    """
    speeds = _load_throughputs("speeds")
    return max((speeds[key] for key in map(_throughput_key, precisions) if key in speeds), default=None)


def throughput_age(precision: str) -> float:
    """Return the seconds since the throughput of training in a precision was kept; infinite if it was not."""
    return time.time() - _load_throughputs("times").get(_throughput_key(precision), -math.inf)


def _throughput_key(precision: str) -> str:
    return f"{processor_name()}, {num_cores()} cores, {precision}"


def _load_throughputs(part: str) -> dict[str, float]:
    from charlstm.json_objects import parse_json

    folder = cache_folder()
    try:
        content = parse_json(read_regular_file(folder / THROUGHPUT_FILE, max_bytes=1 << 16).decode()) if folder else {}
        return {str(key): float(speed) for key, speed in content[part].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def environment() -> dict[str, str]:
    """Return what the last bits of a run's results depend on: the processor, the cores and the libraries."""
    libraries = {name: version(name) for name in ("tensorflow", "keras", "llvmlite", "numpy")}
    own = {"python": platform.python_version(), "charlstm": own_version()}
    return {"processor": processor_name(), "threads": str(num_cores())} | own | libraries


def processor_name() -> str:
    """Return the name of the processor."""
    return _cpu_info("model name", "Model") or platform.processor() or platform.machine()


def _processor_flags() -> set[str]:
    """Return the features of an x86 processor, by the names that Linux gives them."""
    return set(_cpu_info("flags").split())


def _cpu_info(*names: str) -> str:
    """Return the first value under one of the names in Linux's description of the processor, or an empty string."""
    try:
        lines = CPU_INFO.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(names)), "")
