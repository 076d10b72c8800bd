from dataclasses import replace
from itertools import islice

import numpy as np

from charlstm.config import SamplingConfig
from charlstm.generation.generate import Request, generate
from charlstm.generation.sampling import softmax
from charlstm.generation.session import Session
from charlstm.generation.stepper import Stepper
from charlstm.text.vocabulary import Vocabulary
from tests.conftest import ALPHABET, random_model


def continuation(session, before, length):
    return "".join(character for character, _ in islice(session.continue_from(before), length))


def test_continuation_is_what_generate_gives_until_reseeded(model):
    config = SamplingConfig(length=30, random_seed=4, repetition_penalty=1.2)
    session = Session(Stepper(model), config)
    text = continuation(session, "some words", 30)
    assert text == "".join(generate(Stepper(model), Request("some words", config)))
    session.reseed()
    assert text != continuation(session, "some words", 30)


def test_typed_and_generated_characters_have_the_same_scores(model):
    session = Session(Stepper(model), SamplingConfig())
    sampled = list(islice(session.continue_from("abc"), 20))
    text = "".join(character for character, _ in sampled)
    scores = list(session.scores("abc", text))
    np.testing.assert_allclose(scores, [score for _, score in sampled], rtol=1e-4)
    stepper = Stepper(model)
    logits, _ = stepper.read(model.vocabulary.encode("abc")[None], stepper.initial_states())
    assert np.isclose(scores[0], np.log(softmax(logits[0, -1:]))[0, model.vocabulary.encode(text[0])[0]])


def test_unknown_character_has_no_score_and_is_skipped(model):
    session = Session(Stepper(model), SamplingConfig())
    scores = list(session.scores("", "aZ%b"))
    assert [np.isnan(score) for score in scores] == [False, False, True, False]
    assert len(list(islice(session.continue_from("%%%"), 5))) == 5


def test_character_that_becomes_two_in_lower_case_has_one_score():
    model = random_model(characters=ALPHABET + "\u0307", lowercase=True)
    session = Session(Stepper(model), SamplingConfig())
    scores = list(session.scores("", "a\u0130b"))
    separate = list(session.scores("", "ai\u0307b"))
    np.testing.assert_allclose(scores, [separate[0], separate[1] + separate[2], separate[3]])


def test_temperature_changes_during_a_continuation(model):
    session = Session(Stepper(model), SamplingConfig(temperature=0.3))
    for _ in range(9):
        session.change_temperature(-0.1)
    assert session.config.temperature == 0
    greedy = "".join(generate(Stepper(model), Request("abc", SamplingConfig(length=9, temperature=0))))
    characters = session.continue_from("abc")
    assert "".join(character for character, _ in islice(characters, 9)) == greedy
    for _ in range(30):
        session.change_temperature(+0.1)
    assert session.config.temperature == 2
    assert len({character for character, _ in islice(characters, 200)}) > 15


def test_a_letter_and_its_marks_have_the_score_of_the_letter_that_they_are():
    session = Session(Stepper(random_model(characters=ALPHABET + "\u00e9")), SamplingConfig())
    composed = list(session.scores("ab", "c\u00e9d"))
    decomposed = list(session.scores("ab", "ce\u0301d"))
    np.testing.assert_allclose(decomposed, [composed[0], composed[1], 0.0, composed[2]])
    parts = [*session.scores("ab", "ce"), *session.scores("abce", "\u0301d")]  # as it is typed
    assert parts[2] == 0
    np.testing.assert_allclose(parts[3], decomposed[3], rtol=1e-5)


def test_a_decomposed_model_scores_a_composed_letter_as_its_parts():
    characters = ALPHABET + "\u0301"
    model = replace(random_model(characters=characters), vocabulary=Vocabulary.from_text(characters, normalize="none"))
    session = Session(Stepper(model), SamplingConfig())
    separate = list(session.scores("ab", "e\u0301d"))
    np.testing.assert_allclose(list(session.scores("ab", "\u00e9d")), [separate[0] + separate[1], separate[2]])
