"""Gradient norms: by hand, against one gradient through the whole network, and as the literature describes them."""

import numpy as np
import pytest

from charlstm.config import ModelConfig
from charlstm.storage.model_file import Model
from charlstm.text.vocabulary import Vocabulary
from tests.conftest import ALPHABET, random_model

pytestmark = pytest.mark.tensorflow


def probe(model, ids, *, length, clip_norm=0.0, **settings):
    from charlstm.analysis.gradient_probe import measure_gradients
    from charlstm.analysis.probed_network import ProbedNetwork

    return measure_gradients(ProbedNetwork(model, **settings), ids, length=length, clip_norm=clip_norm)


def random_ids(streams, length):
    return np.random.default_rng(0).integers(0, 27, (streams, length))


def test_norms_of_a_linear_network_are_powers_of_its_weight():
    # One unit that stays at 0, where tanh has slope 1. The logits are h and -h, so |d loss / d h| = 1 at h = 0, and n
    # characters back it is 0.5 ** n.
    weights = {
        "embedding": np.zeros((2, 1), np.float32),
        "layers.0.kernel": np.ones((1, 1), np.float32),
        "layers.0.recurrent_kernel": np.full((1, 1), 0.5, np.float32),
        "layers.0.bias": np.zeros(1, np.float32),
        "output.kernel": np.array([[1, -1]], np.float32),
        "output.bias": np.zeros(2, np.float32),
    }
    config = ModelConfig(cell="rnn", num_layers=1, units=1, embedding_dim=1)
    norms = probe(Model(config, Vocabulary("ab"), weights, {}), np.zeros((2, 8), int), length=5)
    assert norms.characters_back.tolist() == [1, 2, 3, 4, 5]
    np.testing.assert_allclose(norms.hidden, [0.5, 0.25, 0.125, 0.0625, 0.03125], rtol=1e-6)
    assert norms.cell is None


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "grid", "depth-gated", "clockwork:2"])
def test_norms_equal_those_of_one_gradient_through_the_whole_network(cell):
    import tensorflow as tf

    from charlstm.network.network import CharacterNetwork

    model = random_model(cell=cell, units=4)
    ids = random_ids(1, 12)
    norms = probe(model, ids, length=6)
    network = CharacterNetwork(model.config, len(model.vocabulary))
    network.set_named_weights(model.weights)
    for index, distance in enumerate(norms.characters_back):
        split = 11 - distance  # the prediction is made from the states after 11 characters
        states = network.initial_states(1)
        _, states = network.call(tf.constant(ids[:, :split]), states)
        with tf.GradientTape() as tape:
            tape.watch(states)
            logits, _ = network.call(tf.constant(ids[:, split:11]), states, needs_gradient=True)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(ids[:, 11], logits[-1])
        gradients = tape.gradient(loss, states, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        hidden_norm = np.sqrt(sum(float(tf.reduce_sum(layer[0] ** 2)) for layer in gradients))
        assert norms.hidden[index] == pytest.approx(hidden_norm, rel=1e-3)
        if norms.cell is not None:
            cell_norm = np.sqrt(sum(float(tf.reduce_sum(layer[1] ** 2)) for layer in gradients))
            assert norms.cell[index] == pytest.approx(cell_norm, rel=1e-3)


def test_the_clock_of_a_clockwork_rnn_is_no_cell_state():
    assert probe(random_model(cell="clockwork:1", units=1), random_ids(1, 5), length=2).cell is None


def untrained(cell):
    from charlstm.network.network import CharacterNetwork

    config = ModelConfig(cell=cell, num_layers=1, units=64)
    weights = CharacterNetwork(config, len(ALPHABET), random_seed=1).get_named_weights()
    return Model(config, Vocabulary.from_text(ALPHABET), weights, {})


def ratio(norms):
    """Return the norm 100 characters back relative to that 1 character back."""
    return norms[99] / norms[0]


@pytest.mark.parametrize(("scale", "low", "high"), [(0.5, 0, 1e-20), (1.5, 20, np.inf)])
def test_gradients_of_the_rnn_vanish_or_explode(scale, low, high):
    rnn = probe(untrained("rnn"), random_ids(8, 260), length=100, recurrent_scale=scale, input_scale=0.1)
    assert low < ratio(rnn.hidden) < high


@pytest.mark.parametrize(("bias", "low", "high"), [(8, 0.1, 10), (-2, 0, 1e-20)])
def test_gradients_of_the_lstm_depend_on_its_forget_gate(bias, low, high):
    lstm = probe(untrained("lstm"), random_ids(8, 260), length=100, forget_bias=bias, input_scale=0.1)
    assert low < ratio(lstm.cell) < high


def test_clipping_bounds_an_exploding_gradient():
    model = untrained("rnn")
    norms = probe(model, random_ids(4, 150), length=60, clip_norm=0.5, recurrent_scale=3, input_scale=0.1)
    assert norms.hidden[1:].max() < 0.5 * 3 * 1.01  # the loss's own gradient is not clipped
    assert norms.hidden[59] > 1e-3
