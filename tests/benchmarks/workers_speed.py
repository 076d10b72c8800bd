"""Compare two processes with one core each, which train one network together, with one process on both cores.

Prints the characters per second of a whole training step of each, over all workers, and their ratio. Networks and
batches may be given, such as `2x512,64x128`; else there are two. Linux only; nothing else should run on the two cores.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

ROUNDS = int(os.environ.get("ROUNDS", "3"))
SECONDS = 20  # of training
CASES = ["1x256,32x64", "2x300,64x128"]  # layers x units, batch size x time
NUM_CHARACTERS, LETTERS = 1_000_000, "abcdefghijklmnopqrstuvwxyz .,\n"


def free_addresses() -> list[str]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        return [f"127.0.0.1:{server.getsockname()[1]}" for server in sockets]


def start(folder: Path, case: str, cores: set[int], *options: str) -> "subprocess.Popen[bytes]":
    """Start training in a process of its own, on these cores."""
    network, batch = (part.split("x") for part in case.split(","))
    settings = ["--layers", network[0], "--units", network[1], "--batch-size", batch[0], "--sequence-length", batch[1]]
    settings += ["--max-time", f"{SECONDS}s", "--evaluate-every", "1000000", "--shards", "2", "--dropout", "0.1"]
    settings += ["--recurrent-dropout", "0", "--precision", "float32", "--from", "none", "--overwrite", "--quiet"]
    command = [sys.executable, "-m", "charlstm", "train", "text.txt", "--output", "run", *settings, *options]
    return subprocess.Popen(command, cwd=folder, preexec_fn=partial(os.sched_setaffinity, 0, cores))


def characters_per_second(folder: Path, processes: "list[subprocess.Popen[bytes]]") -> float:
    """Wait for processes; return the speed of the run that they trained."""
    exit_codes = [process.wait() for process in processes]
    if any(exit_codes):
        raise RuntimeError("training failed")
    return float(json.loads((folder / "run" / "history.jsonl").read_text().splitlines()[-1])["characters_per_second"])


def measure(folder: Path, case: str, cores: list[int]) -> tuple[float, float]:
    """Return the speeds of one process on both cores and of two processes."""
    alone = characters_per_second(folder, [start(folder, case, set(cores))])
    addresses = ",".join(free_addresses())
    pair = [
        start(folder, case, {core}, "--workers", addresses, "--worker-index", str(index))
        for index, core in enumerate(cores)
    ]
    return alone, characters_per_second(folder, pair)


def main() -> None:
    cores = sorted(os.sched_getaffinity(0))[:2]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "text.txt").write_text("".join(np.random.default_rng(0).choice(list(LETTERS), NUM_CHARACTERS)))
        print("| network, batch | one process | two processes | ratio |\n|---|---|---|---|")
        for case in sys.argv[1:] or CASES:
            alone, pair = map(median, zip(*(measure(folder, case, cores) for _ in range(ROUNDS)), strict=True))
            print(f"| {case.replace(',', ', ')} | {alone:,.0f} | {pair:,.0f} | {pair / alone:.2f} |", flush=True)


if __name__ == "__main__":
    main()
