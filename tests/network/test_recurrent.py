"""Compiled layers in TensorFlow: every gradient against finite differences, and against Keras's own layers."""

from functools import partial
from typing import Any

import numpy as np
import pytest

from charlstm.cells.registry import get_cell
from charlstm.cells.shapes import clockwork_mask
from charlstm.generation.numpy_ops import round_to_bfloat16
from charlstm.kernels import chosen_instruction_set
from tests.kernels.cases import (
    RECURRENT_CELLS,
    check_gradients,
    has_gradient,
    random_layer,
    relative_error,
    run_in_numpy,
)

pytestmark = pytest.mark.tensorflow
HAS_BF16 = chosen_instruction_set().product("bfloat16").precision == "bfloat16"


def run_in_tensorflow(layer, *, precision="float32", in_graph=True):
    """Return the results of a layer by name, its last states, and the gradients of all that it was given by name."""
    import tensorflow as tf

    from charlstm.network.recurrent import PreparedLayer

    def run(weights, inputs, states):
        watched = {**weights, **inputs, **{f"state{n}": s for n, s in enumerate(states) if has_gradient(layer, s)}}
        with tf.GradientTape() as tape:
            tape.watch(watched)
            prepared = PreparedLayer(layer.name, weights, precision, is_first=layer.is_first)
            results, last = prepared.run(inputs, states)
            parts = [(results[name.removeprefix("d_")], d) for name, d in layer.d_results.items()]
            parts += [(s, d) for s, d in zip(last, layer.d_states, strict=True) if has_gradient(layer, d)]
            loss = tf.add_n([tf.reduce_sum(part * d) for part, d in parts])
        return results, last, tape.gradient(loss, watched)

    arguments = [{name: tf.constant(a) for name, a in part.items()} for part in (layer.weights, layer.inputs)]
    function: Any = tf.function(run, autograph=False) if in_graph else run
    results, last, gradients = function(*arguments, [tf.constant(state) for state in layer.states])
    assert all(gradient is not None for gradient in gradients.values())
    arrays = [{name: tensor.numpy() for name, tensor in part.items()} for part in (results, gradients)]
    return arrays[0], [state.numpy() for state in last], arrays[1]


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("name", [name for name in RECURRENT_CELLS if name != "echo-state"])
def test_results_and_gradients_of_every_cell(name, is_first):
    layer = random_layer(name, is_first=is_first)
    results, last, gradients = run_in_tensorflow(layer)
    expected, expected_last = run_in_numpy(layer)
    for actual, same in zip([*results.values(), *last], [*expected.values(), *expected_last], strict=True):
        assert relative_error(actual, same) < 3e-6
    if name == "clockwork":
        mask = clockwork_mask(layer.effective["periods"].tolist())
        assert not gradients["recurrent_kernel"][np.array(mask) == 0].any()
    check_gradients(layer, gradients)


def test_a_reservoir_passes_gradients_on_and_has_none():
    layer = random_layer("echo-state", is_first=False)
    results, _, gradients = run_in_tensorflow(layer)
    assert relative_error(results["output"], run_in_numpy(layer)[0]["output"]) < 3e-6
    assert not gradients["kernel"].any()
    assert not gradients["recurrent_kernel"].any()
    assert gradients["x"].all()


@pytest.mark.parametrize("name", ["lstm", "grid"])
def test_eager_calls_give_the_same_as_a_graph(name):
    layer = random_layer(name, is_first=False)
    results, last, gradients = run_in_tensorflow(layer)
    eager_results, eager_last, eager_gradients = run_in_tensorflow(layer, in_graph=False)
    for key in results:
        np.testing.assert_array_equal(eager_results[key], results[key])
    for state, same in zip(eager_last, last, strict=True):
        np.testing.assert_array_equal(state, same)
    for key in gradients:
        np.testing.assert_array_equal(eager_gradients[key], gradients[key])


@pytest.mark.skipif(not HAS_BF16, reason="the processor cannot multiply bfloat16")
@pytest.mark.parametrize("name", ["lstm", "gru", "mogrifier:3"])
def test_bfloat16_rounds_the_operands_of_products(name):
    layer = random_layer(name, is_first=True)
    results, _, gradients = run_in_tensorflow(layer, precision="bfloat16")
    exact, rounded = run_in_numpy(layer), run_in_numpy(layer, round_operands=round_to_bfloat16)
    rounding = relative_error(rounded[0]["output"], exact[0]["output"])
    assert relative_error(results["output"], rounded[0]["output"]) < rounding / 3
    _, _, exact_gradients = run_in_tensorflow(layer)
    for key, gradient in exact_gradients.items():
        assert 0 < relative_error(gradients[key], gradient) < 0.05, key


@pytest.mark.parametrize("name", ["lstm", "gru", "clockwork", "grid"])
def test_a_table_of_input_projections(name):
    """The gradient of the table is that of the embedding, the kernel and the bias behind it."""
    import tensorflow as tf

    from charlstm.network.recurrent import PreparedLayer

    layer = random_layer(name, is_first=True)
    random = np.random.default_rng(3)
    embedding = tf.constant(random.normal(size=(6, 12)), tf.float32)
    ids = tf.constant(random.integers(0, 6, (5, 3)))
    weights = {key: tf.constant(weight) for key, weight in layer.weights.items()}
    states = [tf.constant(state) for state in layer.states]

    @partial(tf.function, autograph=False)
    def run(*, has_table):
        with tf.GradientTape() as tape:
            tape.watch([weights, embedding])
            table = embedding @ weights["kernel"] + weights["bias"] if has_table else None
            prepared = PreparedLayer(name, weights, "float32", is_first=True, table=table)
            inputs = {"ids": ids} if has_table else {"x": tf.gather(embedding, ids)}
            results, _ = prepared.run(inputs, states)
            loss = tf.reduce_sum(results["output"] * layer.d_results["d_output"])
        return results["output"], tape.gradient(loss, {**weights, "embedding": embedding})

    output, gradients = run(has_table=True)
    expected_output, expected_gradients = run(has_table=False)
    assert relative_error(output, expected_output) < 3e-6
    for key, gradient in gradients.items():
        expected = tf.convert_to_tensor(expected_gradients[key]).numpy()
        assert relative_error(tf.convert_to_tensor(gradient).numpy(), expected) < 1e-5, key


def run_in_keras(layer, keras_name):
    """Return the outputs (time, rows, units), the last states, and all gradients by our names."""
    import keras
    import tensorflow as tf

    keras_layer = getattr(keras.layers, keras_name)(layer.units, return_sequences=True, return_state=True)
    keras_layer.build((None, None, layer.inputs["x"].shape[2]))
    w = layer.weights
    bias = np.stack([w["bias"], w["recurrent_bias"]]) if "recurrent_bias" in w else w["bias"]
    keras_layer.set_weights([w["kernel"], w["recurrent_kernel"], bias])
    x, states = tf.constant(layer.inputs["x"].transpose(1, 0, 2)), [tf.constant(state) for state in layer.states]
    with tf.GradientTape() as tape:
        tape.watch([x, *states])
        outputs, *last = keras_layer(x, initial_state=states)
        loss = tf.reduce_sum(outputs * layer.d_results["d_output"].transpose(1, 0, 2))
        loss += tf.add_n([tf.reduce_sum(state * d) for state, d in zip(last, layer.d_states, strict=True)])
    kernel, recurrent_kernel, bias, d_x, *d_states = tape.gradient(loss, [*keras_layer.trainable_variables, x, *states])
    gradients = {"kernel": kernel, "recurrent_kernel": recurrent_kernel, "x": tf.transpose(d_x, (1, 0, 2))}
    gradients |= {f"state{number}": d for number, d in enumerate(d_states)}
    gradients |= {"bias": bias[0], "recurrent_bias": bias[1]} if "recurrent_bias" in w else {"bias": bias}
    arrays = {name: gradient.numpy() for name, gradient in gradients.items()}
    return outputs.numpy().transpose(1, 0, 2), [state.numpy() for state in last], arrays


@pytest.mark.parametrize("sizes", [(7, 5, 1, 3), (8, 6, 9, 2), (5, 3, 17, 1), (1, 1, 16, 5)], ids=str)
@pytest.mark.parametrize(("name", "keras_name"), [("rnn", "SimpleRNN"), ("lstm", "LSTM"), ("gru", "GRU")])
def test_everything_equals_keras(name, keras_name, sizes):
    units, inputs, time, rows = sizes
    layer = random_layer(name, is_first=True, units=units, inputs=inputs, time=time, rows=rows, scale=0.5)
    results, last, gradients = run_in_tensorflow(layer)
    expected, expected_last, expected_gradients = run_in_keras(layer, keras_name)
    np.testing.assert_allclose(results["output"], expected, rtol=2e-5, atol=2e-6)
    for state, same in zip(last, expected_last, strict=True):
        np.testing.assert_allclose(state, same, rtol=2e-5, atol=2e-6)
    assert gradients.keys() == expected_gradients.keys()
    for key, gradient in gradients.items():
        assert relative_error(gradient, expected_gradients[key]) < 2e-5, key


def test_without_a_gradient_the_results_are_the_same():
    import tensorflow as tf

    from charlstm.network.recurrent import PreparedLayer

    layer = random_layer("lstm", is_first=True)
    prepared = PreparedLayer("lstm", {k: tf.constant(w) for k, w in layer.weights.items()}, "float32", is_first=True)
    arguments = {"x": tf.constant(layer.inputs["x"])}, [tf.constant(state) for state in layer.states]
    with_gradient, without = (prepared.run(*arguments, needs_gradient=needs) for needs in (True, False))
    np.testing.assert_array_equal(with_gradient[0]["output"], without[0]["output"])
    for state, same in zip(with_gradient[1], without[1], strict=True):
        np.testing.assert_array_equal(state, same)


def test_batches_of_unknown_size():
    """The graph knows the units; time and rows may change from call to call."""
    import tensorflow as tf

    from charlstm.network.recurrent import PreparedLayer

    layer = random_layer("gru", is_first=True)
    weights = {name: tf.constant(weight) for name, weight in layer.weights.items()}
    specification = [tf.TensorSpec((None, None, 12)), tf.TensorSpec((None, 20))]

    @partial(tf.function, input_signature=specification)
    def run(x, state):
        results, _ = PreparedLayer("gru", weights, "float32", is_first=True).run({"x": x}, [state])
        assert results["output"].shape.as_list() == [None, None, 20]
        return results["output"]

    for time, rows in ((5, 3), (9, 1)):
        case = random_layer("gru", is_first=True, time=time, rows=rows)
        case.weights = layer.weights
        expected, _ = run_in_numpy(case)
        assert relative_error(run(case.inputs["x"], case.states[0]), expected["output"]) < 3e-6


def test_cells_that_cannot_be_trained_are_the_reservoirs_alone():
    assert [name for name in RECURRENT_CELLS if not get_cell(name).is_trainable] == ["echo-state"]
