"""The Keras network: against the NumPy stepper, its initial weights, and its dropout."""

import numpy as np
import pytest

from charlstm.config import ModelConfig
from charlstm.generation.sampling import softmax
from charlstm.generation.stepper import Stepper
from tests.conftest import ALPHABET, random_model

pytestmark = pytest.mark.tensorflow


def make_network(random_seed=0, **settings):
    from charlstm.network.network import CharacterNetwork

    return CharacterNetwork(ModelConfig(**settings), 11, random_seed=random_seed)


@pytest.mark.parametrize("embedding_dim", [4, 16])  # without and with a table of input projections
@pytest.mark.parametrize("num_layers", [1, 2, 3])
def test_numpy_and_keras_give_the_same_probabilities(num_layers, embedding_dim):
    from charlstm.network.network import CharacterNetwork

    model = random_model(num_layers=num_layers, units=32, embedding_dim=embedding_dim, scale=0.5)
    network = CharacterNetwork(model.config, len(model.vocabulary))
    network.set_named_weights(model.weights)
    ids = np.random.default_rng(0).integers(0, len(ALPHABET), (3, 60))
    logits, states = network(ids, network.initial_states(3))
    logits, states = np.swapaxes(logits, 0, 1), np.swapaxes(states, -1, -2)
    stepper = Stepper(model)
    read, read_states = stepper.read(ids, stepper.initial_states(3))
    np.testing.assert_allclose(softmax(read), softmax(logits), atol=1e-5)
    np.testing.assert_allclose(np.array(read_states), states, atol=1e-5)
    stepper_states = stepper.initial_states(3)
    for time in range(60):
        step_logits, stepper_states = stepper.step(ids[:, time], stepper_states)
        np.testing.assert_allclose(softmax(step_logits), softmax(logits[:, time]), atol=1e-5)


def test_named_weights_round_trip():
    source, target = make_network(random_seed=1, units=6), make_network(random_seed=2, units=6)
    assert any((source.get_named_weights()[name] != w).any() for name, w in target.get_named_weights().items())
    target.set_named_weights(source.get_named_weights())
    for name, weight in source.get_named_weights().items():
        np.testing.assert_array_equal(weight, target.get_named_weights()[name])


def test_initial_weights_follow_the_random_seed():
    weights, same = (make_network(random_seed=3, units=6).get_named_weights() for _ in range(2))
    for name, weight in weights.items():
        np.testing.assert_array_equal(weight, same[name])
    assert not np.array_equal(weights["layers.0.recurrent_kernel"], weights["layers.1.recurrent_kernel"])


def test_forget_gate_biases_start_at_one():
    weights = make_network(units=6).get_named_weights()
    assert weights["layers.0.bias"].tolist() == [0] * 6 + [1] * 6 + [0] * 12


def test_dropout_follows_its_seed_and_keeps_the_mean():
    import tensorflow as tf

    from charlstm.network.dropout import drop_out

    values = tf.ones((201, 501))
    dropped, same, other = (drop_out(values, 0.3, tf.constant([1, number])).numpy() for number in (5, 5, 6))
    assert (dropped == same).all()
    assert (dropped != other).any()
    assert abs((dropped == 0).mean() - 0.3) < 0.01
    assert dropped.mean() == pytest.approx(1, abs=0.01)


def test_recurrent_dropout_drops_recurrent_weights_only():
    import tensorflow as tf

    network = make_network(units=50, num_layers=1)
    seed = tf.constant([3, 4], tf.int64)
    dropped = network.prepare(recurrent_dropout=0.4, dropout_seed=seed).layers[0]._weights
    whole = network.prepare().layers[0]._weights
    assert dropped.keys() == whole.keys() == {"recurrent_kernel", "table"}
    np.testing.assert_array_equal(dropped["table"], whole["table"])
    assert abs((dropped["recurrent_kernel"].numpy() == 0).mean() - 0.4) < 0.03
