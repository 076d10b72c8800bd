"""One measurement in one process: `python -m tests.benchmarks.contenders NAME LAYERSxUNITS BATCHxTIME PRECISION`.

Each contender makes the same network (embedding of 64, LSTM layers, dense layer over 65 characters) and trains it on
random characters with Adam and a clipped gradient, a batch at a time. Prints characters a second: the best of several
stretches.
"""

import os
import sys
import time
from collections.abc import Callable

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np

VOCABULARY_SIZE, EMBEDDING_DIM = 65, 64
STRETCHES, SECONDS = 4, 0.8
Learn = Callable[[np.ndarray], object]  # from ids (batches, batch size, time + 1)


def charlstm(num_layers: int, units: int, batch_size: int, time: int, precision: str) -> Learn:
    from charlstm.config import ModelConfig, TrainingConfig
    from charlstm.machine import num_cores
    from charlstm.training.auto_config import num_shards_for
    from charlstm.training.schedule import MAX_STEPS_PER_CALL
    from charlstm.training.train_step import Trainer, set_threads

    set_threads(num_cores())
    config = TrainingConfig(
        batch_size=batch_size,
        sequence_length=time,
        dropout=0.0,
        precision=precision,
        num_shards=num_shards_for(batch_size, num_cores()),
    )
    learner = Trainer(ModelConfig(num_layers=num_layers, units=units), config, VOCABULARY_SIZE)

    def learn(batches: np.ndarray) -> None:
        for start in range(0, len(batches), MAX_STEPS_PER_CALL):
            some = batches[start : start + MAX_STEPS_PER_CALL]
            learner.train_steps(some, step=start, learning_rates=[1e-3] * len(some))

    return learn


def keras_fit(num_layers: int, units: int, batch_size: int, time: int, precision: str) -> Learn:
    """`keras.layers.LSTM` under `model.fit`, as a tutorial would have it."""
    import keras

    recurrent = [keras.layers.LSTM(units, return_sequences=True) for _ in range(num_layers)]
    model = keras.Sequential(
        [keras.layers.Embedding(VOCABULARY_SIZE, EMBEDDING_DIM), *recurrent, keras.layers.Dense(VOCABULARY_SIZE)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3, global_clipnorm=1.0), loss)

    def learn(batches: np.ndarray) -> None:
        ids = batches.reshape(-1, batches.shape[2])
        model.fit(ids[:, :-1], ids[:, 1:], batch_size=batch_size, shuffle=False, verbose=0)

    return learn


def torch(num_layers: int, units: int, batch_size: int, time: int, precision: str) -> Learn:
    """`torch.nn.LSTM`, with autocast for bfloat16, the state carried on."""
    import torch as library

    embedding = library.nn.Embedding(VOCABULARY_SIZE, EMBEDDING_DIM)
    recurrent = library.nn.LSTM(EMBEDDING_DIM, units, num_layers, batch_first=True)
    dense = library.nn.Linear(units, VOCABULARY_SIZE)
    parameters = [*embedding.parameters(), *recurrent.parameters(), *dense.parameters()]
    optimizer = library.optim.Adam(parameters, 1e-3)
    states = [library.zeros(num_layers, batch_size, units) for _ in range(2)]

    def step(batch: np.ndarray) -> object:
        ids = library.from_numpy(batch.astype(np.int64))
        optimizer.zero_grad()
        with library.autocast("cpu", dtype=library.bfloat16, enabled=precision == "bfloat16"):
            outputs, after = recurrent(embedding(ids[:, :-1]), tuple(states))
            logits = dense(outputs).float().reshape(-1, VOCABULARY_SIZE)
            loss = library.nn.functional.cross_entropy(logits, ids[:, 1:].reshape(-1))
        loss.backward()
        library.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        states[:] = [state.detach().float() for state in after]
        return loss.item()

    return lambda batches: [step(batch) for batch in batches]


def matmul_peak(precision: str) -> float:
    """GFLOP a second of one large matmul over all cores."""
    import tensorflow as tf

    matrix = tf.cast(tf.random.normal((2048, 2048)), precision)
    multiply = tf.function(lambda: tf.linalg.matmul(matrix, matrix)[0, 0])
    best = min(_seconds(lambda: multiply().numpy(), 10) for _ in range(5))
    return 2 * 2048**3 / best / 1e9


def _seconds(run: Callable[[], object], times: int) -> float:
    run()
    start = time.perf_counter()
    for _ in range(times):
        run()
    return (time.perf_counter() - start) / times


def characters_per_second(learn: Learn, batch_size: int, length: int) -> float:
    rng = np.random.default_rng(0)
    batches = rng.integers(0, VOCABULARY_SIZE, (2, batch_size, length + 1)).astype(np.int32)
    learn(batches)
    count = max(2, round(SECONDS / _seconds(lambda: learn(batches), 2) * len(batches)))
    batches = rng.integers(0, VOCABULARY_SIZE, (count, batch_size, length + 1)).astype(np.int32)
    return count * batch_size * length / min(_seconds(lambda: learn(batches), 1) for _ in range(STRETCHES))


if __name__ == "__main__":
    name, precision = sys.argv[1], sys.argv[-1]
    if name == "matmul":
        print(matmul_peak(precision))
    else:
        num_layers, units = (int(number) for number in sys.argv[2].split("x"))
        batch_size, length = (int(number) for number in sys.argv[3].split("x"))
        make = {"charlstm": charlstm, "keras": keras_fit, "torch": torch}[name]
        learn = make(num_layers, units, batch_size, length, precision)
        print(characters_per_second(learn, batch_size, length))
