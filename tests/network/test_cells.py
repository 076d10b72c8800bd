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
def test_tensorflow_and_numpy_give_the_same_logits(settings):
    import tensorflow as tf

    model = random_model(**settings)
    network, stepper = network_of(model), Stepper(model)
    ids = np.random.default_rng(1).integers(0, len(model.vocabulary), (3, 11))
    call = tf.function(network.call, autograph=False)
    first, states = call(tf.constant(ids[:, :8]), network.initial_states(3), needs_gradient=True)
    rest, _ = network.call(tf.constant(ids[:, 8:]), states)
    expected = np.concatenate([first.numpy(), rest.numpy()]).transpose(1, 0, 2)
    logits, states = stepper.read(ids[:, :5], stepper.initial_states(3))
    np.testing.assert_allclose(logits, expected[:, :5], rtol=1e-4, atol=1e-5)
    for time in range(5, 11):
        logits, states = stepper.step(ids[:, time], states)
        np.testing.assert_allclose(logits, expected[:, time], rtol=1e-4, atol=1e-5)


def is_clock(state):
    return state.shape[0] == 1  # the tests below have more than one unit


def finite_difference(loss_at, array, index):
    """Return the derivative of loss_at(array) with respect to one element."""
    step, losses = 1e-2, []
    for sign in (1, -1):
        moved = array.copy()
        moved[index] += sign * step
        losses.append(float(loss_at(moved)))
    return (losses[0] - losses[1]) / (2 * step)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_gradients_equal_finite_differences(settings):
    import tensorflow as tf

    model = random_model(**{"units": 4, "embedding_dim": 3, "characters": "abcd", **settings})
    network = network_of(model)
    rng = np.random.default_rng(2)
    ids = tf.constant(rng.integers(0, 4, (2, 5)))
    states = [
        [tf.constant(np.zeros(s.shape) if is_clock(s) else rng.normal(size=s.shape), tf.float32) for s in layer]
        for layer in network.initial_states(2)
    ]
    mixture = tf.constant(rng.normal(size=(5, 2, 4)), tf.float32)
    variables = {name: v for name, v in network.variables_by_name().items() if v.trainable}
    watched = [state for layer in states for state in layer if not is_clock(state)]

    @partial(tf.function, autograph=False)
    def loss_of(states):
        logits, last_states = network.call(ids, states, needs_gradient=True)
        state_losses = [tf.reduce_sum(tf.cos(s)) for layer in last_states for s in layer if not is_clock(s)]
        return tf.reduce_sum(tf.sin(logits) * mixture) + tf.add_n(state_losses or [0.0])

    with tf.GradientTape() as tape:
        tape.watch(watched)
        loss = loss_of(states)
    values = [variable.value for variable in variables.values()]
    gradients = tape.gradient(loss, [*values, *watched], unconnected_gradients=tf.UnconnectedGradients.ZERO)

    def check(name, array, gradient, loss_at):
        index = tuple(rng.integers(0, size) for size in array.shape)
        expected = finite_difference(loss_at, array, index)
        actual = tf.convert_to_tensor(gradient).numpy()[index]
        assert actual == pytest.approx(expected, rel=0.03, abs=3e-3), name

    for (name, variable), gradient in zip(variables.items(), gradients, strict=False):
        original = variable.numpy()

        def loss_at(moved, variable=variable):
            variable.assign(moved)
            return loss_of(states)

        check(name, original, gradient, loss_at)
        variable.assign(original)
    for number, gradient in enumerate(gradients[len(values) :]):

        def loss_at(moved, number=number):
            others = iter(tf.constant(moved) if k == number else state for k, state in enumerate(watched))
            return loss_of([[s if is_clock(s) else next(others) for s in layer] for layer in states])

        check(f"state {number}", watched[number].numpy(), gradient, loss_at)


def test_precision_is_that_of_the_matmuls():
    import tensorflow as tf

    model = random_model(cell="gru", units=32)
    ids = tf.constant(np.random.default_rng(1).integers(0, 27, (2, 9)))
    exact, rounded = (
        network_of(model, precision)(ids, network_of(model).initial_states(2))[0].numpy()
        for precision in ("float32", "bfloat16")
    )
    assert 0 < np.abs(exact - rounded).max() < 0.1
