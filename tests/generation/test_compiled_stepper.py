"""The compiled network against the one in NumPy."""

from dataclasses import replace

import numpy as np
import pytest

from charlstm.config import SamplingConfig
from charlstm.errors import SettingError
from charlstm.generation.ensemble import Ensemble
from charlstm.generation.generate import Request, generate, generate_batch
from charlstm.generation.sampling import sample_ids
from charlstm.generation.stepper import Stepper, make_stepper
from charlstm.generation.stopping import StopRules
from charlstm.kernels import chosen_instruction_set
from tests.conftest import random_model

HAS_BF16 = chosen_instruction_set().product("bfloat16").precision == "bfloat16"
BFLOAT16 = pytest.param("bfloat16", marks=pytest.mark.skipif(not HAS_BF16, reason="needs products of bfloat16"))
MODELS = [
    {"num_layers": 1, "units": 5},
    {"num_layers": 2, "units": 33},
    {"num_layers": 3, "units": 16, "residual": False},
    {"num_layers": 2, "units": 20, "embedding_dim": 1, "encoding": "integer"},
    {"cell": "gru"},
    {"cell": "mogrifier"},
    {"cell": "clockwork"},
]


def model_trained_in(precision, **settings):
    return replace(random_model(**settings), training={"settings": {"precision": precision}})


def make_steppers(model):
    """Return the stepper in NumPy, and the compiled one."""
    stepper = Stepper(model)
    compiled = stepper.compiled()
    assert compiled is not stepper
    return stepper, compiled


def random_ids(streams, time):
    return np.random.default_rng(streams).integers(0, 28, (streams, time))


@pytest.mark.parametrize("settings", MODELS)
@pytest.mark.parametrize("streams", [1, 3, 40])
def test_logits_and_states_equal_those_of_numpy(settings, streams):
    stepper, compiled = make_steppers(model_trained_in("float32", **settings))
    ids = random_ids(streams, 30)
    expected, expected_states = stepper.read(ids, stepper.initial_states(streams))
    logits, states = compiled.read(ids, compiled.initial_states(streams))
    np.testing.assert_allclose(logits, expected, atol=2e-5)
    for layer, expected_layer in zip(states, expected_states, strict=True):
        for state, expected_state in zip(layer, expected_layer, strict=True):
            np.testing.assert_allclose(state, expected_state, atol=2e-5)
    first, _ = compiled.step(ids[:, 0], compiled.initial_states(streams))
    np.testing.assert_array_equal(first, logits[:, 0])


@pytest.mark.parametrize("settings", MODELS)
def test_a_model_trained_in_bfloat16_is_run_in_bfloat16(settings):
    ids = random_ids(2, 30)
    rounded, exact = (Stepper(model_trained_in(precision, **settings)) for precision in ("bfloat16", "float32"))
    rounded_logits, exact_logits = (stepper.read(ids, stepper.initial_states(2))[0] for stepper in (rounded, exact))
    rounding = np.abs(rounded_logits - exact_logits).max()
    assert 1e-4 < rounding < 0.2
    if HAS_BF16:
        compiled = rounded.compiled()
        logits, _ = compiled.read(ids, compiled.initial_states(2))
        assert np.abs(logits - rounded_logits).max() < rounding / 2


@pytest.mark.parametrize("precision", ["float32", BFLOAT16])
def test_a_stream_has_the_same_bits_alone_and_among_others(precision):
    _, compiled = make_steppers(model_trained_in(precision, units=37))
    rng = np.random.default_rng(0)
    streams, time = 45, 20
    logits, states = compiled.read(random_ids(streams, 5), compiled.initial_states(streams))
    uniforms = rng.random((time, streams))
    together = compiled.sample(logits[:, -1], states, uniforms, 0.9)
    for row in (0, 7, 44):
        row_states = [tuple(state[row : row + 1] for state in layer) for layer in states]
        alone = compiled.sample(logits[row : row + 1, -1], row_states, uniforms[:, row : row + 1], 0.9)
        np.testing.assert_array_equal(alone[0][:, 0], together[0][:, row])
        np.testing.assert_array_equal(alone[1][:, 0], together[1][:, row])
        np.testing.assert_array_equal(alone[2][0], together[2][row])


@pytest.mark.parametrize("temperature", [0, 0.4, 1, 3])
def test_characters_are_sampled_as_in_numpy(temperature):
    stepper, compiled = make_steppers(model_trained_in("float32", scale=1.5))
    uniforms = np.random.default_rng(1).random((200, 6))
    logits = np.zeros((6, 28), np.float32)
    ids, logits_before, last, states = compiled.sample(logits, compiled.initial_states(6), uniforms, temperature)
    for before, sampled, uniform in zip(logits_before, ids, uniforms, strict=True):
        expected = sample_ids(before / temperature, uniform) if temperature else before.argmax(axis=-1)
        np.testing.assert_array_equal(sampled, expected)
    read, expected_states = stepper.read(ids.T, stepper.initial_states(6))
    np.testing.assert_allclose(read[:, -1], last, atol=1e-4)
    np.testing.assert_allclose(expected_states[-1], states[-1], atol=1e-4)
    np.testing.assert_allclose(read[:, :-1].swapaxes(0, 1), logits_before[1:], atol=1e-4)


@pytest.mark.parametrize("config", [{}, {"temperature": 0}, {"top_k": 5}, {"repetition_penalty": 1.3, "top_p": 0.9}])
def test_generated_text_equals_that_of_numpy(config):
    stepper, compiled = make_steppers(model_trained_in("float32"))
    request = Request("once", SamplingConfig(length=300, **config))
    assert "".join(generate(compiled, request)) == "".join(generate(stepper, request))


def test_many_samples_equal_those_generated_alone():
    _, compiled = make_steppers(model_trained_in("bfloat16" if HAS_BF16 else "float32", scale=1.5))
    requests = [
        Request("once", SamplingConfig(length=150, random_seed=seed), StopRules(stops=("q", "z"))) for seed in range(70)
    ]
    samples = generate_batch(compiled, requests, with_scores=True)
    assert len({len(sample.text) for sample in samples}) > 3
    for request, sample in zip(requests, samples, strict=True):
        assert "".join(generate(compiled, request)) == sample.text
        assert len(sample.scores) == len(sample.text)


def test_scores_equal_those_of_numpy():
    steppers = make_steppers(model_trained_in("float32", scale=1.5))
    request = Request("once", SamplingConfig(length=100))
    expected, sample = (generate_batch(stepper, [request], with_scores=True)[0] for stepper in steppers)
    assert sample.text == expected.text
    np.testing.assert_allclose(sample.scores, expected.scores, rtol=1e-3, atol=1e-5)


def test_numpy_runs_the_models_that_are_not_covered():
    for model in (random_model(cell="feedforward"), random_model(attention=4)):
        stepper = Stepper(model)
        assert stepper.compiled() is stepper
    window = make_stepper(random_model(window=5))
    assert window.compiled() is window
    ensemble = Ensemble([random_model(), random_model(num_layers=1)], [1, 1])
    assert ensemble.compiled() is ensemble


def test_the_compiled_stepper_is_made_once():
    stepper, compiled = make_steppers(random_model())
    assert stepper.compiled() is compiled.compiled() is compiled


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_any_processor_generates_compiled(precision, monkeypatch):
    monkeypatch.setenv("CHARLSTM_ISA", "portable")
    stepper, compiled = make_steppers(model_trained_in(precision))
    request = Request("once", SamplingConfig(length=100))
    text = "".join(generate(compiled, request))
    assert len(text) == 100
    if precision == "float32":  # there is nothing to multiply bfloat16 with
        assert text == "".join(generate(stepper, request))


def test_an_instruction_set_that_the_processor_lacks_is_an_error(monkeypatch):
    monkeypatch.setenv("CHARLSTM_ISA", "nonsense")
    with pytest.raises(SettingError, match="there is no such instruction set"):
        Stepper(random_model()).compiled()


def test_the_character_for_rare_ones_is_never_generated():
    model = random_model(characters="ab\ufffd")
    model = replace(model, vocabulary=replace(model.vocabulary, unknown="\ufffd"))
    compiled = Stepper(model).compiled()
    text = "".join(generate(compiled, Request("a", SamplingConfig(length=300, temperature=2.0))))
    assert "\ufffd" not in text
    assert set(text) == {"a", "b"}
