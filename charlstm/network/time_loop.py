"""Loops over time in TensorFlow, reading and writing structures of arrays with time on their first axis."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow import Tensor

MAX_UNROLL = 4  # steps per turn of a loop: each turn has a fixed cost, but a longer body takes longer to build


def unroll(step: Callable[..., Any], num_steps: int | None) -> Callable[..., Any]:
    """Return a function that runs several steps: the largest number up to MAX_UNROLL that divides `num_steps`."""
    k_unroll = next(n for n in range(MAX_UNROLL, 0, -1) if (num_steps or 1) % n == 0)

    def run_steps(*loop_variables: Any) -> Any:
        for _ in range(k_unroll):
            loop_variables = step(*loop_variables)
        return loop_variables

    return run_steps


def empty_array(num_steps: Tensor, dtype: tf.DType = tf.float32) -> tf.TensorArray:
    return tf.TensorArray(dtype, num_steps)


def read_at(arrays: Any, t: Tensor) -> Any:
    """Return the values at time t of a structure of tensors (time, ...)."""
    return tf.nest.map_structure(lambda array: tf.gather(array, t), arrays)


def write_at(arrays: Any, t: Tensor, values: Any) -> Any:
    """Return a structure of TensorArrays with `values`, of the same structure, written at time t."""
    return tf.nest.map_structure(lambda array, value: array.write(t, value), arrays, values)


def stack(arrays: Any) -> Any:
    """Return a structure of TensorArrays as tensors (time, ...)."""
    return tf.nest.map_structure(lambda array: array.stack(), arrays)
