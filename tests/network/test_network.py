"""The Keras network against the NumPy stepper: the same weights give the same numbers."""

import numpy as np
import pytest

from charlstm.config import ModelConfig
from charlstm.generation.sampling import softmax
from charlstm.generation.stepper import Stepper
from tests.conftest import ALPHABET, random_model

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize("embedding_dim", [4, 16])  # with the first projection computed, and looked up
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
    stepped = stepper.initial_states(3)
    for time in range(60):
        step, stepped = stepper.step(ids[:, time], stepped)
        np.testing.assert_allclose(softmax(step), softmax(logits[:, time]), atol=1e-5)


def test_weights_survive_the_way_out_and_in():
    from charlstm.network.network import CharacterNetwork

    one = CharacterNetwork(ModelConfig(units=6), 11, random_seed=1)
    other = CharacterNetwork(ModelConfig(units=6), 11, random_seed=2)
    assert any((one.get_named_weights()[name] != w).any() for name, w in other.get_named_weights().items())
    other.set_named_weights(one.get_named_weights())
    for name, weight in one.get_named_weights().items():
        np.testing.assert_array_equal(weight, other.get_named_weights()[name])


def test_initial_weights_follow_the_random_seed_and_open_the_forget_gate():
    from charlstm.network.network import CharacterNetwork

    one, same = (CharacterNetwork(ModelConfig(units=6), 11, random_seed=3).get_named_weights() for _ in range(2))
    for name, weight in one.items():
        np.testing.assert_array_equal(weight, same[name])
    assert one["layers.0.bias"].tolist() == [0] * 6 + [1] * 6 + [0] * 12
    assert not np.array_equal(one["layers.0.recurrent_kernel"], one["layers.1.recurrent_kernel"])


def test_dropout_follows_its_seed_and_keeps_the_mean():
    import tensorflow as tf

    from charlstm.network.network import _drop_out

    values = tf.ones((201, 501))
    one, same, other = (_drop_out(values, 0.3, tf.constant([1, place])).numpy() for place in (5, 5, 6))
    assert (one == same).all()
    assert (one != other).any()
    assert abs((one == 0).mean() - 0.3) < 0.01
    assert one.mean() == pytest.approx(1, abs=0.01)


def test_recurrent_dropout_thins_the_recurrent_weights_alone():
    import tensorflow as tf

    from charlstm.network.network import CharacterNetwork

    network = CharacterNetwork(ModelConfig(units=50, num_layers=1), 11)
    seed = tf.constant([3, 4], tf.int64)
    thinned = network.prepare(recurrent_dropout=0.4, dropout_seed=seed).layers[0].weights
    whole = network.prepare().layers[0].weights
    np.testing.assert_array_equal(thinned[:-50], whole[:-50])
    assert abs((thinned[-50:].numpy() == 0).mean() - 0.4) < 0.03
