"""With a GPU Keras's own layers run: the same results, with recurrent dropout, residuals and precision.

TensorFlow reports a GPU that is not there, so Keras's layers run on the CPU.
"""

from functools import partial

import numpy as np
import pytest

from charlstm.config import ModelConfig
from charlstm.generation.numpy_ops import keep_float32, round_to_bfloat16
from tests.kernels.cases import random_layer, relative_error

pytestmark = pytest.mark.tensorflow
CELLS = ["lstm", "gru", "rnn"]
VOCABULARY, BATCH, TIME = 11, 3, 9


def pretend_gpu(monkeypatch):
    import tensorflow as tf

    device = tf.config.PhysicalDevice("/physical_device:GPU:0", "GPU")
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [device] if kind == "GPU" else [])


def make_network(precision="float32", **settings):
    from charlstm.network.network import CharacterNetwork

    return CharacterNetwork(ModelConfig(units=12, **settings), VOCABULARY, random_seed=5, precision=precision)


def run(network, *, recurrent_dropout=0.0):
    """Return logits, last states and gradients of a network, by name."""
    import tensorflow as tf

    random = np.random.default_rng(0)
    ids = tf.constant(random.integers(0, VOCABULARY, (BATCH, TIME)))
    mixer = tf.constant(random.normal(size=(TIME, BATCH, VOCABULARY)), tf.float32)
    states = [
        [tf.constant(random.normal(size=s.shape), tf.float32) for s in layer] for layer in network.initial_states(BATCH)
    ]
    variables = network.variables_by_name()

    @partial(tf.function, autograph=False)
    def step():
        with tf.GradientTape() as tape:
            seed = tf.constant([3, 4], tf.int64)
            prepared = network.prepare(recurrent_dropout=recurrent_dropout, dropout_seed=seed)
            logits, last = prepared.run(ids, states, needs_gradient=True, dropout=0.2, dropout_seed=seed)
            loss = tf.reduce_sum(tf.sin(logits) * mixer) + tf.add_n([tf.reduce_sum(s) for layer in last for s in layer])
        gradients = tape.gradient(loss, [variable.value for variable in variables.values()])
        return logits, last, gradients

    logits, last, gradients = step()
    named = {"logits": logits} | {f"state {m} {n}": s for m, layer in enumerate(last) for n, s in enumerate(layer)}
    named |= dict(zip(variables, map(tf.convert_to_tensor, gradients), strict=True))
    return {name: tensor.numpy() for name, tensor in named.items()}


def run_with_and_without_gpu(monkeypatch, settings, **options):
    network = make_network(**settings)
    assert network.keras_layers is None
    without = run(network, **options)
    pretend_gpu(monkeypatch)
    network = make_network(**settings)
    assert network.keras_layers is not None
    return without, run(network, **options)


@pytest.mark.parametrize("cell", CELLS)
def test_a_gpu_gives_the_same_results_and_gradients(monkeypatch, cell):
    """With dropout of outputs and of recurrent weights."""
    settings = {"cell": cell, "num_layers": 2}
    expected, actual = run_with_and_without_gpu(monkeypatch, settings, recurrent_dropout=0.4)
    assert actual.keys() == expected.keys()
    for name, array in actual.items():
        assert relative_error(array, expected[name]) < 1e-5, name


@pytest.mark.parametrize(
    "settings",
    [
        {"num_layers": 3},
        {"num_layers": 3, "residual": False},
        {"num_layers": 1, "embedding_dim": 2},  # without a table of input projections
        {"num_layers": 2, "attention": 4},
        {"num_layers": 2, "embedding_dim": 1, "encoding": "integer"},
    ],
    ids=str,
)
def test_any_network_gives_the_same_with_a_gpu(monkeypatch, settings):
    expected, actual = run_with_and_without_gpu(monkeypatch, settings)
    for name, array in actual.items():
        assert relative_error(array, expected[name]) < 1e-5, name


@pytest.mark.parametrize("cell", CELLS)
def test_bfloat16_is_as_near_to_float32_with_a_gpu_as_without(monkeypatch, cell):
    exact = run(make_network(cell=cell, num_layers=2))
    expected, actual = run_with_and_without_gpu(monkeypatch, {"cell": cell, "num_layers": 2, "precision": "bfloat16"})
    for name, array in actual.items():
        assert relative_error(array, exact[name]) < 0.05, name
        assert relative_error(array, expected[name]) < 0.05, name
    assert relative_error(actual["logits"], exact["logits"]) > 1e-4


@pytest.mark.parametrize("name", CELLS)
def test_weights_and_inputs_are_rounded_as_on_the_cpu(name):
    import tensorflow as tf

    from charlstm.network.keras_layers import KerasRecurrent

    layer = random_layer(name, is_first=True)
    keras_layer = KerasRecurrent(name, layer.units, layer.inputs["x"].shape[2])

    def outputs(round_operands, dtype):
        weights = {key: round_operands(w) if w.ndim == 2 else w for key, w in layer.weights.items()}
        x = tf.constant(round_operands(layer.inputs["x"]))
        tensors = {key: tf.constant(weight) for key, weight in weights.items()}
        return keras_layer.run(tensors, x, [tf.constant(state) for state in layer.states], dtype=dtype)[0].numpy()

    rounded = outputs(keep_float32, tf.bfloat16)
    np.testing.assert_array_equal(rounded, outputs(round_to_bfloat16, tf.float32))
    assert relative_error(rounded, outputs(keep_float32, tf.float32)) > 1e-4


def test_recurrent_dropout_is_not_lost_on_a_gpu(monkeypatch):
    pretend_gpu(monkeypatch)
    network = make_network(num_layers=1)
    whole, dropped = (run(network, recurrent_dropout=rate)["logits"] for rate in (0.0, 0.4))
    assert np.abs(whole - dropped).max() > 1e-2


@pytest.mark.parametrize("cell", ["peephole", "clockwork", "mogrifier", "feedforward"])
def test_other_cells_run_as_without_a_gpu(monkeypatch, cell):
    expected = run(make_network(cell=cell))
    pretend_gpu(monkeypatch)
    network = make_network(cell=cell)
    assert network.keras_layers is None
    actual = run(network)
    for name, array in actual.items():
        np.testing.assert_array_equal(array, expected[name])


def test_the_variables_of_keras_layers_are_no_part_of_the_network(monkeypatch):
    names = [variable.name for variable in make_network(num_layers=2).variables]
    pretend_gpu(monkeypatch)
    network = make_network(num_layers=2)
    assert [variable.name for variable in network.variables] == names
    before = [layer.layer.get_weights() for layer in (network.keras_layers[0], network.keras_layers[1])]
    run(network)
    after = [layer.layer.get_weights() for layer in (network.keras_layers[0], network.keras_layers[1])]
    for layer, same_layer in zip(after, before, strict=True):
        for weight, same in zip(layer, same_layer, strict=True):
            np.testing.assert_array_equal(weight, same)
