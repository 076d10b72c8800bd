"""One measurement of training speed: `python -m tests.benchmarks.contenders NAME LAYERSxUNITS BATCHxTIME PRECISION`.

Each contender builds the same network (embedding of 64, LSTM layers, dense layer over 65 characters) and trains it on
random characters with Adam and gradient clipping, one batch after the other. Prints characters per second in the
fastest of several intervals. A further argument is the cell of charlstm's network. With the name `matmul` and a
precision it prints the GFLOP/s of one large matmul instead.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import numpy.typing as npt

from tests.benchmarks.measurement import seconds_per_call

VOCABULARY_SIZE, EMBEDDING_DIM = 65, 64
NUM_INTERVALS, INTERVAL = 4, float(os.environ.get("INTERVAL", "0.8"))  # seconds each
STEPS_PER_CALL = 16  # of charlstm's Trainer, as the training loop calls it
MATMUL_SIZE = 2048

Batches = npt.NDArray[np.int32]  # ids (steps, batch size, time + 1): inputs, and targets shifted by one
TrainOn = Callable[[Batches], object]


@dataclass(frozen=True)
class Case:
    """What is trained: the network, the shape of a batch, and the type of the matmuls' operands."""

    num_layers: int
    units: int
    batch_size: int
    sequence_length: int
    precision: str
    cell: str = "lstm"

    @classmethod
    def parse(cls, network: str, batch: str, precision: str, cell: str = "lstm") -> "Case":
        """Parse arguments such as 2x300, 64x128, bfloat16 and gru."""
        num_layers, units = map(int, network.split("x"))
        batch_size, sequence_length = map(int, batch.split("x"))
        return cls(num_layers, units, batch_size, sequence_length, precision, cell)

    def random_batches(self, num_steps: int) -> Batches:
        shape = (num_steps, self.batch_size, self.sequence_length + 1)
        return np.random.default_rng(0).integers(0, VOCABULARY_SIZE, shape).astype(np.int32)


def make_charlstm(case: Case) -> TrainOn:
    from charlstm.config import ModelConfig, TrainingConfig
    from charlstm.machine import num_cores
    from charlstm.network.backend import set_threads
    from charlstm.training.auto_config import num_shards_for
    from charlstm.training.train_step import Trainer

    set_threads(num_cores())
    config = TrainingConfig(
        batch_size=case.batch_size,
        sequence_length=case.sequence_length,
        dropout=0.0,
        precision=case.precision,
        num_shards=num_shards_for(case.batch_size, num_cores()),
    )
    model_config = ModelConfig(cell=case.cell, num_layers=case.num_layers, units=case.units)
    trainer = Trainer(model_config, config, VOCABULARY_SIZE)

    def train_on(batches: Batches) -> None:
        for step in range(0, len(batches), STEPS_PER_CALL):
            chunk = batches[step : step + STEPS_PER_CALL]
            trainer.train_steps(chunk, step=step, learning_rates=[1e-3] * len(chunk))

    return train_on


def make_keras(case: Case) -> TrainOn:
    """Use `keras.layers.LSTM` under `model.fit`, in float32, as tutorials do."""
    import keras

    layers = [keras.layers.LSTM(case.units, return_sequences=True) for _ in range(case.num_layers)]
    model = keras.Sequential(
        [keras.layers.Embedding(VOCABULARY_SIZE, EMBEDDING_DIM), *layers, keras.layers.Dense(VOCABULARY_SIZE)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3, global_clipnorm=1.0), loss)

    def train_on(batches: Batches) -> None:
        ids = batches.reshape(-1, batches.shape[2])
        model.fit(ids[:, :-1], ids[:, 1:], batch_size=case.batch_size, shuffle=False, verbose=0)

    return train_on


def make_torch(case: Case) -> TrainOn:
    """Use `torch.nn.LSTM` with the state carried on, under autocast for bfloat16."""
    import torch

    embedding = torch.nn.Embedding(VOCABULARY_SIZE, EMBEDDING_DIM)
    lstm = torch.nn.LSTM(EMBEDDING_DIM, case.units, case.num_layers, batch_first=True)
    dense = torch.nn.Linear(case.units, VOCABULARY_SIZE)
    parameters = [*embedding.parameters(), *lstm.parameters(), *dense.parameters()]
    optimizer = torch.optim.Adam(parameters, 1e-3)
    states = [torch.zeros(case.num_layers, case.batch_size, case.units) for _ in range(2)]

    def train_step(batch: npt.NDArray[np.int32]) -> float:
        ids = torch.from_numpy(batch.astype(np.int64))
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=case.precision == "bfloat16"):
            outputs, last_states = lstm(embedding(ids[:, :-1]), tuple(states))
            logits = dense(outputs).float().reshape(-1, VOCABULARY_SIZE)
            loss = torch.nn.functional.cross_entropy(logits, ids[:, 1:].reshape(-1))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        states[:] = [state.detach().float() for state in last_states]
        return float(loss.item())

    return lambda batches: [train_step(batch) for batch in batches]


CONTENDERS: dict[str, Callable[[Case], TrainOn]] = {"charlstm": make_charlstm, "keras": make_keras, "torch": make_torch}


def characters_per_second(train_on: TrainOn, case: Case) -> float:
    """Return the speed in the fastest interval."""
    batches = case.random_batches(2)
    train_on(batches)  # builds graphs
    seconds_per_step = seconds_per_call(lambda: train_on(batches), 2) / len(batches)
    batches = case.random_batches(max(2, round(INTERVAL / seconds_per_step)))
    fastest = min(seconds_per_call(lambda: train_on(batches)) for _ in range(NUM_INTERVALS))
    return len(batches) * case.batch_size * case.sequence_length / fastest


def matmul_peak(precision: str) -> float:
    """Return the GFLOP/s of one large matmul on all cores."""
    import tensorflow as tf

    matrix = tf.cast(tf.random.normal((MATMUL_SIZE, MATMUL_SIZE)), precision)
    multiply = tf.function(lambda: tf.linalg.matmul(matrix, matrix)[0, 0])
    fastest = min(seconds_per_call(lambda: multiply().numpy(), 10) for _ in range(5))
    return 2 * MATMUL_SIZE**3 / fastest / 1e9


def main(name: str, *arguments: str) -> None:
    if name == "matmul":
        print(matmul_peak(arguments[-1]))
    else:
        case = Case.parse(*arguments)
        print(characters_per_second(CONTENDERS[name](case), case))


if __name__ == "__main__":
    main(*sys.argv[1:])
