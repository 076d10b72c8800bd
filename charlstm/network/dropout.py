"""Dropout whose mask is a pure function of a seed."""

import tensorflow as tf


def drop_out(values: tf.Tensor, rate: float, seed: tf.Tensor) -> tf.Tensor:
    """Zero a share of the values and scale up the rest: inverted dropout (Srivastava et al. 2014).

    `seed` is two integers. Each value uses one random byte, so the rate is rounded to the nearest 256th.
    """
    threshold = max(1, min(255, round(rate * 256)))
    size = tf.size(values)
    words = tf.random.stateless_uniform([(size + 3) // 4], seed, minval=None, maxval=None, dtype=tf.uint32)
    random_bytes = tf.reshape(tf.reshape(tf.bitcast(words, tf.uint8), [-1])[:size], tf.shape(values))
    return values * tf.where(random_bytes >= threshold, 256 / (256 - threshold), 0.0)


def layer_seed(seed: tf.Tensor, layer: int) -> tf.Tensor:
    """Return the seed of one layer's mask."""
    return seed + tf.constant([0, layer], tf.int64)
