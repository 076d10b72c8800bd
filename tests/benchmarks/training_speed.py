"""Print the table of training speeds in docs/benchmarks.md: charlstm, PyTorch and Keras take turns."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from statistics import median

from charlstm.cells.shapes import num_parameters
from charlstm.config import ModelConfig
from charlstm.machine import num_cores
from tests.benchmarks.measurement import measure, summarise

ROUNDS = int(os.environ.get("ROUNDS", "3"))
CASES = [("1x256", "32x64"), ("2x300", "64x128"), ("2x512", "64x128")]  # layers x units, batch size x time
PRECISIONS = ("float32", "bfloat16")
VOCABULARY_SIZE, EMBEDDING_DIM = 65, 64  # as in contenders.py
HEADER = """\
| network, batch | precision | charlstm | torch | keras | charlstm / torch | charlstm / keras | charlstm / matmul peak |
|---|---|---|---|---|---|---|---|"""


def measure_all(names: list[str], network: str, batch: str, precision: str) -> dict[str, list[float]]:
    """Return the results of all rounds, in which the contenders take turns."""
    results: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(ROUNDS):
        for name, values in results.items():
            values.append(measure("tests.benchmarks.contenders", name, network, batch, precision))
    return results


def gflop_per_character(network: str) -> float:
    """Return the work of training on one character: two operations per weight forward, four backward."""
    num_layers, units = map(int, network.split("x"))
    config = ModelConfig(num_layers=num_layers, units=units, embedding_dim=EMBEDDING_DIM)
    return 6 * num_parameters(config, VOCABULARY_SIZE) / 1e9


def table_row(network: str, batch: str, precision: str) -> str:
    with_keras = precision == "float32"
    names = ["charlstm", "torch", "keras"] if with_keras else ["charlstm", "torch"]
    results = measure_all([*names, "matmul"], network, batch, precision)
    speed = {name: median(values) for name, values in results.items()}
    cells = [f"{network}, {batch}", precision, *(summarise(results[name]) for name in names)]
    cells += [] if with_keras else [""]
    cells.append(f"{speed['charlstm'] / speed['torch']:.2f}")
    cells.append(f"{speed['charlstm'] / speed['keras']:.1f}" if with_keras else "")
    cells.append(f"{speed['charlstm'] * gflop_per_character(network) / speed['matmul']:.0%}")
    return f"| {' | '.join(cells)} |"


def processor_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def main() -> None:
    versions = ", ".join(f"{name} {version(name)}" for name in ("tensorflow", "keras", "torch"))
    python = platform.python_version()
    print(f"{processor_name()}, {num_cores()} cores; Python {python}, {versions}; {ROUNDS} rounds.\n\n{HEADER}")
    for network, batch in CASES:
        for precision in PRECISIONS:
            print(table_row(network, batch, precision), flush=True)


if __name__ == "__main__":
    main()
