"""The Keras network against the NumPy stepper: the same weights give the same numbers."""

import numpy as np
import pytest

from charlstm.config import ModelConfig
from charlstm.sampling import softmax
from charlstm.stepper import Stepper
from tests.conftest import ALPHABET, random_model

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize("num_layers", [1, 2, 3])
def test_numpy_and_keras_give_the_same_probabilities(num_layers):
    from charlstm.model import CharacterNetwork

    model = random_model(num_layers=num_layers, units=32, embedding_dim=16, scale=0.5)
    network = CharacterNetwork(model.config, len(model.vocabulary))
    network.set_named_weights(model.weights)
    ids = np.random.default_rng(0).integers(0, len(ALPHABET), (3, 60))
    logits, states = network(ids, network.initial_states(3))
    stepper = Stepper(model)
    read, read_states = stepper.read(ids, stepper.initial_states(3))
    np.testing.assert_allclose(softmax(read), softmax(logits.numpy()), atol=1e-5)
    np.testing.assert_allclose(np.array(read_states), np.array(states), atol=1e-5)
    stepped = stepper.initial_states(3)
    for time in range(60):
        step, stepped = stepper.step(ids[:, time], stepped)
        np.testing.assert_allclose(softmax(step), softmax(logits.numpy()[:, time]), atol=1e-5)


def test_weights_survive_the_way_out_and_in():
    from charlstm.model import CharacterNetwork

    one = CharacterNetwork(ModelConfig(units=6), 11, random_seed=1)
    other = CharacterNetwork(ModelConfig(units=6), 11, random_seed=2)
    assert any((one.get_named_weights()[name] != w).any() for name, w in other.get_named_weights().items())
    other.set_named_weights(one.get_named_weights())
    for name, weight in one.get_named_weights().items():
        np.testing.assert_array_equal(weight, other.get_named_weights()[name])


def test_initial_weights_follow_the_random_seed_and_open_the_forget_gate():
    from charlstm.model import CharacterNetwork

    one, same = (CharacterNetwork(ModelConfig(units=6), 11, random_seed=3).get_named_weights() for _ in range(2))
    for name, weight in one.items():
        np.testing.assert_array_equal(weight, same[name])
    assert one["layers.0.bias"].tolist() == [0] * 6 + [1] * 6 + [0] * 12
    assert not np.array_equal(one["layers.0.recurrent_kernel"], one["layers.1.recurrent_kernel"])


def test_dropout_follows_its_seed_and_keeps_the_mean():
    import tensorflow as tf

    from charlstm.model import _drop_out

    hidden = tf.ones((200, 500))
    one, same, other = (_drop_out(hidden, 0.3, tf.constant([1, place])).numpy() for place in (5, 5, 6))
    assert (one == same).all()
    assert (one != other).any()
    assert abs((one == 0).mean() - 0.3) < 0.01
    np.testing.assert_allclose(one.max(), 1 / 0.7, rtol=1e-6)
