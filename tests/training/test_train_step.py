"""One training step, in TensorFlow: shards and what a step hangs on."""

import numpy as np
import pytest

from charlstm.config import ModelConfig, TrainingConfig

pytestmark = pytest.mark.tensorflow

SHAPE = ModelConfig(num_layers=2, units=16, embedding_dim=8)


def weights_after(num_steps, **settings):
    from charlstm.training.train_step import Trainer

    defaults = {"batch_size": 5, "sequence_length": 12, "dropout": 0.0}
    config = TrainingConfig(**(defaults | settings))
    learner = Trainer(SHAPE, config, 11)
    batches = np.random.default_rng(0).integers(0, 11, (num_steps, config.batch_size, config.sequence_length + 1))
    losses = learner.train_steps(batches.astype(np.int32), step=0, learning_rates=[0.01] * num_steps)
    return learner.network.get_named_weights(), learner, losses


def test_several_steps_at_once_are_the_same_steps():
    from charlstm.training.train_step import Trainer

    config = TrainingConfig(batch_size=4, sequence_length=12, dropout=0.3, recurrent_dropout=0.3)
    batches = np.random.default_rng(0).integers(0, 11, (5, 4, 13)).astype(np.int32)
    rates = [0.01, 0.02, 0.03, 0.02, 0.01]
    one, other = (Trainer(SHAPE, config, 11) for _ in range(2))
    losses = one.train_steps(batches, step=7, learning_rates=rates)
    singly = [
        other.train_steps(batches[place : place + 1], step=7 + place, learning_rates=rates[place : place + 1])
        for place in range(5)
    ]
    np.testing.assert_array_equal(losses, np.concatenate(singly))
    for name, array in one.arrays().items():
        np.testing.assert_array_equal(array, other.arrays()[name])


def test_shards_change_nothing_but_rounding():
    whole, learner, losses = weights_after(3)
    split, sharded, sharded_losses = weights_after(3, num_shards=2)
    assert sharded.shard_sizes == [3, 2]
    np.testing.assert_allclose(losses, sharded_losses, rtol=1e-5)
    for name, weight in whole.items():
        np.testing.assert_allclose(weight, split[name], atol=2e-4)
    for state, other in zip(learner.states[1], sharded.states[1], strict=True):
        np.testing.assert_allclose(state, other, atol=2e-4)


def test_the_state_is_carried_from_batch_to_batch():
    _, learner, _ = weights_after(1)
    assert all(np.abs(state.numpy()).max() > 0 for layer in learner.states for state in layer)


@pytest.mark.parametrize("settings", [{"dropout": 0.5}, {"recurrent_dropout": 0.5}])
def test_dropout_hangs_on_the_random_seed_and_nothing_else(settings):
    one, same, other = (weights_after(2, random_seed=seed, **settings)[2] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert one[1] != other[1]


def test_evaluating_changes_nothing():
    from charlstm.analysis.evaluation import evaluation_streams

    _, learner, _ = weights_after(2, dropout=0.3)
    before = learner.arrays()
    learner.evaluate(evaluation_streams(np.arange(2000) % 11))
    for name, array in learner.arrays().items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("num_shards", [1, 2, 3])
def test_scores_do_not_hang_on_the_shards(num_shards):
    from charlstm.analysis.evaluation import evaluation_streams

    text = np.random.default_rng(1).integers(0, 11, 1500)
    one = weights_after(1)[1].evaluate(evaluation_streams(text))
    other = weights_after(1, num_shards=num_shards)[1].evaluate(evaluation_streams(text))
    assert other.characters == one.characters == 1499
    assert other.nats == pytest.approx(one.nats, rel=1e-4)


def test_shards_are_as_equal_as_can_be():
    from charlstm.training.train_step import shard_sizes

    assert [shard_sizes(5, 2), shard_sizes(4, 4), shard_sizes(1, 3)] == [[3, 2], [1, 1, 1, 1], [1]]


def test_the_fused_optimizer_does_what_kerass_does():
    import keras
    import tensorflow as tf

    from charlstm.training.train_step import FusedAdam

    rng = np.random.default_rng(0)
    results = []
    gradients = [[rng.normal(size=shape).astype(np.float32) for shape in ((5, 7), (3,))] for _ in range(20)]
    for kind in (keras.optimizers.Adam, FusedAdam):
        variables = [keras.Variable(np.ones(gradient.shape, np.float32)) for gradient in gradients[0]]
        optimizer = kind(0.01, beta_2=0.99, global_clipnorm=1.0, weight_decay=0.01)
        optimizer.build(variables)
        for gradient in gradients:
            optimizer.apply([tf.constant(part) for part in gradient], variables)
        rows = tf.IndexedSlices(tf.constant([[1.0] * 7, [2.0] * 7]), tf.constant([3, 3]), tf.constant([5, 7]))
        tf.function(lambda: optimizer.apply([rows, tf.zeros(3)], variables), autograph=False)()  # noqa: B023
        results.append([variable.numpy() for variable in variables])
    for own, other in zip(*results, strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-5)
        assert np.abs(own - 1).max() > 0.05
