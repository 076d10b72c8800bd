"""Compare validation loss over time with PyTorch: the same network, data, batches and learning rates.

`python -m tests.benchmarks.loss_over_time docs/loss_over_time.svg` draws the plot and prints the seconds to some
losses. Each contender runs in a process of its own, one after the other, round by round.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from charlstm.analysis.evaluation_streams import evaluation_streams
from charlstm.arrays import Ids
from charlstm.kernels import fastest_precision
from charlstm.network.compiled_layers import reference_layer
from charlstm.text.batches import Streams, split_for_validation
from charlstm.text.corpus import load_corpus
from charlstm.text.vocabulary import Vocabulary
from charlstm.training.schedule import learning_rate_at
from tests.benchmarks.measurement import run_module

if TYPE_CHECKING:
    import torch

TEXT, SECONDS, NUM_EVALUATIONS = "macbeth.txt", float(os.environ.get("SECONDS", "60")), 24
UNITS, EMBEDDING_DIM, BATCH_SIZE, SEQUENCE_LENGTH = 256, 64, 32, 64
DROPOUT, LEARNING_RATE = 0.3, 8e-3
ROUNDS = int(os.environ.get("ROUNDS", "3"))
LOSSES = (2.0, 1.8, 1.7, 1.6)  # nats

Curve = list[tuple[float, float]]  # seconds, validation nats


def charlstm_curve() -> Curve:
    """Train with the command, as a user does."""
    options: dict[str, float] = {
        "--layers": 1,
        "--units": UNITS,
        "--embedding": EMBEDDING_DIM,
        "--batch-size": BATCH_SIZE,
        "--sequence-length": SEQUENCE_LENGTH,
        "--dropout": DROPOUT,
        "--recurrent-dropout": 0,
        "--learning-rate": LEARNING_RATE,
        "--max-time": SECONDS,
        "--patience": 99,
    }
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "charlstm", "train", TEXT, "--quiet", "-o", f"{folder}/run"]
        subprocess.run([*command, *(str(part) for item in options.items() for part in item)], check=True)
        lines = Path(folder, "run", "history.jsonl").read_text().splitlines()
    return [(entry["seconds"], entry["validation_nats"]) for entry in map(json.loads, lines)]


def torch_curve() -> Curve:
    """Train with `torch.nn.LSTM` in a process of its own."""
    points = json.loads(run_module("tests.benchmarks.loss_over_time", "torch"))
    return [(seconds, nats) for seconds, nats in points]


def make_torch_network(vocabulary_size: int) -> "torch.nn.ModuleDict":
    """Return a network that is initialised as charlstm's."""
    import torch

    lstm = torch.nn.LSTM(EMBEDDING_DIM, UNITS, batch_first=True)
    torch.nn.init.orthogonal_(lstm.weight_hh_l0)
    torch.nn.init.ones_(lstm.bias_ih_l0[UNITS : 2 * UNITS].detach())  # forget gate
    return torch.nn.ModuleDict(
        {
            "embedding": torch.nn.Embedding(vocabulary_size, EMBEDDING_DIM),
            "lstm": lstm,
            "dropout": torch.nn.Dropout(DROPOUT),
            "dense": torch.nn.Linear(UNITS, vocabulary_size),
        }
    )


class TorchTraining:
    """`torch.nn.LSTM` with charlstm's data, schedule and evaluation."""

    def __init__(self) -> None:
        import torch

        text = load_corpus([TEXT]).text
        vocabulary = Vocabulary.from_text(text)
        dataset = split_for_validation(vocabulary.encode(text), validation=0.1, sequence_length=SEQUENCE_LENGTH)
        self.streams = Streams(dataset.training, BATCH_SIZE, SEQUENCE_LENGTH)
        self.validation = evaluation_streams(dataset.validation)
        self.network = make_torch_network(len(vocabulary))
        self.optimizer = torch.optim.Adam(self.network.parameters(), betas=(0.9, 0.99), eps=1e-7)
        self.uses_bfloat16 = fastest_precision(reference_layer()) == "bfloat16"
        self.states: Any = None

    def run(self, ids: Ids, states: Any) -> tuple["torch.Tensor", Any]:
        """Return the logits (batch, time, vocabulary) and the last states."""
        import torch

        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.uses_bfloat16):
            embedded = self.network["embedding"](torch.from_numpy(ids.astype(np.int64)))
            outputs, states = self.network["lstm"](embedded, states)
            logits = self.network["dense"](self.network["dropout"](outputs))
        return logits.float(), tuple(state.detach().float() for state in states)

    def cross_entropy(self, logits: "torch.Tensor", targets: Ids) -> "torch.Tensor":
        """Return the nats of each character, (batch, time)."""
        from torch import from_numpy
        from torch.nn.functional import cross_entropy

        return cross_entropy(logits.transpose(1, 2), from_numpy(targets.astype(np.int64)), reduction="none")

    def train_step(self, step: int, rate: float) -> None:
        from torch.nn.utils import clip_grad_norm_

        self.optimizer.param_groups[0]["lr"] = rate
        batch = self.streams.batch(step)
        logits, self.states = self.run(batch[:, :-1], self.states)
        self.optimizer.zero_grad()
        self.cross_entropy(logits, batch[:, 1:]).mean().backward()
        clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()

    def evaluate(self) -> float:
        """Return the validation nats per character, measured as in charlstm's training."""
        import torch

        self.network.eval()
        with torch.no_grad():
            _, states = self.run(self.validation.warmup, None)
            states[0][:, 0], states[1][:, 0] = 0, 0  # nothing comes before the first stream
            logits, _ = self.run(self.validation.inputs, states)
            nats = self.cross_entropy(logits, self.validation.targets).numpy()
        self.network.train()
        return float((nats * self.validation.scored).sum() / self.validation.scored.sum())

    def train(self) -> Curve:
        curve: Curve = []
        step, last_evaluation, start = 0, 0.0, time.perf_counter()
        while (seconds := time.perf_counter() - start) < SECONDS:
            self.train_step(step, learning_rate_at(seconds / SECONDS, peak=LEARNING_RATE))
            step += 1
            seconds = time.perf_counter() - start
            if seconds - last_evaluation > SECONDS / NUM_EVALUATIONS:
                last_evaluation = seconds
                curve.append((seconds, self.evaluate()))
        return [*curve, (time.perf_counter() - start, self.evaluate())]


def seconds_to(curve: Curve, nats: float) -> float:
    """Return when a curve first reaches a loss; infinite if it never does."""
    return next((seconds for seconds, loss in curve if loss <= nats), math.inf)


def save_plot(curves: dict[str, list[Curve]], path: str) -> None:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    for (name, rounds), color in zip(curves.items(), ("tab:blue", "tab:orange"), strict=True):
        for index, curve in enumerate(rounds):
            axes.plot(*zip(*curve, strict=True), color=color, label=None if index else name, alpha=0.8)
    axes.set(xlabel="seconds", ylabel="validation nats per character", ylim=(1.4, 2.6))
    axes.set_title(f"Macbeth, 1x{UNITS}, batches of {BATCH_SIZE}x{SEQUENCE_LENGTH}")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path)


def print_table(curves: dict[str, list[Curve]]) -> None:
    print(f"| | {' | '.join(f'to {nats} nats' for nats in LOSSES)} | nats after {SECONDS:g} s |")
    print("|---" * (len(LOSSES) + 2) + "|")
    for name, rounds in curves.items():
        times = [f"{median(seconds_to(curve, nats) for curve in rounds):.1f} s" for nats in LOSSES]
        lowest = median(min(loss for _, loss in curve) for curve in rounds)
        print(f"| {name} | {' | '.join(times)} | {lowest:.4f} |")


def main(argument: str) -> None:
    if argument == "torch":
        print(json.dumps(TorchTraining().train()))
        return
    contenders: dict[str, Callable[[], Curve]] = {"charlstm": charlstm_curve, "torch.nn.LSTM": torch_curve}
    curves: dict[str, list[Curve]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, train in contenders.items():
            curves[name].append(train())
    save_plot(curves, argument)
    print_table(curves)


if __name__ == "__main__":
    main(sys.argv[1])
