"""A blend of models: their distributions over the union of their alphabets."""

import numpy as np
import pytest

from charlstm.config import SamplingConfig
from charlstm.generation.ensemble import Ensemble
from charlstm.generation.generate import Request, generate, generate_batch
from charlstm.generation.sampling import softmax
from charlstm.generation.stepper import Stepper
from tests.conftest import random_model


def logits_after(voice, text):
    ids = voice.vocabulary.encode(text)
    return voice.read(ids[None], voice.initial_states())[0][0, -1]


def test_a_blend_of_a_model_with_itself_is_the_model(model):
    expected = np.log(softmax(logits_after(Stepper(model), "some words")))
    np.testing.assert_allclose(logits_after(Ensemble([model, model], [1, 3]), "some words"), expected, rtol=1e-5)


def test_probabilities_are_the_weighted_mean_over_both_alphabets():
    one, other = random_model(characters="abc", num_layers=1), random_model(characters="bcd", num_layers=2)
    blend = Ensemble([one, other], [1, 3])
    assert blend.vocabulary.characters == "abcd"
    mixed = np.exp(logits_after(blend, "bcb"))
    of_one, of_other = softmax(logits_after(Stepper(one), "bcb")), softmax(logits_after(Stepper(other), "bcb"))
    np.testing.assert_allclose(mixed, 0.25 * np.append(of_one, 0) + 0.75 * np.append([0], of_other), rtol=1e-5)


def test_a_character_that_a_model_does_not_know_is_passed_over():
    one, other = random_model(characters="abc"), random_model(characters="abcd")
    blend = Ensemble([one, other], [1, 1])
    mixed = np.exp(logits_after(blend, "abdd"))
    of_one, of_other = softmax(logits_after(Stepper(one), "ab")), softmax(logits_after(Stepper(other), "abdd"))
    np.testing.assert_allclose(mixed, 0.5 * np.append(of_one, 0) + 0.5 * of_other, rtol=1e-5)


@pytest.mark.parametrize("text", ["abcd", "ddad", "dabb"])
def test_stepping_gives_what_reading_gives(text):
    blend = Ensemble([random_model(characters="abc"), random_model(characters="bcd", num_layers=1)], [1, 1])
    states = blend.initial_states()
    for place in blend.vocabulary.encode(text):
        logits, states = blend.step(np.array([place]), states)
    np.testing.assert_allclose(logits[0], logits_after(blend, text), rtol=1e-4)


def test_a_case_that_a_model_does_not_know_is_read_as_the_other():
    lower, upper = random_model(characters="ab"), random_model(characters="AB")
    blend = Ensemble([lower, upper], [1, 1])
    mixed = np.exp(logits_after(blend, "aB"))
    of_lower, of_upper = softmax(logits_after(Stepper(lower), "ab")), softmax(logits_after(Stepper(upper), "AB"))
    np.testing.assert_allclose(mixed, 0.5 * np.concatenate([of_upper, of_lower]), rtol=1e-5)


def test_it_writes_with_the_characters_of_both():
    blend = Ensemble([random_model(characters="ab"), random_model(characters="cd")], [1, 1])
    config = SamplingConfig(length=200)
    assert set("".join(generate(blend, Request("ac", config)))) == set("abcd")
    together = generate_batch(blend, [Request("ac", config), Request("d", config)])
    assert together[0].text == "".join(generate(blend, Request("ac", config)))
