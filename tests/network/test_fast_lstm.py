"""The fast layer against Keras's own, and its gradients against finite differences."""

from functools import partial

import numpy as np
import pytest

from charlstm.kernels import is_supported

pytestmark = pytest.mark.tensorflow

SIZES = [(3, 1, 5, 7), (2, 9, 6, 8), (1, 17, 3, 5), (5, 16, 1, 1)]  # batch, time, features, units


def make_layers(units, features, **settings):
    """Return Keras's layer and the fast one with the same random weights."""
    import keras

    from charlstm.network.fast_lstm import FastLSTM

    rng = np.random.default_rng(units)
    keras_lstm = keras.layers.LSTM(units, return_sequences=True, return_state=True, **settings)
    fast = FastLSTM(units, return_sequences=True, return_state=True, **settings)
    keras_lstm.build((None, None, features))
    fast.build((None, None, features))
    weights = [rng.normal(0, 0.5, weight.shape).astype(np.float32) for weight in keras_lstm.get_weights()]
    keras_lstm.set_weights(weights)
    fast.set_weights(weights)
    return keras_lstm, fast


def outputs_and_gradients(layer, sequence, states, mixers):
    """Return a layer's results, and the gradients of a mixture of them all, computed in a graph."""
    import tensorflow as tf

    @partial(tf.function, autograph=False)
    def run(sequence, states):
        with tf.GradientTape() as tape:
            tape.watch([sequence, *(states or [])])
            results = layer(sequence, initial_state=states)
            loss = mixture(results, mixers)
        return results, tape.gradient(loss, [sequence, *(states or []), *layer.trainable_variables])

    return run(sequence, states)


def mixture(results, mixers):
    import tensorflow as tf

    return tf.add_n([tf.reduce_sum(tf.sin(result) * mixer) for result, mixer in zip(results, mixers, strict=True)])


def random_case(batch, time, features, units):
    import tensorflow as tf

    rng = np.random.default_rng(batch)

    def normal(*shape):
        return tf.constant(rng.normal(size=shape), tf.float32)

    states = [normal(batch, units), normal(batch, units)]
    mixers = [normal(batch, time, units), normal(batch, units), normal(batch, units)]
    return normal(batch, time, features), states, mixers


def assert_all_close(actual, expected, **tolerances):
    for actual_group, expected_group in zip(actual, expected, strict=True):
        assert len(actual_group) == len(expected_group)
        for array, same in zip(actual_group, expected_group, strict=True):
            np.testing.assert_allclose(array, same, **tolerances)


@pytest.mark.parametrize("with_states", [True, False])
@pytest.mark.parametrize("sizes", SIZES)
def test_outputs_states_and_every_gradient_equal_those_of_keras(sizes, with_states):
    keras_lstm, fast = make_layers(sizes[3], sizes[2])
    sequence, states, mixers = random_case(*sizes)
    expected = outputs_and_gradients(keras_lstm, sequence, states if with_states else None, mixers)
    actual = outputs_and_gradients(fast, sequence, states if with_states else None, mixers)
    assert_all_close(actual, expected, rtol=2e-5, atol=2e-6)


def test_gradients_equal_finite_differences():
    _, fast = make_layers(4, 3)
    sequence, states, mixers = random_case(2, 6, 3, 4)
    _, gradients = outputs_and_gradients(fast, sequence, states, mixers)
    rng = np.random.default_rng(0)
    for index, variable in enumerate(fast.trainable_variables):
        direction = rng.normal(size=variable.shape).astype(np.float32)
        losses, start = [], variable.numpy()
        for step in (-0.02, 0.02):
            variable.assign(start + step * direction)
            losses.append(float(mixture(fast(sequence, initial_state=states), mixers)))
        variable.assign(start)
        slope = (losses[1] - losses[0]) / 0.04
        assert slope == pytest.approx(float(np.sum(gradients[3 + index] * direction)), rel=2e-2, abs=2e-2)


def test_without_a_gradient_the_outputs_are_the_same():
    import tensorflow as tf

    from charlstm.network.fast_lstm import PackedLSTMWeights, run_lstm

    rng = np.random.default_rng(0)
    sequence = tf.constant(rng.normal(size=(9, 3, 4)), tf.float32)
    table, matrix = (tf.constant(rng.normal(size=shape), tf.float32) for shape in ((1, 20), (4 + 5, 20)))
    weights, states = PackedLSTMWeights(table, matrix, "float32"), [tf.zeros((3, 5))] * 2
    with_gradient, without = (
        run_lstm(None, sequence, weights, states, needs_gradient=needs_gradient)[0] for needs_gradient in (True, False)
    )
    np.testing.assert_array_equal(with_gradient, without)


@pytest.mark.parametrize(("features", "units"), [(8, 16), (4, 17), (7, 15)])
def test_bfloat16_is_near_float32_and_not_equal_to_it(features, units):
    keras_lstm, fast = make_layers(units, features)
    sequence, states, mixers = random_case(4, 12, features, units)
    fast.precision = "bfloat16"
    expected = outputs_and_gradients(keras_lstm, sequence, states, mixers)
    actual = outputs_and_gradients(fast, sequence, states, mixers)
    if is_supported("bfloat16"):
        difference = max(np.abs(array - same).max() for array, same in zip(actual[0], expected[0], strict=True))
        assert difference > 1e-3
    for group, other in zip(actual, expected, strict=True):
        for array, same in zip(group, other, strict=True):
            scale = np.abs(same).max()
            np.testing.assert_allclose(array / scale, same / scale, atol=0.06)


def test_sequences_of_unknown_length_and_the_last_output_alone():
    import keras
    import tensorflow as tf

    from charlstm.network.fast_lstm import FastLSTM

    keras_lstm, fast = keras.layers.LSTM(6), FastLSTM(6)
    sequence = np.random.default_rng(0).normal(size=(3, 7, 4)).astype(np.float32)
    expected = keras_lstm(sequence)
    fast.build(sequence.shape)
    fast.set_weights(keras_lstm.get_weights())
    run = tf.function(fast, input_signature=[tf.TensorSpec((None, None, 4))])
    np.testing.assert_allclose(run(sequence), expected, atol=1e-6)


def test_keras_runs_what_the_fast_loops_do_not_cover():
    for settings in ({"activation": "relu"}, {"go_backwards": True}, {"use_bias": False}, {"dropout": 0.1}):
        keras_lstm, fast = make_layers(4, 3, **settings)
        assert not fast.is_fast
        sequence = random_case(2, 5, 3, 4)[0]
        np.testing.assert_allclose(fast(sequence)[0], keras_lstm(sequence)[0], atol=1e-6)


def test_keras_runs_where_the_processor_is_not_supported(monkeypatch):
    keras_lstm, fast = make_layers(4, 3)
    assert fast.is_fast
    monkeypatch.setattr("charlstm.network.fast_lstm.is_supported", lambda: False)
    assert not fast.is_fast
    sequence = random_case(2, 5, 3, 4)[0]
    np.testing.assert_array_equal(fast(sequence)[0], keras_lstm(sequence)[0])


def pretend_gpu(monkeypatch):
    """Let TensorFlow report a GPU, so that Keras's loops run; they still run on the CPU."""
    import tensorflow as tf

    device = tf.config.PhysicalDevice("/physical_device:GPU:0", "GPU")
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [device] if kind == "GPU" else [])


def run_with_other_weights(layer, *, in_graph):
    """Return the results of a layer with weights that are not its own, and all gradients."""
    import tensorflow as tf

    sequence, states, mixers = random_case(3, 8, 5, 6)
    sequence = tf.transpose(sequence, (1, 0, 2))
    mixers = [tf.transpose(mixers[0], (1, 0, 2)), *mixers[1:]]
    rng = np.random.default_rng(1)
    weights = [tf.constant(rng.normal(0, 0.5, shape), tf.float32) for shape in ((5, 24), (6, 24), (24,))]

    def run(sequence, states, weights):
        with tf.GradientTape() as tape:
            sources = [*weights, sequence, *states]
            tape.watch(sources)
            outputs, last_states = layer.run_with_weights(*weights, sequence, states)
            loss = mixture([outputs, *last_states], mixers)
        return [outputs, *last_states], tape.gradient(loss, sources)

    return (tf.function(run, autograph=False) if in_graph else run)(sequence, states, weights)


@pytest.mark.parametrize("in_graph", [True, False])
def test_given_weights_replace_the_layers_own_with_and_without_a_gpu(monkeypatch, in_graph):
    _, fast = make_layers(6, 5)
    own = [weight.copy() for weight in fast.get_weights()]
    expected = run_with_other_weights(fast, in_graph=in_graph)
    pretend_gpu(monkeypatch)
    assert not fast.is_fast
    actual = run_with_other_weights(fast, in_graph=in_graph)
    assert all(gradient is not None for gradient in actual[1])
    assert_all_close(actual, expected, rtol=2e-5, atol=2e-6)
    for weight, before in zip(fast.get_weights(), own, strict=True):
        np.testing.assert_array_equal(weight, before)


def test_the_layers_own_weights_run_alike_with_and_without_a_gpu(monkeypatch):
    import tensorflow as tf

    _, fast = make_layers(6, 5)
    sequence, states, _ = random_case(3, 8, 5, 6)
    expected = fast.run(tf.transpose(sequence, (1, 0, 2)), states)
    pretend_gpu(monkeypatch)
    actual = fast.run(tf.transpose(sequence, (1, 0, 2)), states)
    assert_all_close([[actual[0]], actual[1]], [[expected[0]], expected[1]], rtol=2e-5, atol=2e-6)


def test_the_config_recreates_the_layer():
    from charlstm.network.fast_lstm import FastLSTM

    layer = FastLSTM(5, precision="bfloat16", return_sequences=True)
    again = FastLSTM.from_config(layer.get_config())
    assert (again.units, again.precision, again.return_sequences) == (5, "bfloat16", True)
