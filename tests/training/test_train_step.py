"""Training steps in TensorFlow: shards, randomness, states."""

import weakref

import numpy as np
import pytest

from charlstm.config import ModelConfig, TrainingConfig
from charlstm.network.backend import free_networks

pytestmark = pytest.mark.tensorflow

SHAPE = ModelConfig(num_layers=2, units=16, embedding_dim=8)
VOCABULARY_SIZE = 11


def train(num_steps, **settings):
    """Return the trainer and the losses after some steps on random ids."""
    from charlstm.training.train_step import Trainer

    config = TrainingConfig(**{"batch_size": 5, "sequence_length": 12, "dropout": 0.0, **settings})
    trainer = Trainer(SHAPE, config, VOCABULARY_SIZE)
    shape = (num_steps, config.batch_size, config.sequence_length + 1)
    batches = np.random.default_rng(0).integers(0, VOCABULARY_SIZE, shape).astype(np.int32)
    losses, _ = trainer.train_steps(batches, step=0, learning_rates=[0.01] * num_steps)
    return trainer, losses


def test_several_steps_in_one_call_are_the_same_steps():
    from charlstm.training.train_step import Trainer

    config = TrainingConfig(batch_size=4, sequence_length=12, dropout=0.3, recurrent_dropout=0.3)
    batches = np.random.default_rng(0).integers(0, VOCABULARY_SIZE, (5, 4, 13)).astype(np.int32)
    rates = [0.01, 0.02, 0.03, 0.02, 0.01]
    together, singly = (Trainer(SHAPE, config, VOCABULARY_SIZE) for _ in range(2))
    results = together.train_steps(batches, step=7, learning_rates=rates)
    single_results = [
        singly.train_steps(batches[index : index + 1], step=7 + index, learning_rates=rates[index : index + 1])
        for index in range(5)
    ]
    np.testing.assert_array_equal(results, np.concatenate(single_results, axis=1))
    for name, array in together.arrays().items():
        np.testing.assert_array_equal(array, singly.arrays()[name])


@pytest.mark.parametrize("settings", [{"clip_norm": 1e-3}, {"clip_norm": 0.0}, {"clip_value": 1e-4}])
def test_the_norm_is_that_of_the_gradient_before_clipping(settings):
    import tensorflow as tf

    from charlstm.training.train_step import Trainer

    config = TrainingConfig(batch_size=4, sequence_length=12, dropout=0.0, **settings)
    batch = np.random.default_rng(0).integers(0, VOCABULARY_SIZE, (4, 13)).astype(np.int32)
    trainer = Trainer(SHAPE, config, VOCABULARY_SIZE)
    with tf.GradientTape() as tape:
        loss, _ = trainer._loss_graph(tf.constant(batch), tf.constant(0))
    gradients = tape.gradient(loss, trainer.network.trainable_variables)
    expected = np.sqrt(sum(np.square(tf.convert_to_tensor(gradient)).sum() for gradient in gradients))
    losses, norms = trainer.train_steps(batch[None], step=0, learning_rates=[0.01])
    assert losses[0] == pytest.approx(float(loss))
    assert norms[0] == pytest.approx(expected)
    assert norms[0] > 0.01


def test_shards_change_nothing_but_rounding():
    whole, losses = train(3)
    sharded, sharded_losses = train(3, num_shards=2)
    assert sharded.shard_sizes == [3, 2]
    np.testing.assert_allclose(losses, sharded_losses, rtol=1e-5)
    sharded_weights = sharded.network.get_named_weights()
    for name, weight in whole.network.get_named_weights().items():
        np.testing.assert_allclose(weight, sharded_weights[name], atol=2e-4)
    for state, sharded_state in zip(whole.states[1], sharded.states[1], strict=True):
        np.testing.assert_allclose(state, sharded_state, atol=2e-4)


def test_the_state_is_carried_from_batch_to_batch():
    trainer, _ = train(1)
    assert all(np.abs(state.numpy()).max() > 0 for layer in trainer.states for state in layer)


@pytest.mark.parametrize("settings", [{"dropout": 0.5}, {"recurrent_dropout": 0.5}])
def test_dropout_depends_on_the_random_seed_only(settings):
    losses, same, other = (train(2, random_seed=seed, **settings)[1] for seed in (1, 1, 2))
    np.testing.assert_array_equal(losses, same)
    assert losses[1] != other[1]


def test_evaluating_changes_nothing():
    from charlstm.analysis.evaluation_streams import evaluation_streams

    trainer, _ = train(2, dropout=0.3)
    before = trainer.arrays()
    trainer.evaluate(evaluation_streams(np.arange(2000) % VOCABULARY_SIZE))
    for name, array in trainer.arrays().items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("num_shards", [1, 2, 3])
def test_scores_do_not_depend_on_the_shards(num_shards):
    from charlstm.analysis.evaluation_streams import evaluation_streams

    streams = evaluation_streams(np.random.default_rng(1).integers(0, VOCABULARY_SIZE, 1500))
    whole, _ = train(1)[0].evaluate(streams)
    sharded, _ = train(1, num_shards=num_shards)[0].evaluate(streams)
    assert sharded.characters == whole.characters == 1499
    assert sharded.nats == pytest.approx(whole.nats, rel=1e-4)


def test_shards_are_as_equal_as_possible():
    from charlstm.training.train_step import shard_sizes

    assert [shard_sizes(5, 2), shard_sizes(4, 4), shard_sizes(1, 3)] == [[3, 2], [1, 1, 1, 1], [1]]


def test_everything_a_step_changes_is_restored():
    trainer, _ = train(2, dropout=0.3)
    other, _ = train(1)
    other.restore(trainer.arrays())
    for name, array in other.arrays().items():
        np.testing.assert_array_equal(array, trainer.arrays()[name])


def test_a_restart_keeps_nothing_but_the_weights():
    trainer, _ = train(2)
    weights = trainer.network.get_named_weights()
    trainer.restart_from(weights)
    for name, array in trainer.arrays().items():
        if name.startswith("weights/"):
            np.testing.assert_array_equal(array, weights[name.removeprefix("weights/")])
        else:
            assert not array.any()


def test_a_network_is_freed_with_its_graph():
    free_networks()  # those of one session share a graph
    unused, _ = train(1)
    graph = weakref.ref(unused._train_steps.graph)
    del unused
    free_networks()
    assert graph() is None


def test_a_network_that_is_used_goes_on_when_others_are_freed():
    trainer, _ = train(1)
    free_networks()
    batches = np.zeros((1, 5, 13), np.int32)
    assert np.isfinite(trainer.train_steps(batches, step=1, learning_rates=[0.01])[0]).all()
