"""Beam search against the probabilities of all texts of one length."""

from itertools import product

import numpy as np
import pytest

from charlstm.config import SamplingConfig
from charlstm.generation.beam import beam_search
from charlstm.generation.generate import Request, generate
from charlstm.generation.sampling import softmax
from charlstm.generation.stepper import Stepper
from charlstm.generation.stopping import StopRules
from tests.conftest import random_model


def log_probability(model, prompt, text):
    ids = model.vocabulary.encode(prompt + text)
    stepper = Stepper(model)
    logits, _ = stepper.read(ids[None, :-1], stepper.initial_states())
    scores = np.log(softmax(logits[0]))[np.arange(len(ids) - 1), ids[1:]]
    return scores[len(prompt) - 1 :].sum()


def search(model, prompt, *, length, width, stops=()):
    return beam_search(Stepper(model), Request(prompt, SamplingConfig(length=length), StopRules(stops=stops)), width)


def test_a_beam_as_wide_as_all_texts_orders_them_by_probability():
    model = random_model(characters="abcd", scale=1.5)
    texts = ["".join(characters) for characters in product("abcd", repeat=4)]
    nats = {text: log_probability(model, "ab", text) for text in texts}
    hypotheses = search(model, "ab", length=4, width=256)
    assert [hypothesis.text for hypothesis in hypotheses[:20]] == sorted(nats, key=lambda text: -nats[text])[:20]
    for hypothesis in hypotheses[:5]:
        assert hypothesis.nats == pytest.approx(nats[hypothesis.text], rel=1e-4)


def test_a_beam_of_one_is_greedy(model):
    greedy = "".join(generate(Stepper(model), Request("abc", SamplingConfig(length=30, temperature=0))))
    (hypothesis,) = search(model, "abc", length=30, width=1)
    assert hypothesis.text == greedy


def test_wider_beams_find_more_probable_texts(model):
    nats = [search(model, "abc", length=12, width=width)[0].nats for width in (1, 8, 64)]
    assert nats == sorted(nats)  # not guaranteed in general, but true of this model


def test_texts_that_stop_early_are_ranked_by_their_probability():
    model = random_model(characters="abcd", scale=1.5)
    hypotheses = search(model, "ab", length=4, width=256, stops=("c",))
    assert {len(hypothesis.text) for hypothesis in hypotheses} == {0, 1, 2, 3, 4}
    nats = [hypothesis.nats for hypothesis in hypotheses]
    assert nats == sorted(nats, reverse=True)
    assert sum(np.exp(nats)) == pytest.approx(1, abs=1e-4)


def test_a_text_that_ends_with_its_sentence_is_found_once():
    model = random_model(characters=" .ab", scale=1.5)
    rules = StopRules(until_sentence=True)
    hypotheses = beam_search(Stepper(model), Request("ab", SamplingConfig(length=2), rules), 20)
    texts = [hypothesis.text for hypothesis in hypotheses]
    assert len(set(texts)) == len(texts) > 3
    assert sum(text.endswith(".") for text in texts) > 3
