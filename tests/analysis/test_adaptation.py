"""Dynamic evaluation: against gradients by finite differences, and what must not depend on later text."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from charlstm.analysis.adaptation import adaptive_network, learn_ids, score_adapted
from charlstm.analysis.evaluation import Scores, losses_of
from charlstm.analysis.report import evaluate_ids
from charlstm.analysis.text_learner import TextLearner
from charlstm.config import AdaptationConfig
from charlstm.errors import SettingError
from charlstm.generation.load import LoadedModel
from charlstm.generation.sampling import softmax
from charlstm.generation.stepper import Stepper
from tests.conftest import ALPHABET, random_model

pytestmark = pytest.mark.tensorflow


def adaptive(model, **settings):
    from charlstm.analysis.adaptive_network import AdaptiveNetwork

    return AdaptiveNetwork(model, AdaptationConfig(**settings))


def learner(model, **settings):
    return TextLearner(adaptive(model, **settings), unknown="nearest")


def some_ids(length, *, random_seed=0, characters=ALPHABET):
    return np.random.default_rng(random_seed).integers(0, len(characters), length)


def read(network, ids):
    """Return the scores of each segment."""
    totals = [Scores(), *network.read(ids)]
    return [new.nats - old.nats for old, new in itertools.pairwise(totals)]


def nats(model, weights, segment, states):
    stepper = Stepper(replace(model, weights=weights), dtype=np.float64)
    logits, states = stepper.read(segment[None, :-1], states)
    return losses_of(logits[0], segment[1:]).scores.nats, states


def gradient_of(model, weights, segment, states, *, step=1e-5):
    """Return the gradient of a segment's mean loss by central differences."""
    gradient = {name: np.zeros_like(weight) for name, weight in weights.items()}
    for name, weight in weights.items():
        for index in np.ndindex(weight.shape):
            losses = []
            for sign in (1, -1):
                moved = weights | {name: weight.copy()}
                moved[name][index] += sign * step
                losses.append(nats(model, moved, segment, states)[0])
            gradient[name][index] = (losses[0] - losses[1]) / (2 * step * (len(segment) - 1))
    return gradient


@pytest.mark.parametrize("num_layers", [1, 2])
def test_losses_are_those_of_rmsprop_on_numerical_gradients(num_layers):
    rate, decay, length = 0.02, 0.1, 6
    model = random_model(num_layers=num_layers, units=3, embedding_dim=2, characters="abcd")
    ids = some_ids(3 * length + 3, characters="abcd")
    weights = {name: weight.astype(np.float64) for name, weight in model.weights.items()}
    mean_squares = {name: np.zeros_like(weight) for name, weight in weights.items()}
    trained = weights
    states = [tuple(np.zeros((1, 3)) for _ in range(2)) for _ in range(num_layers)]
    expected = []
    for update, start in enumerate(range(0, len(ids) - 1, length), start=1):
        segment = ids[start : start + length + 1]
        loss, new_states = nats(model, weights, segment, states)
        expected.append(loss)
        for name, gradient in gradient_of(model, weights, segment, states).items():
            mean_squares[name] = 0.999 * mean_squares[name] + 0.001 * gradient**2
            root = np.sqrt(mean_squares[name] / (1 - 0.999**update))
            moved = weights[name] - rate * gradient / (root + 1e-7)
            weights = weights | {name: moved + decay * (trained[name] - moved)}
        states = new_states
    network = adaptive(model, adapt_rate=rate, adapt_decay=decay, adapt_length=length)
    np.testing.assert_allclose(read(network, ids), expected, rtol=1e-4)


def test_no_segment_depends_on_what_follows_it(model):
    ids = some_ids(95)
    changed = np.concatenate([ids[:50], some_ids(45, random_seed=1)])
    one, other = (read(adaptive(model, adapt_length=20), text) for text in (ids, changed))
    assert one[:2] == other[:2]  # characters 1 to 40
    assert one[2] != other[2]
    (half,) = read(adaptive(model, adapt_length=20), ids[:11])
    assert half == pytest.approx(nats(model, model.weights, ids[:11], Stepper(model).initial_states())[0], rel=1e-5)


def test_without_learning_it_is_the_static_loss(model):
    ids = some_ids(300)
    static = evaluate_ids(model, ids).scores
    *_, adapted = adaptive(model, adapt_rate=0, adapt_decay=0.5).read(ids)
    assert adapted.nats == pytest.approx(static.nats, rel=1e-6)
    assert (adapted.correct, adapted.characters) == (static.correct, static.characters)


@pytest.mark.parametrize("settings", [{}, {"cell": "gru"}, {"cell": "echo-state"}, {"attention": 4}])
def test_a_text_that_repeats_itself_is_learned(settings):
    model = random_model(units=16, **settings)
    ids = model.vocabulary.encode("the cat sat on the mat\n" * 60)
    network = adaptive(model, adapt_rate=0.01)
    losses = read(network, ids)
    assert len(losses) == network.num_segments(ids)
    assert np.mean(losses[-6:-1]) < 0.8 * losses[0]


def test_the_model_stays_as_it_is_and_the_result_is_repeatable(model):
    before = {name: weight.copy() for name, weight in model.weights.items()}
    results = []
    for _ in range(2):
        network = adaptive(model)
        losses = read(network, some_ids(120))
        results.append((losses, network.model.weights))
    for name, weight in before.items():
        np.testing.assert_array_equal(model.weights[name], weight)
        np.testing.assert_array_equal(results[0][1][name], results[1][1][name])
        assert (weight != results[0][1][name]).any()
    assert results[0][0] == results[1][0]


def test_a_model_that_diverges_says_so(model):
    model.weights["output.bias"][0] = np.inf
    with pytest.raises(SettingError, match=r"at `adapt_rate` 0\.001 the model has diverged"):
        read(adaptive(model), some_ids(9))


def test_a_model_of_windows_is_refused():
    with (
        pytest.raises(SettingError, match="cannot `adapt`"),
        adaptive_network(random_model(window=5), AdaptationConfig()),
    ):
        pass


def test_scoring_and_learning_are_the_same_reading(model):
    ids, config = some_ids(120), AdaptationConfig(adapt_rate=0.01)
    network = adaptive(model, adapt_rate=0.01)
    *_, scores = network.read(ids)
    learned, scores_of_learning = learn_ids(model, ids, config)
    assert scores_of_learning == scores
    scored = score_adapted([LoadedModel(Path("model.safetensors"), model)], ids, config).scores
    assert scored.nats == pytest.approx(scores.nats)
    np.testing.assert_array_equal(learned.weights["output.kernel"], network.model.weights["output.kernel"])


@pytest.mark.parametrize(
    "settings", [{"adapt_rate": -1}, {"adapt_rate": float("nan")}, {"adapt_decay": 2}, {"adapt_length": 0}]
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(SettingError, match=next(iter(settings))):
        AdaptationConfig(**settings)


def logits_after(stepper, ids):
    return softmax(stepper.read(ids[None], stepper.initial_states())[0])


def test_a_growing_text_is_learned_once_and_in_whole_segments(model):
    text = model.vocabulary.decode(some_ids(100))
    grows, whole = learner(model, adapt_length=20), learner(model, adapt_length=20)
    assert grows.learned_model(text[:20]) is None  # its first character is not predicted
    steps = [grows.learned_model(text[:end]) for end in (33, 40, 75, 75)]
    assert [step is None for step in steps] == [False, True, False, True]
    assert len(list(whole.learn(text[:75]))) == whole.num_segments(text[:75]) == 3
    ids = some_ids(30, random_seed=2)
    np.testing.assert_array_equal(logits_after(steps[2], ids), logits_after(whole.learned_model(text[:75]), ids))


def test_after_an_edit_what_follows_it_is_learned_again(model):
    text = model.vocabulary.decode(some_ids(4000))
    learns = learner(model, adapt_length=20)
    assert len(list(learns.learn(text))) == 199
    assert not list(learns.learn(text[:3000]))  # deleted
    assert not list(learns.learn(text[:3000] + "a"))
    assert len(list(learns.learn(text[:2000] + "a" * 50))) == 2
    assert len(list(learns.learn("b" + text))) == 49  # of the last 1,000 characters
