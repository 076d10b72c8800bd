"""A text that grows: what goes on from it, and how probable it is."""

from itertools import islice

import numpy as np

from charlstm.config import SamplingConfig
from charlstm.generation.generate import Request, generate
from charlstm.generation.sampling import softmax
from charlstm.generation.session import Session
from charlstm.generation.stepper import Stepper
from tests.conftest import ALPHABET, random_model


def test_it_goes_on_as_generate_does(model):
    config = SamplingConfig(length=30, random_seed=4, repetition_penalty=1.2)
    session = Session(Stepper(model), config)
    written = "".join(character for character, _ in islice(session.go_on("some words"), 30))
    assert written == "".join(generate(Stepper(model), Request("some words", config)))
    session.another()
    assert written != "".join(character for character, _ in islice(session.go_on("some words"), 30))


def test_scores_are_those_of_the_model_whoever_wrote(model):
    session = Session(Stepper(model), SamplingConfig())
    drawn = list(islice(session.go_on("abc"), 20))
    text = "".join(character for character, _ in drawn)
    scores = list(session.scores("abc", text))
    np.testing.assert_allclose(scores, [score for _, score in drawn], rtol=1e-4)
    stepper = Stepper(model)
    logits, _ = stepper.read(model.vocabulary.encode("abc")[None], stepper.initial_states())
    assert np.isclose(scores[0], np.log(softmax(logits[0, -1:]))[0, model.vocabulary.encode(text[0])[0]])


def test_what_the_model_does_not_know_has_no_score_and_stops_nothing(model):
    session = Session(Stepper(model), SamplingConfig())
    scores = list(session.scores("", "aZ%b"))
    assert [np.isnan(score) for score in scores] == [False, False, True, False]
    assert len(list(islice(session.go_on("%%%"), 5))) == 5


def test_character_that_becomes_two_in_lower_case_has_one_score():
    model = random_model(characters=ALPHABET + "\u0307", lowercase=True)
    session = Session(Stepper(model), SamplingConfig())
    scores = list(session.scores("", "a\u0130b"))
    separate = list(session.scores("", "ai\u0307b"))
    np.testing.assert_allclose(scores, [separate[0], separate[1] + separate[2], separate[3]])


def test_the_temperature_changes_while_it_writes(model):
    session = Session(Stepper(model), SamplingConfig(temperature=0.3))
    for _ in range(9):
        session.warm(-0.1)
    assert session.config.temperature == 0
    greedy = "".join(generate(Stepper(model), Request("abc", SamplingConfig(length=9, temperature=0))))
    coming = session.go_on("abc")
    assert "".join(character for character, _ in islice(coming, 9)) == greedy
    for _ in range(30):
        session.warm(+0.1)
    assert session.config.temperature == 2
    assert len({character for character, _ in islice(coming, 200)}) > 15
