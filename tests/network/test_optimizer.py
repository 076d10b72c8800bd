"""FusedAdam against keras.optimizers.Adam."""

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow

SHAPES = ((5, 7), (3,))


def make_variables():
    import keras

    return [keras.Variable(np.ones(shape, np.float32)) for shape in SHAPES]


def optimizer_classes():
    import keras

    from charlstm.network.optimizer import FusedAdam

    return keras.optimizers.Adam, FusedAdam


def test_it_updates_variables_as_keras_does():
    import tensorflow as tf

    rng = np.random.default_rng(0)
    gradients = [[rng.normal(size=shape).astype(np.float32) for shape in SHAPES] for _ in range(20)]
    results = []
    for optimizer_class in optimizer_classes():
        variables = make_variables()
        optimizer = optimizer_class(learning_rate=0.01, beta_2=0.99, global_clipnorm=1.0, weight_decay=0.01)
        optimizer.build(variables)
        for gradient in gradients:
            optimizer.apply([tf.constant(part) for part in gradient], variables)
        rows = tf.IndexedSlices(tf.constant([[1.0] * 7, [2.0] * 7]), tf.constant([3, 3]), tf.constant([5, 7]))
        tf.function(lambda: optimizer.apply([rows, tf.zeros(3)], variables), autograph=False)()  # noqa: B023
        results.append([variable.numpy() for variable in variables])
    for expected, actual in zip(*results, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-5)
        assert np.abs(expected - 1).max() > 0.05


def test_its_variables_stand_in_the_order_of_keras():
    """Checkpoints name them by their index."""
    import tensorflow as tf

    orders = []
    for optimizer_class in optimizer_classes():
        variables = make_variables()
        optimizer = optimizer_class(learning_rate=0.01, beta_2=0.99)
        optimizer.build(variables)
        optimizer.apply([tf.fill(shape, 0.5) for shape in SHAPES], variables)
        orders.append([(tuple(variable.shape), variable.dtype, variable.numpy()) for variable in optimizer.variables])
    for (shape, dtype, values), (own_shape, own_dtype, own_values) in zip(*orders, strict=True):
        assert (own_shape, own_dtype) == (shape, dtype)
        np.testing.assert_allclose(own_values, values, rtol=1e-6)
    assert [shape for shape, _, _ in orders[1]] == [(), (), (5, 7), (5, 7), (3,), (3,)]
