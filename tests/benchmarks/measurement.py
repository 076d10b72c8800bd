"""Time functions, and run measurements in processes of their own."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median


def seconds_per_call(function: Callable[[], object], num_calls: int = 1) -> float:
    """Return the mean time of some calls, after one call to warm up."""
    function()
    start = time.perf_counter()
    for _ in range(num_calls):
        function()
    return (time.perf_counter() - start) / num_calls


def run_module(module: str, *arguments: str) -> str:
    """Run a module in a process of its own and return the last line that it prints.

    Its errors are shown only if it fails: TensorFlow writes to stderr whenever it starts.
    """
    result = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True)
    if result.returncode:
        raise RuntimeError(f"{module} {' '.join(arguments)} failed:\n{result.stderr}")
    return result.stdout.splitlines()[-1]


def measure(module: str, *arguments: str) -> float:
    """Return the number that a module prints on its last line."""
    return float(run_module(module, *arguments))


def summarise(values: Sequence[float]) -> str:
    """Return the median, with the lowest and highest value in brackets."""
    return f"{median(values):,.0f} ({min(values):,.0f} to {max(values):,.0f})"
