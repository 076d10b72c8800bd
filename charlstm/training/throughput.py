"""Measure how fast this machine trains, by training a network for a second or two."""

import time

import numpy as np

from charlstm.config import ModelConfig, TrainingConfig
from charlstm.machine import num_cores
from charlstm.training.auto_config import REFERENCE_UNITS, num_shards_for, operations_per_character
from charlstm.training.train_step import Trainer

NUM_MEASUREMENTS, MEASUREMENT_TIME = 5, 0.2  # seconds each, after the graph is built
VOCABULARY_SIZE = 65


def measure_throughput(*, precision: str) -> float:
    """Return the floating-point operations per second in training two layers of REFERENCE_UNITS."""
    model_config = ModelConfig(num_layers=2, units=REFERENCE_UNITS)
    config = TrainingConfig(
        batch_size=32, sequence_length=64, dropout=0.1, precision=precision, num_shards=num_shards_for(32, num_cores())
    )
    trainer = Trainer(model_config, config, VOCABULARY_SIZE)
    batches = np.zeros((1, config.batch_size, config.sequence_length + 1), np.int32)
    trainer.train_steps(batches, step=0, learning_rates=[0.0])

    def steps_per_second() -> float:
        steps, start = 0, time.perf_counter()
        while (seconds := time.perf_counter() - start) < MEASUREMENT_TIME or steps == 0:
            trainer.train_steps(batches, step=steps, learning_rates=[0.0])
            steps += 1
        return steps / seconds

    fastest = max(steps_per_second() for _ in range(NUM_MEASUREMENTS))  # other processes can only slow it down
    characters_per_step = config.batch_size * config.sequence_length
    return fastest * characters_per_step * operations_per_character(VOCABULARY_SIZE, model_config.to_json())
