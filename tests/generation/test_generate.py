from dataclasses import replace

import numpy as np
import pytest

from charlstm.config import SamplingConfig
from charlstm.errors import SettingError, VocabularyError
from charlstm.generation.beam import beam_search
from charlstm.generation.generate import (
    MAX_PROMPT_LENGTH,
    PROMPT_CHUNK,
    Request,
    generate,
    generate_all,
    generate_batch,
    max_streams,
)
from charlstm.generation.sampling import softmax
from charlstm.generation.stepper import Stepper
from charlstm.generation.stopping import StopRules
from charlstm.storage.model_file import Model
from tests.conftest import ALPHABET, random_model


def generated(model, prompt, config, rules=None):
    return "".join(generate(Stepper(model), Request(prompt, config, rules or StopRules())))


def requests(prompt, config, rules=None, *, num_samples):
    seeds = range(config.random_seed, config.random_seed + num_samples)
    return [Request(prompt, replace(config, random_seed=seed), rules or StopRules()) for seed in seeds]


def speller(word: str) -> Model:
    """Return a model that spells a word again and again: it predicts the next character from the last one alone."""
    model = random_model(num_layers=1, units=len(ALPHABET), embedding_dim=len(ALPHABET))
    size = len(ALPHABET)
    weights = {name: np.zeros_like(weight) for name, weight in model.weights.items()}
    weights["embedding"] = np.eye(size, dtype=np.float32)
    weights["layers.0.kernel"][:, 2 * size : 3 * size] = 9 * np.eye(size)  # the candidate is the character
    weights["layers.0.bias"][:size] = 9  # the input gate is open
    weights["layers.0.bias"][size : 2 * size] = -9  # the forget gate is closed
    weights["layers.0.bias"][3 * size :] = 9  # the output gate is open
    for current, following in zip(word, word[1:] + word[0], strict=True):
        row, column = model.vocabulary.encode(current + following)
        weights["output.kernel"][row, column] = 9
    return Model(model.config, model.vocabulary, weights, {})


@pytest.mark.parametrize("config", [SamplingConfig(length=9, temperature=0), SamplingConfig(length=9, top_k=1)])
def test_a_model_that_knows_a_word_spells_it(config):
    assert generated(speller("macbeth"), "m", config) == "acbethmac"


@pytest.mark.parametrize("length", [1, 2, 300])
def test_text_has_the_requested_length(model, length):
    assert len(generated(model, "abc", SamplingConfig(length=length))) == length


def test_same_random_seed_gives_same_text(model):
    def text(random_seed):
        return generated(model, "abc", SamplingConfig(length=300, random_seed=random_seed))

    assert text(7) == text(7)
    assert text(7) != text(8)


def test_whole_prompt_is_read_in_chunks(model):
    prompt = "the same words " * 100
    assert len(prompt) > PROMPT_CHUNK
    stepper = Stepper(model)
    states = stepper.initial_states()
    for character in prompt:
        logits, states = stepper.step(model.vocabulary.encode(character), states)
    greedy = SamplingConfig(length=1, temperature=0)
    assert generated(model, prompt, greedy) == model.vocabulary.decode(logits.argmax(axis=-1))


def test_empty_prompt_starts_on_a_new_line(model):
    config = SamplingConfig(length=40)
    assert generated(model, "", config) == generated(model, "\n", config)


def test_unknown_character_is_refused_before_the_first_is_generated(model):
    with pytest.raises(VocabularyError, match="U\\+00E9"):
        generate(Stepper(model), Request("caf\u00e9", SamplingConfig()))


def test_each_sample_of_a_batch_is_what_its_request_gives_alone(model):
    config = SamplingConfig(length=60, random_seed=5, repetition_penalty=1.2)
    batch = [sample.text for sample in generate_batch(Stepper(model), requests("abc", config, num_samples=4))]
    for index, text in enumerate(batch):
        assert generated(model, "abc", replace(config, random_seed=5 + index)) == text
    assert len(set(batch)) == 4


def test_each_sample_of_a_batch_ends_at_its_own_stop(model):
    samples = generate_batch(
        Stepper(model), requests("a", SamplingConfig(length=99), StopRules(stops=("e", "t")), num_samples=8)
    )
    lengths = {len(sample.text) for sample in samples}
    assert len(lengths) > 1
    assert not any(set(sample.text) & {"e", "t"} for sample in samples if len(sample.text) < 99)


def test_scores_are_log_probabilities_under_the_model(model):
    (sample,) = generate_batch(
        Stepper(model),
        requests("abc", SamplingConfig(length=20, temperature=0.5, top_k=3), num_samples=1),
        with_scores=True,
    )
    stepper = Stepper(model)
    ids = model.vocabulary.encode("abc" + sample.text)
    logits, _ = stepper.read(ids[None], stepper.initial_states())
    expected = np.log(softmax(logits[0, 2:-1]))[np.arange(20), ids[3:]]
    np.testing.assert_allclose(sample.scores, expected, rtol=1e-4)


def test_stand_in_for_rare_characters_is_never_sampled():
    model = random_model(characters="ab\ufffd")
    model = replace(model, vocabulary=replace(model.vocabulary, unknown="\ufffd"))
    assert "\ufffd" not in generated(model, "a", SamplingConfig(length=300, temperature=2.0))
    greedy = random_model(characters="ab\ufffd", scale=3)
    greedy = replace(greedy, vocabulary=replace(greedy.vocabulary, unknown="\ufffd"))
    assert "\ufffd" not in generated(greedy, "\ufffd", SamplingConfig(length=100, temperature=0))


def test_different_requests_are_answered_in_order_as_if_alone(model):
    rng = np.random.default_rng(3)
    configs = [SamplingConfig(length=7), SamplingConfig(length=12, temperature=0.5), SamplingConfig(length=5, top_k=3)]
    mixed = [
        Request("abcdefgh"[: 1 + index % 5], replace(configs[rng.integers(3)], random_seed=index))
        for index in range(300)
    ]
    answers = [sample.text for sample in generate_all(Stepper(model), mixed)]
    assert answers == ["".join(generate(Stepper(model), request)) for request in mixed]


def test_only_the_end_of_a_very_long_prompt_is_read(model):
    config = SamplingConfig(length=20)
    prompt = "once upon a time " * 2000
    assert generated(model, prompt, config) == generated(model, prompt[-MAX_PROMPT_LENGTH:], config)


def test_prompt_that_starts_a_line_is_read_after_a_line_end():
    model, config = random_model(scale=1.5), SamplingConfig(length=30)
    text = "".join(generate(Stepper(model), Request("once", config, starts_line=True)))
    assert text == generated(model, "\nonce", config) != generated(model, "once", config)


def test_there_is_one_score_per_character_of_the_text(model):
    rules = StopRules(stops=("th", "e"))
    samples = generate_batch(
        Stepper(model), requests("a", SamplingConfig(length=200), rules, num_samples=6), with_scores=True
    )
    assert [len(sample.scores) for sample in samples] == [len(sample.text) for sample in samples]
    assert min(len(sample.text) for sample in samples) < 200


def test_streams_and_chunks_are_limited_by_memory(monkeypatch):
    model = Stepper(random_model(attention=1024, units=64, num_layers=1))
    assert max_streams(model) < 1024
    expected = [sample.text for sample in generate_all(model, [Request("a", SamplingConfig(length=5))] * 3)]
    monkeypatch.setattr("charlstm.generation.generate.MAX_STREAM_BYTES", 1)
    assert max_streams(model) == 1
    assert [sample.text for sample in generate_all(model, [Request("a", SamplingConfig(length=5))] * 3)] == expected
    with pytest.raises(SettingError, match="`beam` is 2, but it must be at most 1 with this model"):
        beam_search(model, Request("a", SamplingConfig(length=2)), 2)


@pytest.mark.parametrize("temperature", [5e-324, 1e-300, 1e-31, 1e-20, 1000])
@pytest.mark.parametrize("scale", [0.4, 1e4])
def test_no_temperature_overflows(temperature, scale):
    model = Stepper(random_model(scale=scale, num_layers=1))
    config = SamplingConfig(length=20, temperature=temperature, repetition_penalty=1000)
    (sample,) = generate_batch(model, [Request("a", config)], with_scores=True)
    assert len(sample.text) == 20
    assert np.isfinite(sample.scores).all()
