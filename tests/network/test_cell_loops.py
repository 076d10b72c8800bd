"""Every cell in TensorFlow: against the same cell in NumPy, and its gradients against finite differences."""

from functools import partial

import numpy as np
import pytest

from charlstm.cells.registry import CELLS
from charlstm.generation.stepper import Stepper
from tests.conftest import random_model

pytestmark = pytest.mark.tensorflow

NAMES = [*CELLS, "peephole:f", "peephole:io", "clockwork:1", "grid:1", "mogrifier:2", "mogrifier:0", "feedforward:2"]
SETTINGS = [{"cell": name} for name in NAMES] + [
    {"cell": "lstm", "attention": 6},
    {"cell": "gru", "attention": 3, "num_layers": 1},
    {"cell": "rnn", "residual": False},
    {"cell": "depth-gated", "num_layers": 3},
    {"cell": "grid", "num_layers": 3},
    {"cell": "lstm", "embedding_dim": 1, "encoding": "integer"},
]


def network_of(model, precision="float32"):
    from charlstm.network.network import CharacterNetwork

    network = CharacterNetwork(model.config, len(model.vocabulary), precision=precision)
    network.set_named_weights(model.weights)
    return network


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_training_and_sampling_are_the_same_network(settings):
    import tensorflow as tf

    model = random_model(**settings)
    network, stepper = network_of(model), Stepper(model)
    ids = np.random.default_rng(1).integers(0, len(model.vocabulary), (3, 11))
    states = network.initial_states(3)
    logits, states = tf.function(network.call, autograph=False)(tf.constant(ids[:, :8]), states, needs_gradient=True)
    more, _ = network.call(tf.constant(ids[:, 8:]), states)
    expected = np.concatenate([logits.numpy(), more.numpy()]).transpose(1, 0, 2)
    read, after = stepper.read(ids[:, :5], stepper.initial_states(3))
    np.testing.assert_allclose(read, expected[:, :5], rtol=1e-4, atol=1e-5)
    for time in range(5, 11):
        stepped, after = stepper.step(ids[:, time], after)
        np.testing.assert_allclose(stepped, expected[:, time], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_every_gradient_equals_finite_differences(settings):
    import tensorflow as tf

    model = random_model(
        units=4,
        embedding_dim=settings.get("embedding_dim", 3),
        characters="abcd",
        **{name: value for name, value in settings.items() if name != "embedding_dim"},
    )
    network = network_of(model)
    rng = np.random.default_rng(2)
    ids = rng.integers(0, 4, (2, 5))  # five steps are not unrolled, the eight above are
    states = [
        [tf.constant(np.zeros(s.shape) if s.shape[0] == 1 else rng.normal(size=s.shape), tf.float32) for s in layer]
        for layer in network.initial_states(2)
    ]
    mixer = tf.constant(rng.normal(size=(5, 2, 4)), tf.float32)
    variables = {name: v for name, v in network.variables_by_name().items() if v.trainable}
    watched = [state for layer in states for state in layer if state.shape[0] > 1]

    @partial(tf.function, autograph=False)
    def loss_of(states):
        logits, after = network.call(tf.constant(ids), states, needs_gradient=True)
        return tf.reduce_sum(tf.sin(logits) * mixer) + tf.add_n(
            [tf.reduce_sum(tf.cos(state)) for layer in after for state in layer if state.shape[0] != 1] or [0.0]
        )

    with tf.GradientTape() as tape:
        tape.watch(watched)
        loss = loss_of(states)
    values = [variable.value for variable in variables.values()]
    gradients = tape.gradient(loss, [*values, *watched], unconnected_gradients=tf.UnconnectedGradients.ZERO)
    small = 1e-2
    for name, variable, gradient in zip(variables, variables.values(), gradients, strict=False):
        array = variable.numpy()
        place = tuple(rng.integers(0, size) for size in array.shape)
        found = []
        for sign in (1, -1):
            moved = array.copy()
            moved[place] += sign * small
            variable.assign(moved)
            found.append(float(loss_of(states)))
        variable.assign(array)
        expected = (found[0] - found[1]) / (2 * small)
        assert tf.convert_to_tensor(gradient).numpy()[place] == pytest.approx(expected, rel=0.03, abs=3e-3), name
    for number, gradient in enumerate(gradients[len(values) :]):
        array = watched[number].numpy()
        place = tuple(rng.integers(0, size) for size in array.shape)
        found = []
        for sign in (1, -1):
            moved = array.copy()
            moved[place] += sign * small
            others = iter(tf.constant(moved) if k == number else state for k, state in enumerate(watched))
            found.append(float(loss_of([[next(others) if s.shape[0] > 1 else s for s in layer] for layer in states])))
        expected = (found[0] - found[1]) / (2 * small)
        assert gradient.numpy()[place] == pytest.approx(expected, rel=0.03, abs=3e-3), f"state {number}"


def test_precision_is_that_of_the_matmuls():
    import tensorflow as tf

    model = random_model(cell="gru", units=32)
    ids = tf.constant(np.random.default_rng(1).integers(0, 27, (2, 9)))
    exact, rough = (
        network_of(model, precision)(ids, network_of(model).initial_states(2))[0].numpy()
        for precision in ("float32", "bfloat16")
    )
    assert 0 < np.abs(exact - rough).max() < 0.1
