"""Measure how fast this machine trains: in general, to choose settings by, and with the settings of a run."""

import time
from statistics import median

import numpy as np
import numpy.typing as npt

from charlstm.config import ModelConfig, TrainingConfig
from charlstm.machine import load_throughput, num_cores, save_throughput, throughput_age
from charlstm.training.auto_config import REFERENCE_UNITS, num_shards_for, operations_per_character
from charlstm.training.leading import LeadingTrainer
from charlstm.training.train_step import Trainer

NUM_MEASUREMENTS, MEASUREMENT_TIME = 5, 0.1  # seconds each, after the graph is built
VOCABULARY_SIZE = 65
NOISE = 1.1  # a measurement must be faster than the fastest one before by more than this to count
MEASURED_FOR = 60 * 60  # seconds
MIN_STEP_TIMES, STEP_TIMES_TIME, SLOW_STEP = 3, 0.2, 3.0  # steps, seconds, seconds


def best_throughput(*, precision: str) -> float:
    """Return the highest throughput that was ever measured here in a precision, now included, and keep it.

    A machine that is busy for the moment then gets the same settings as one that is not. Within MEASURED_FOR the last
    measurement counts.
    """
    kept = load_throughput(precision)
    if kept is not None and 0 <= throughput_age(precision) < MEASURED_FOR:
        return kept
    measured = measure_throughput(precision=precision)
    best = kept if kept is not None and measured <= NOISE * kept else measured
    save_throughput(best, precision=precision)
    return best


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


def measure_step_time(trainer: Trainer | LeadingTrainer, batch: npt.NDArray[np.int32]) -> float:
    """Return the seconds that a step on a batch of ids (batch, time + 1) takes; the trainer is left as it was.

    The first step builds the graph. It is only counted if it is so slow that another one is not worth the wait.
    """
    before = trainer.arrays()
    times = list[float]()
    built = _step_time(trainer, batch)
    while built < SLOW_STEP and (len(times) < MIN_STEP_TIMES or sum(times) < STEP_TIMES_TIME):
        times.append(_step_time(trainer, batch))
    trainer.restore(before)
    return median(times or [built])


def _step_time(trainer: Trainer | LeadingTrainer, batch: npt.NDArray[np.int32]) -> float:
    start = time.perf_counter()
    trainer.train_steps(batch[None], step=0, learning_rates=[0.0])
    return time.perf_counter() - start
