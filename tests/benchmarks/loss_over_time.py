"""Validation loss over seconds, charlstm beside PyTorch: the same network, data, batches and learning rates.

`python -m tests.benchmarks.loss_over_time docs/loss_over_time.svg` draws the plot, and prints the seconds to given
losses. Each contender runs in a process of its own, one after the other, round by round.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from charlstm.analysis.evaluation import evaluation_streams
from charlstm.config import TrainingConfig
from charlstm.kernels import fastest_precision
from charlstm.text.batches import Streams, split_for_validation
from charlstm.text.corpus import load_corpus
from charlstm.text.vocabulary import Vocabulary
from charlstm.training.schedule import TrainingPlan, learning_rate

TEXT, UNITS, EMBEDDING_DIM, SECONDS = "macbeth.txt", 256, 64, 60.0
ROUNDS = int(os.environ.get("ROUNDS", "3"))
CONFIG = TrainingConfig(
    epochs=None, max_time=SECONDS, batch_size=32, sequence_length=64, dropout=0.3, learning_rate=8e-3, patience=99
)
LOSSES = (2.0, 1.8, 1.7, 1.6)
Curve = list[tuple[float, float]]  # seconds, validation nats


def charlstm_curve() -> Curve:
    """By the command, as a user runs it."""
    with tempfile.TemporaryDirectory() as folder:
        options = ["--layers", 1, "--units", UNITS, "--batch-size", 32, "--sequence-length", 64, "--dropout", 0.3]
        options += ["--recurrent-dropout", 0, "--learning-rate", 8e-3, "--max-time", SECONDS, "--patience", 99]
        command = [sys.executable, "-m", "charlstm", "train", TEXT, "--quiet", "--out", f"{folder}/run"]
        subprocess.run([*command, *map(str, options)], check=True)
        lines = (Path(folder) / "run" / "history.jsonl").read_text().splitlines()
    return [(entry["seconds"], entry["validation_nats"]) for entry in map(json.loads, lines)]


def torch_curve() -> Curve:
    """`torch.nn.LSTM` with the same plan; runs in a process of its own."""
    result = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.loss_over_time", "torch"], check=True, capture_output=True, text=True
    )
    return [tuple(point) for point in json.loads(result.stdout.splitlines()[-1])]


def train_torch() -> Curve:
    import torch

    text = load_corpus([TEXT]).text
    vocabulary = Vocabulary.from_text(text)
    dataset = split_for_validation(vocabulary.encode(text), validation=0.1, sequence_length=64)
    streams, validation = Streams(dataset.training, 32, 64), evaluation_streams(dataset.validation)
    network = torch.nn.ModuleDict(
        {
            "embedding": torch.nn.Embedding(len(vocabulary), EMBEDDING_DIM),
            "recurrent": torch.nn.LSTM(EMBEDDING_DIM, UNITS, batch_first=True),
            "dropout": torch.nn.Dropout(CONFIG.dropout),
            "dense": torch.nn.Linear(UNITS, len(vocabulary)),
        }
    )
    torch.nn.init.orthogonal_(network["recurrent"].weight_hh_l0)
    torch.nn.init.ones_(network["recurrent"].bias_ih_l0[UNITS : 2 * UNITS].detach())
    optimizer = torch.optim.Adam(network.parameters(), betas=(0.9, 0.99), eps=1e-7)
    uses_bfloat16 = fastest_precision() == "bfloat16"

    def run(ids: np.ndarray, states: Any) -> tuple[Any, Any]:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=uses_bfloat16):
            outputs, states = network["recurrent"](network["embedding"](torch.from_numpy(ids.astype(np.int64))), states)
            logits = network["dense"](network["dropout"](outputs))
        return logits.float(), tuple(state.detach().float() for state in states)

    def cross_entropy(logits: Any, targets: np.ndarray) -> Any:
        return torch.nn.functional.cross_entropy(
            logits.transpose(1, 2), torch.from_numpy(targets.astype(np.int64)), reduction="none"
        )

    def evaluate() -> float:
        network.eval()
        with torch.no_grad():
            _, states = run(validation.warmup, None)
            states[0][:, 0], states[1][:, 0] = 0, 0
            nats = cross_entropy(run(validation.inputs, states)[0], validation.targets).numpy()
        network.train()
        return float((nats * validation.scored).sum() / validation.scored.sum())

    plan, states, curve, step, start, last = TrainingPlan(None, SECONDS), None, [], 0, time.perf_counter(), 0.0
    while (done := plan.done(step, time.perf_counter() - start)) < 1:
        optimizer.param_groups[0]["lr"] = learning_rate(done, highest=CONFIG.learning_rate)
        batch = streams.batch(step)
        logits, states = run(batch[:, :-1], states)
        optimizer.zero_grad()
        cross_entropy(logits, batch[:, 1:]).mean().backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        step += 1
        if time.perf_counter() - start - last > SECONDS / 24:
            last = time.perf_counter() - start
            curve.append((last, evaluate()))
    return [*curve, (time.perf_counter() - start, evaluate())]


def seconds_to(curve: Curve, nats: float) -> float:
    return next((seconds for seconds, loss in curve if loss <= nats), float("inf"))


def draw(curves: dict[str, list[Curve]], path: str) -> None:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    for (name, rounds), colour in zip(curves.items(), ("tab:blue", "tab:orange"), strict=True):
        for place, curve in enumerate(rounds):
            axes.plot(*zip(*curve, strict=True), color=colour, label=name if place == 0 else None, alpha=0.8)
    axes.set(xlabel="seconds", ylabel="validation nats per character", ylim=(1.4, 2.6))
    axes.set_title(f"Macbeth, 1x{UNITS}, batches of 32x64")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path)


def main(path: str) -> None:
    contenders = {"charlstm": charlstm_curve, "torch.nn.LSTM": torch_curve}
    curves: dict[str, list[Curve]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, run in contenders.items():
            curves[name].append(run())
    draw(curves, path)
    print("| | " + " | ".join(f"to {nats} nats" for nats in LOSSES) + f" | nats after {SECONDS:g} s |")
    print("|---" * (len(LOSSES) + 2) + "|")
    for name, rounds in curves.items():
        seconds = [f"{median(seconds_to(curve, nats) for curve in rounds):.1f} s" for nats in LOSSES]
        print(f"| {name} | {' | '.join(seconds)} | {median(min(loss for _, loss in curve) for curve in rounds):.4f} |")


if __name__ == "__main__":
    if sys.argv[1] == "torch":
        print(json.dumps(train_torch()))
    else:
        main(sys.argv[1])
