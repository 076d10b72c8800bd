"""How fast this machine trains: measured, in a second or two, on the real thing."""

import time

import numpy as np

from charlstm.config import ModelConfig, TrainingConfig
from charlstm.machine import num_cores
from charlstm.training.auto_config import REFERENCE_UNITS, num_shards_for, operations_per_character
from charlstm.training.train_step import Trainer

STRETCHES, STRETCH = 5, 0.2  # seconds each, after the graph is built
VOCABULARY_SIZE = 65


def measure_throughput(*, precision: str) -> float:
    """Floating-point operations a second in training, with two layers of REFERENCE_UNITS."""
    shape = ModelConfig(num_layers=2, units=REFERENCE_UNITS)
    config = TrainingConfig(
        batch_size=32, sequence_length=64, dropout=0.1, precision=precision, num_shards=num_shards_for(32, num_cores())
    )
    learner = Trainer(shape, config, VOCABULARY_SIZE)
    batches = np.zeros((1, config.batch_size, config.sequence_length + 1), np.int32)
    learner.train_steps(batches, step=0, learning_rates=[0.0])

    def steps_per_second() -> float:
        steps, start = 0, time.perf_counter()
        while (seconds := time.perf_counter() - start) < STRETCH or steps == 0:
            learner.train_steps(batches, step=steps, learning_rates=[0.0])
            steps += 1
        return steps / seconds

    fastest = max(steps_per_second() for _ in range(STRETCHES))  # others on the machine only make it slower
    characters = config.batch_size * config.sequence_length
    return fastest * characters * operations_per_character(VOCABULARY_SIZE, shape.to_json())
