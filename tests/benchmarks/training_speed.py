"""Print the table of training speeds in docs/benchmarks.md: charlstm, PyTorch and Keras take turns.

`--isa avx2` holds all of them to one instruction set, with its precisions. Networks and batches may be given, such as
`2x512,64x128`; else there are three.
"""

import argparse
import os
import platform
from importlib.metadata import version
from statistics import median

from charlstm.cells.shapes import num_parameters
from charlstm.config import ModelConfig
from charlstm.kernels import available_instruction_sets
from charlstm.machine import num_cores, processor_name
from tests.benchmarks.measurement import measure, summarise

ROUNDS = int(os.environ.get("ROUNDS", "3"))
CASES = ["1x256,32x64", "2x300,64x128", "2x512,64x128"]  # layers x units, batch size x time
PRECISIONS = ("float32", "bfloat16")
VOCABULARY_SIZE, EMBEDDING_DIM = 65, 64  # as in contenders.py
# The libraries that PyTorch and TensorFlow multiply with each have a variable of their own. Each reads it when it is
# loaded; MKL has no name for AMX.
LIBRARY_ISAS = {
    "avx2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"},
    "avx512": {
        "ATEN_CPU_CAPABILITY": "avx512",
        "ONEDNN_MAX_CPU_ISA": "AVX512_CORE",
        "MKL_ENABLE_INSTRUCTIONS": "AVX512",
    },
    "avx512_bf16": {
        "ATEN_CPU_CAPABILITY": "avx512",
        "ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16",
        "MKL_ENABLE_INSTRUCTIONS": "AVX512_E3",
    },
    "amx": {"ATEN_CPU_CAPABILITY": "avx512", "ONEDNN_MAX_CPU_ISA": "AVX512_CORE_AMX"},
}
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


def hold_to(isa: str) -> tuple[str, ...]:
    """Let the processes that are started from now on use one instruction set; return its precisions."""
    os.environ.update(LIBRARY_ISAS[isa], CHARLSTM_ISA=isa)
    return tuple(product.precision for product in available_instruction_sets()[isa].products)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--isa", choices=sorted(LIBRARY_ISAS.keys() & available_instruction_sets().keys()))
    parser.add_argument("cases", nargs="*", default=CASES, metavar="NETWORK,BATCH")
    options = parser.parse_args()
    precisions = hold_to(options.isa) if options.isa else PRECISIONS
    versions = ", ".join(f"{name} {version(name)}" for name in ("tensorflow", "keras", "torch"))
    python = platform.python_version()
    held = f", all held to {options.isa}" if options.isa else ""
    print(f"{processor_name()}, {num_cores()} cores{held}; Python {python}, {versions}; {ROUNDS} rounds.\n\n{HEADER}")
    for case in options.cases:
        for precision in precisions:
            network, batch = case.split(",")
            print(table_row(network, batch, precision), flush=True)


if __name__ == "__main__":
    main()
