"""Beam search, against all texts there are."""

from itertools import product

import numpy as np
import pytest

from charlstm.config import SamplingConfig
from charlstm.generation.beam import beam_search
from charlstm.generation.generate import Request
from charlstm.generation.sampling import softmax
from charlstm.generation.stepper import Stepper
from charlstm.generation.stopping import StopRules
from tests.conftest import random_model


def log_probability(model, prompt, text):
    ids = model.vocabulary.encode(prompt + text)
    stepper = Stepper(model)
    logits, _ = stepper.read(ids[None, :-1], stepper.initial_states())
    return np.log(softmax(logits[0]))[np.arange(len(ids) - 1), ids[1:]][len(prompt) - 1 :].sum()


def test_a_beam_as_wide_as_all_texts_finds_the_most_probable_in_order():
    model = random_model(characters="abcd", scale=1.5)
    every = {"".join(text): log_probability(model, "ab", "".join(text)) for text in product("abcd", repeat=4)}
    found = beam_search(Stepper(model), Request("ab", SamplingConfig(length=4)), 256)
    assert [hypothesis.text for hypothesis in found[:20]] == sorted(every, key=lambda text: -every[text])[:20]
    for hypothesis in found[:5]:
        assert hypothesis.nats == pytest.approx(every[hypothesis.text], rel=1e-4)


def test_a_beam_of_one_is_greedy(model):
    from charlstm.generation.generate import generate

    greedy = "".join(generate(Stepper(model), Request("abc", SamplingConfig(length=30, temperature=0))))
    (found,) = beam_search(Stepper(model), Request("abc", SamplingConfig(length=30)), 1)
    assert found.text == greedy


def test_a_wider_beam_finds_nothing_less_probable_here(model):
    nats = [
        beam_search(Stepper(model), Request("abc", SamplingConfig(length=12)), width)[0].nats for width in (1, 8, 64)
    ]
    assert nats == sorted(nats)


def test_texts_that_end_sooner_are_weighed_by_their_probability():
    model = random_model(characters="abcd", scale=1.5)
    request = Request("ab", SamplingConfig(length=4), StopRules(stops=("c",)))
    found = beam_search(Stepper(model), request, 256)
    assert {len(hypothesis.text) for hypothesis in found} == {0, 1, 2, 3, 4}
    assert [hypothesis.nats for hypothesis in found] == sorted((h.nats for h in found), reverse=True)
    assert sum(np.exp(hypothesis.nats) for hypothesis in found) == pytest.approx(1, abs=1e-4)
