"""Training speed of charlstm, PyTorch and Keras, interleaved: writes a table for docs/benchmarks.md to stdout."""

import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from statistics import median

from charlstm.machine import num_cores
from charlstm.training.auto_config import operations_per_character

ROUNDS = int(os.environ.get("ROUNDS", "3"))
CASES = [("1x256", "32x64"), ("2x300", "64x128"), ("2x512", "64x128")]
PRECISIONS = ("float32", "bfloat16")


def measure(*arguments: str) -> float:
    command = [sys.executable, "-m", "tests.benchmarks.contenders", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(result.stdout.splitlines()[-1])


def spread(values: list[float]) -> str:
    return f"{median(values):,.0f} ({min(values):,.0f} to {max(values):,.0f})"


def rows(network: str, batch: str, precision: str) -> str:
    names = ["charlstm", "torch", *(["keras"] if precision == "float32" else [])]
    values: dict[str, list[float]] = {name: [] for name in [*names, "matmul"]}
    for _ in range(ROUNDS):
        for name in values:
            values[name].append(measure(name, network, batch, precision))
    layers, units = (int(number) for number in network.split("x"))
    settings = {"num_layers": layers, "units": units, "embedding_dim": 64}
    ours, peak = median(values["charlstm"]), median(values["matmul"])
    share = ours * operations_per_character(65, settings) / 1e9 / peak
    keras = f"{ours / median(values['keras']):.1f}" if "keras" in values else ""
    figures = " | ".join(spread(values[name]) for name in names) + (" | " if len(names) == 2 else "")
    ratio = ours / median(values["torch"])
    return f"| {network}, {batch} | {precision} | {figures} | {ratio:.2f} | {keras} | {share:.0%} |"


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    libraries = ", ".join(f"{name} {version(name)}" for name in ("tensorflow", "keras", "torch"))
    print(f"{processor()}, {num_cores()} cores; Python {platform.python_version()}, {libraries}; {ROUNDS} rounds.\n")
    print("| network, batch | precision | charlstm | torch | keras | of torch | of keras | of matmul peak |")
    print("|---|---|---|---|---|---|---|---|")
    for network, batch in CASES:
        for precision in PRECISIONS:
            print(rows(network, batch, precision), flush=True)
