from dataclasses import replace

import numpy as np
import pytest

from charlstm.config import SamplingConfig
from charlstm.errors import VocabularyError
from charlstm.generation.generate import READ_AT_MOST, READ_AT_ONCE, Request, generate, generate_all, generate_many
from charlstm.generation.sampling import softmax
from charlstm.generation.stepper import Stepper
from charlstm.generation.stopping import StopRules
from charlstm.storage.model_file import Model
from tests.conftest import ALPHABET, random_model


def written(model, prompt, config, rules=None):
    return "".join(generate(Stepper(model), Request(prompt, config, rules or StopRules())))


def requests(prompt, config, rules=None, *, num_samples):
    seeds = range(config.random_seed, config.random_seed + num_samples)
    return [Request(prompt, replace(config, random_seed=seed), rules or StopRules()) for seed in seeds]


def speller(word: str) -> Model:
    """A model that spells a word round and round: the output layer reads the last character off the embedding."""
    model = random_model(num_layers=1, units=len(ALPHABET), embedding_dim=len(ALPHABET))
    size = len(ALPHABET)
    weights = {name: np.zeros_like(weight) for name, weight in model.weights.items()}
    weights["embedding"] = np.eye(size, dtype=np.float32)
    weights["layers.0.kernel"][:, 2 * size : 3 * size] = 9 * np.eye(size)  # the candidate is the character
    weights["layers.0.bias"][:size] = 9  # input gate open
    weights["layers.0.bias"][size : 2 * size] = -9  # forget gate closed
    weights["layers.0.bias"][3 * size :] = 9  # output gate open
    for here, there in zip(word, word[1:] + word[0], strict=True):
        weights["output.kernel"][model.vocabulary.encode(here)[0], model.vocabulary.encode(there)[0]] = 9
    return Model(model.config, model.vocabulary, weights, {})


@pytest.mark.parametrize("config", [SamplingConfig(length=9, temperature=0), SamplingConfig(length=9, top_k=1)])
def test_a_model_that_knows_a_word_spells_it(config):
    assert written(speller("macbeth"), "m", config) == "acbethmac"


@pytest.mark.parametrize("length", [1, 2, 300])
def test_the_length_is_kept(model, length):
    assert len(written(model, "abc", SamplingConfig(length=length))) == length


def test_the_same_random_seed_gives_the_same_text(model):
    def text(random_seed):
        return written(model, "abc", SamplingConfig(length=300, random_seed=random_seed))

    assert text(7) == text(7)
    assert text(7) != text(8)


def test_the_whole_seed_text_is_read_piece_by_piece(model):
    prompt = "the same words " * 100
    assert len(prompt) > READ_AT_ONCE
    stepper = Stepper(model)
    states = stepper.initial_states()
    for character in prompt:
        logits, states = stepper.step(model.vocabulary.encode(character), states)
    greedy = SamplingConfig(length=1, temperature=0)
    assert written(model, prompt, greedy) == model.vocabulary.decode(logits.argmax(axis=-1))


def test_without_a_seed_text_it_starts_as_after_a_line_end(model):
    config = SamplingConfig(length=40)
    assert written(model, "", config) == written(model, "\n", config)


def test_an_unknown_character_is_refused_before_the_first_is_written(model):
    with pytest.raises(VocabularyError, match="U\\+00E9"):
        generate(Stepper(model), Request("caf\u00e9", SamplingConfig()))


def test_many_samples_are_each_what_they_are_alone(model):
    config = SamplingConfig(length=60, random_seed=5, repetition_penalty=1.2)
    together = [sample.text for sample in generate_many(Stepper(model), requests("abc", config, num_samples=4))]
    for place, text in enumerate(together):
        assert written(model, "abc", replace(config, random_seed=5 + place)) == text
    assert len(set(together)) == 4


def test_samples_end_each_where_it_should(model):
    samples = generate_many(
        Stepper(model), requests("a", SamplingConfig(length=99), StopRules(stops=("e", "t")), num_samples=8)
    )
    lengths = {len(sample.text) for sample in samples}
    assert len(lengths) > 1
    assert not any(set(sample.text) & {"e", "t"} for sample in samples if len(sample.text) < 99)


def test_scores_are_the_log_probabilities_of_the_model(model):
    (sample,) = generate_many(
        Stepper(model),
        requests("abc", SamplingConfig(length=20, temperature=0.5, top_k=3), num_samples=1),
        with_scores=True,
    )
    stepper = Stepper(model)
    ids = model.vocabulary.encode("abc" + sample.text)
    logits, _ = stepper.read(ids[None], stepper.initial_states())
    expected = np.log(softmax(logits[0, 2:-1]))[np.arange(20), ids[3:]]
    np.testing.assert_allclose(sample.scores, expected, rtol=1e-4)


def test_what_stands_for_rare_characters_is_never_written():
    model = random_model(characters="ab\ufffd")
    model = replace(model, vocabulary=replace(model.vocabulary, unknown="\ufffd"))
    assert "\ufffd" not in written(model, "a", SamplingConfig(length=300, temperature=2.0))
    greedy = random_model(characters="ab\ufffd", scale=3)
    greedy = replace(greedy, vocabulary=replace(greedy.vocabulary, unknown="\ufffd"))
    assert "\ufffd" not in written(greedy, "\ufffd", SamplingConfig(length=100, temperature=0))


def test_requests_of_all_kinds_are_answered_in_order_and_each_as_alone(model):
    rng = np.random.default_rng(3)
    configs = [SamplingConfig(length=7), SamplingConfig(length=12, temperature=0.5), SamplingConfig(length=5, top_k=3)]
    asked = [
        Request("abcdefgh"[: 1 + place % 5], replace(configs[rng.integers(3)], random_seed=place))
        for place in range(300)
    ]
    answers = [sample.text for sample in generate_all(Stepper(model), asked)]
    assert answers == ["".join(generate(Stepper(model), request)) for request in asked]


def test_of_a_very_long_seed_text_the_end_is_read(model):
    config = SamplingConfig(length=20)
    prompt = "once upon a time " * 2000
    assert written(model, prompt, config) == written(model, prompt[-READ_AT_MOST:], config)


def test_the_beginning_of_a_line_is_read_as_one():
    model, config = random_model(scale=1.5), SamplingConfig(length=30)
    begun = "".join(generate(Stepper(model), Request("once", config, starts_line=True)))
    assert begun == written(model, "\nonce", config) != written(model, "once", config)


def test_there_are_as_many_scores_as_characters_written(model):
    rules = StopRules(stops=("th", "e"))
    samples = generate_many(
        Stepper(model), requests("a", SamplingConfig(length=200), rules, num_samples=6), with_scores=True
    )
    assert [len(sample.scores) for sample in samples] == [len(sample.text) for sample in samples]
    assert min(len(sample.text) for sample in samples) < 200
