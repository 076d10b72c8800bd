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


def measure(module: str, *arguments: str) -> float:
    """Run a module in a process of its own and return the number on the last line that it prints."""
    command = [sys.executable, "-m", module, *arguments]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return float(result.stdout.splitlines()[-1])


def summarise(values: Sequence[float]) -> str:
    """Return the median, with the lowest and highest value in brackets."""
    return f"{median(values):,.0f} ({min(values):,.0f} to {max(values):,.0f})"
