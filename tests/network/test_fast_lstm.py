"""The fast layer against Keras's own, and its gradients against finite differences."""

from functools import partial

import numpy as np
import pytest

from charlstm.kernels.jit import HAS_BF16

pytestmark = pytest.mark.tensorflow

SIZES = [(3, 1, 5, 7), (2, 9, 6, 8), (1, 17, 3, 5), (5, 16, 1, 1)]  # batch, time, features, units


def layers(units, features, **settings):
    import keras

    from charlstm.network.fast_lstm import FastLSTM

    rng = np.random.default_rng(units)
    own = keras.layers.LSTM(units, return_sequences=True, return_state=True, **settings)
    fast = FastLSTM(units, return_sequences=True, return_state=True, **settings)
    own.build((None, None, features))
    fast.build((None, None, features))
    weights = [rng.normal(0, 0.5, weight.shape).astype(np.float32) for weight in own.get_weights()]
    own.set_weights(weights)
    fast.set_weights(weights)
    return own, fast


def outputs_and_gradients(layer, sequence, states, mixers):
    """What a layer gives, and the gradients of a mixture of all it gives, in a graph."""
    import tensorflow as tf

    @partial(tf.function, autograph=False)
    def run(sequence, states):
        with tf.GradientTape() as tape:
            tape.watch([sequence, *(states or [])])
            results = layer(sequence, initial_state=states)
            loss = tf.add_n(
                [tf.reduce_sum(tf.sin(result) * mixer) for result, mixer in zip(results, mixers, strict=True)]
            )
        return results, tape.gradient(loss, [sequence, *(states or []), *layer.trainable_variables])

    return run(sequence, states)


def random_case(batch, time, features, units):
    import tensorflow as tf

    rng = np.random.default_rng(batch)

    def normal(*shape):
        return tf.constant(rng.normal(size=shape), tf.float32)

    states = [normal(batch, units), normal(batch, units)]
    mixers = [normal(batch, time, units), normal(batch, units), normal(batch, units)]
    return normal(batch, time, features), states, mixers


@pytest.mark.parametrize("with_states", [True, False])
@pytest.mark.parametrize("sizes", SIZES)
def test_outputs_states_and_every_gradient_equal_those_of_keras(sizes, with_states):
    own, fast = layers(sizes[3], sizes[2])
    sequence, states, mixers = random_case(*sizes)
    expected = outputs_and_gradients(own, sequence, states if with_states else None, mixers)
    actual = outputs_and_gradients(fast, sequence, states if with_states else None, mixers)
    for group, other in zip(actual, expected, strict=True):
        assert len(group) == len(other)
        for array, same in zip(group, other, strict=True):
            np.testing.assert_allclose(array, same, rtol=2e-5, atol=2e-6)


def test_gradients_equal_finite_differences():
    import tensorflow as tf

    _, fast = layers(4, 3)
    sequence, states, mixers = random_case(2, 6, 3, 4)
    results, gradients = outputs_and_gradients(fast, sequence, states, mixers)
    rng = np.random.default_rng(0)
    for place, variable in enumerate(fast.trainable_variables):
        direction = rng.normal(size=variable.shape).astype(np.float32)
        losses, start = [], variable.numpy()
        for step in (-0.02, 0.02):
            variable.assign(start + step * direction)
            results = fast(sequence, initial_state=states)
            losses.append(sum(float(tf.reduce_sum(tf.sin(r) * m)) for r, m in zip(results, mixers, strict=True)))
        variable.assign(start)
        slope = (losses[1] - losses[0]) / 0.04
        assert slope == pytest.approx(float(np.sum(gradients[3 + place] * direction)), rel=2e-2, abs=2e-2)


def test_without_a_gradient_the_outputs_are_the_same():
    import tensorflow as tf

    from charlstm.network.fast_lstm import PackedLSTMWeights, run_lstm

    rng = np.random.default_rng(0)
    sequence = tf.constant(rng.normal(size=(9, 3, 4)), tf.float32)
    table, matrix = (tf.constant(rng.normal(size=shape), tf.float32) for shape in ((1, 20), (4 + 5, 20)))
    weights, states = PackedLSTMWeights(table, matrix, "float32"), [tf.zeros((3, 5))] * 2
    learning, plain = (
        run_lstm(None, sequence, weights, states, needs_gradient=needs_gradient)[0] for needs_gradient in (True, False)
    )
    np.testing.assert_array_equal(learning, plain)


@pytest.mark.parametrize(("features", "units"), [(8, 16), (4, 17), (7, 15)])
def test_bfloat16_is_near_float32_and_not_equal_to_it(features, units):
    own, fast = layers(units, features)
    sequence, states, mixers = random_case(4, 12, features, units)
    fast.precision = "bfloat16"
    expected = outputs_and_gradients(own, sequence, states, mixers)
    actual = outputs_and_gradients(fast, sequence, states, mixers)
    if HAS_BF16:
        difference = max(np.abs(array - same).max() for array, same in zip(actual[0], expected[0], strict=True))
        assert difference > 1e-3
    for group, other in zip(actual, expected, strict=True):
        for array, same in zip(group, other, strict=True):
            scale = np.abs(same).max()
            np.testing.assert_allclose(array / scale, same / scale, atol=0.06)


def test_an_unknown_length_and_the_last_output_alone():
    import keras
    import tensorflow as tf

    from charlstm.network.fast_lstm import FastLSTM

    own = keras.layers.LSTM(6)
    fast = FastLSTM(6)
    sequence = np.random.default_rng(0).normal(size=(3, 7, 4)).astype(np.float32)
    expected = own(sequence)
    fast.build(sequence.shape)
    fast.set_weights(own.get_weights())
    run = tf.function(fast, input_signature=[tf.TensorSpec((None, None, 4))])
    np.testing.assert_allclose(run(sequence), expected, atol=1e-6)


def test_what_the_fast_loops_do_not_cover_goes_to_keras():
    for settings in ({"activation": "relu"}, {"go_backwards": True}, {"use_bias": False}, {"dropout": 0.1}):
        own, fast = layers(4, 3, **settings)
        assert not fast.is_fast
        sequence = random_case(2, 5, 3, 4)[0]
        np.testing.assert_allclose(fast(sequence)[0], own(sequence)[0], atol=1e-6)


def test_the_config_makes_the_same_layer_again():
    from charlstm.network.fast_lstm import FastLSTM

    layer = FastLSTM(5, precision="bfloat16", return_sequences=True)
    again = FastLSTM.from_config(layer.get_config())
    assert (again.units, again.precision, again.return_sequences) == (5, "bfloat16", True)
