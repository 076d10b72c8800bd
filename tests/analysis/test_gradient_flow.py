"""How far gradients reach: against one gradient of the whole, and what the literature says of it."""

import numpy as np
import pytest

from tests.conftest import random_model

pytestmark = pytest.mark.tensorflow


def probe(model, **settings):
    from charlstm.analysis.gradient_flow import GradientProbe

    return GradientProbe(model.config, model.weights, **settings)


def random_ids(streams, length):
    return np.random.default_rng(0).integers(0, 27, (streams, length))


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "grid", "depth-gated", "clockwork:2"])
def test_norms_equal_those_of_one_gradient_through_the_whole(cell):
    """Each state is moved a little, and the loss at the end taken again: finite differences, unit by unit."""
    import tensorflow as tf

    from charlstm.network.network import CharacterNetwork

    model = random_model(cell=cell, units=4)
    ids = random_ids(1, 12)
    reach = probe(model).reach(ids, length=5)
    network = CharacterNetwork(model.config, len(model.vocabulary))
    network.set_named_weights(model.weights)
    for back in (0, 2, 5):
        split = 11 - 1 - back  # states before the character that stands so far before the last one read
        states = network.initial_states(1)
        if split:
            _, states = network.call(tf.constant(ids[:, :split]), states)
        with tf.GradientTape() as tape:
            tape.watch(states)
            logits, _ = network.call(tf.constant(ids[:, split:11]), states, needs_gradient=True)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(ids[:, 11], logits[-1])
        gradients = tape.gradient(loss, states, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        hidden = np.sqrt(sum(float(tf.reduce_sum(layer[0] ** 2)) for layer in gradients))
        assert reach.hidden[back] == pytest.approx(hidden, rel=1e-3)
        if reach.cell is not None:
            cell_norm = np.sqrt(sum(float(tf.reduce_sum(layer[1] ** 2)) for layer in gradients))
            assert reach.cell[back] == pytest.approx(cell_norm, rel=1e-3)


def untrained(cell):
    from charlstm.config import ModelConfig
    from charlstm.network.network import CharacterNetwork
    from charlstm.storage.model_file import Model
    from charlstm.text.vocabulary import Vocabulary
    from tests.conftest import ALPHABET

    config = ModelConfig(cell=cell, num_layers=1, units=64)
    weights = CharacterNetwork(config, len(ALPHABET), random_seed=1).get_named_weights()
    return Model(config, Vocabulary.from_text(ALPHABET), weights, {})


def test_the_plain_network_vanishes_and_explodes_and_an_open_forget_gate_does_neither():
    rnn, lstm, ids = untrained("rnn"), untrained("lstm"), random_ids(8, 260)
    small, large = (
        probe(rnn, recurrent_scale=scale, input_scale=0.1).reach(ids, length=100).hidden for scale in (0.5, 1.5)
    )
    assert small[100] < 1e-20 * small[1]
    assert large[100] > 20 * large[1]
    kept = probe(lstm, forget_bias=8, input_scale=0.1).reach(ids, length=100)
    assert 0.1 < kept.cell[100] / kept.cell[1] < 10
    shut = probe(lstm, forget_bias=-2, input_scale=0.1).reach(ids, length=100)
    assert shut.cell[100] < 1e-20 * shut.cell[1]


def test_clipping_holds_an_explosion():
    large = probe(untrained("rnn"), recurrent_scale=3, input_scale=0.1).reach(
        random_ids(4, 150), length=60, clip_norm=0.5
    )
    assert large.hidden.max() < 0.5 * 3 * 1.01
    assert large.hidden[60] > 1e-3
