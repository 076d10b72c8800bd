"""The compiled network beside the one in NumPy."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from charlstm.config import SamplingConfig
from charlstm.generation.ensemble import Ensemble
from charlstm.generation.generate import Request, generate, generate_many
from charlstm.generation.sampling import sample_ids
from charlstm.generation.stepper import Stepper, make_stepper
from charlstm.generation.stopping import StopRules
from charlstm.kernels.jit import HAS_BF16
from tests.conftest import random_model

PAIRS = pytest.param("bfloat16", marks=pytest.mark.skipif(not HAS_BF16, reason="the processor has no bfloat16"))
KINDS = [
    {"num_layers": 1, "units": 5},
    {"num_layers": 2, "units": 33},
    {"num_layers": 3, "units": 16, "residual": False},
    {"num_layers": 2, "units": 20, "embedding_dim": 1, "encoding": "integer"},
]


def trained_in(precision, **settings):
    return replace(random_model(**settings), training={"settings": {"precision": precision}})


def both(model):
    stepper = Stepper(model)
    compiled = stepper.compiled()
    assert compiled is not stepper
    return stepper, compiled


def random_ids(streams, time):
    return np.random.default_rng(streams).integers(0, 28, (streams, time))


@pytest.mark.parametrize("settings", KINDS)
@pytest.mark.parametrize("streams", [1, 3, 40])
def test_logits_and_states_are_those_of_numpy(settings, streams):
    plain, compiled = both(trained_in("float32", **settings))
    ids = random_ids(streams, 30)
    logits, states = plain.read(ids, plain.initial_states(streams))
    same, same_states = compiled.read(ids, compiled.initial_states(streams))
    np.testing.assert_allclose(same, logits, atol=2e-5)
    for layer, same_layer in zip(states, same_states, strict=True):
        np.testing.assert_allclose(same_layer, layer, atol=2e-5)
    one, _ = compiled.step(ids[:, 0], compiled.initial_states(streams))
    np.testing.assert_array_equal(one, same[:, 0])


@pytest.mark.parametrize("settings", KINDS)
def test_what_was_trained_in_bfloat16_is_rounded_to_it(settings):
    ids = random_ids(2, 30)
    rounded, exact = (Stepper(trained_in(precision, **settings)) for precision in ("bfloat16", "float32"))
    logits, true = (stepper.read(ids, stepper.initial_states(2))[0] for stepper in (rounded, exact))
    assert 1e-4 < np.abs(logits - true).max() < 0.2
    if HAS_BF16:
        compiled = rounded.compiled()
        same, _ = compiled.read(ids, compiled.initial_states(2))
        assert np.abs(logits - same).max() < np.abs(logits - true).max() / 2


@pytest.mark.parametrize("precision", ["float32", PAIRS])
def test_a_stream_has_the_same_bits_alone_and_among_others(precision):
    _, compiled = both(trained_in(precision, units=37))
    rng = np.random.default_rng(0)
    streams, time = 45, 20
    logits, states = compiled.read(random_ids(streams, 5), compiled.initial_states(streams))
    chances = rng.random((time, streams))
    together = compiled.write(logits[:, -1], states, chances, 0.9)
    for row in (0, 7, 44):
        of_row = [tuple(state[row : row + 1] for state in layer) for layer in states]
        alone = compiled.write(logits[row : row + 1, -1], of_row, chances[:, row : row + 1], 0.9)
        np.testing.assert_array_equal(alone[0][:, 0], together[0][:, row])
        np.testing.assert_array_equal(alone[1][:, 0], together[1][:, row])
        np.testing.assert_array_equal(alone[2][0], together[2][row])


@pytest.mark.parametrize("temperature", [0, 0.4, 1, 3])
def test_what_it_writes_is_drawn_as_numpy_draws(temperature):
    plain, compiled = both(trained_in("float32", scale=1.5))
    chances = np.random.default_rng(1).random((200, 6))
    logits = np.zeros((6, 28), np.float32)
    ids, seen, last, after = compiled.write(logits, compiled.initial_states(6), chances, temperature)
    for before, drawn, chance in zip(seen, ids, chances, strict=True):
        expected = sample_ids(before / temperature, chance) if temperature else before.argmax(axis=-1)
        np.testing.assert_array_equal(drawn, expected)
    read, states = plain.read(ids.T, plain.initial_states(6))
    np.testing.assert_allclose(read[:, -1], last, atol=1e-4)
    np.testing.assert_allclose(states[-1], after[-1], atol=1e-4)
    np.testing.assert_allclose(read[:, :-1].swapaxes(0, 1), seen[1:], atol=1e-4)


@pytest.mark.parametrize("config", [{}, {"temperature": 0}, {"top_k": 5}, {"repetition_penalty": 1.3, "top_p": 0.9}])
def test_it_writes_what_numpy_writes(config):
    plain, compiled = both(trained_in("float32"))
    request = Request("once", SamplingConfig(length=300, **config))
    assert "".join(generate(compiled, request)) == "".join(generate(plain, request))


def test_many_samples_are_each_exactly_what_they_are_alone():
    _, compiled = both(trained_in("bfloat16" if HAS_BF16 else "float32", scale=1.5))
    requests = [
        Request("once", SamplingConfig(length=150, random_seed=seed), StopRules(stops=("q", "z"))) for seed in range(70)
    ]
    samples = generate_many(compiled, requests, with_scores=True)
    assert len({len(sample.text) for sample in samples}) > 3
    for request, sample in zip(requests, samples, strict=True):
        assert "".join(generate(compiled, request)) == sample.text
        assert len(sample.scores) == len(sample.text)


def test_it_is_compiled_once_for_any_number_of_streams():
    from charlstm.kernels.decoder import run_characters

    _, compiled = both(trained_in("float32", num_layers=1, units=11))
    dispatcher: Any = run_characters
    before = len(dispatcher.signatures)
    for count in (1, 3, 40):
        requests = [Request("ab", SamplingConfig(length=70, random_seed=seed)) for seed in range(count)]
        generate_many(compiled, requests, with_scores=True)
        compiled.read(random_ids(count, 7), compiled.initial_states(count))
    assert len(dispatcher.signatures) == before


def test_its_scores_are_those_of_numpy():
    plain, compiled = both(trained_in("float32", scale=1.5))
    request = Request("once", SamplingConfig(length=100))
    one, other = (generate_many(voice, [request], with_scores=True)[0] for voice in (plain, compiled))
    assert one.text == other.text
    np.testing.assert_allclose(one.scores, other.scores, rtol=1e-3, atol=1e-5)


def test_what_it_does_not_cover_stays_in_numpy():
    for model in (random_model(cell="gru"), random_model(attention=4)):
        stepper = Stepper(model)
        assert stepper.compiled() is stepper
    window = make_stepper(random_model(window=5))
    assert window.compiled() is window
    blend = Ensemble([random_model(), random_model(num_layers=1)], [1, 1])
    assert blend.compiled() is blend


def test_what_stands_for_rare_characters_is_never_written():
    model = random_model(characters="ab\ufffd")
    model = replace(model, vocabulary=replace(model.vocabulary, unknown="\ufffd"))
    compiled = Stepper(model).compiled()
    text = "".join(generate(compiled, Request("a", SamplingConfig(length=300, temperature=2.0))))
    assert "\ufffd" not in text
    assert set(text) == {"a", "b"}
