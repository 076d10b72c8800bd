"""An ensemble against its members: the mean of their distributions over the union of their vocabularies."""

from dataclasses import replace

import numpy as np
import pytest

from charlstm.config import SamplingConfig
from charlstm.errors import SettingError
from charlstm.generation.ensemble import Ensemble
from charlstm.generation.generate import Request, generate, generate_batch
from charlstm.generation.sampling import softmax
from charlstm.generation.stepper import Stepper
from charlstm.text.vocabulary import Vocabulary
from tests.conftest import random_model


def logits_after(model, text):
    ids = model.vocabulary.encode(text)
    return model.read(ids[None], model.initial_states())[0][0, -1]


def probabilities_after(model, text):
    return softmax(logits_after(Stepper(model), text))


def test_an_ensemble_of_one_model_with_itself_is_the_model(model):
    expected = np.log(probabilities_after(model, "some words"))
    np.testing.assert_allclose(logits_after(Ensemble([model, model], [1, 3]), "some words"), expected, rtol=1e-5)


def test_probabilities_are_the_weighted_mean_over_the_union():
    first, second = random_model(characters="abc", num_layers=1), random_model(characters="bcd", num_layers=2)
    ensemble = Ensemble([first, second], [1, 3])
    assert ensemble.vocabulary.characters == "abcd"
    of_first = np.append(probabilities_after(first, "bcb"), 0)
    of_second = np.append([0], probabilities_after(second, "bcb"))
    mixture = np.exp(logits_after(ensemble, "bcb"))
    np.testing.assert_allclose(mixture, 0.25 * of_first + 0.75 * of_second, rtol=1e-5)


def test_a_member_skips_characters_it_does_not_know():
    first, second = random_model(characters="abc"), random_model(characters="abcd")
    mixture = np.exp(logits_after(Ensemble([first, second], [1, 1]), "abdd"))
    of_first = np.append(probabilities_after(first, "ab"), 0)
    of_second = probabilities_after(second, "abdd")
    np.testing.assert_allclose(mixture, 0.5 * of_first + 0.5 * of_second, rtol=1e-5)


@pytest.mark.parametrize("text", ["abcd", "ddad", "dabb"])
def test_step_and_read_agree(text):
    ensemble = Ensemble([random_model(characters="abc"), random_model(characters="bcd", num_layers=1)], [1, 1])
    states = ensemble.initial_states()
    for character_id in ensemble.vocabulary.encode(text):
        logits, states = ensemble.step(np.array([character_id]), states)
    np.testing.assert_allclose(logits[0], logits_after(ensemble, text), rtol=1e-4)


def test_a_member_reads_an_unknown_case_as_the_other():
    lower, upper = random_model(characters="ab"), random_model(characters="AB")
    mixture = np.exp(logits_after(Ensemble([lower, upper], [1, 1]), "aB"))
    of_lower, of_upper = probabilities_after(lower, "ab"), probabilities_after(upper, "AB")
    np.testing.assert_allclose(mixture, 0.5 * np.concatenate([of_upper, of_lower]), rtol=1e-5)


def test_it_generates_the_characters_of_all_members():
    ensemble = Ensemble([random_model(characters="ab"), random_model(characters="cd")], [1, 1])
    config = SamplingConfig(length=200)
    text = "".join(generate(ensemble, Request("ac", config)))
    assert set(text) == set("abcd")
    samples = generate_batch(ensemble, [Request("ac", config), Request("d", config)])
    assert samples[0].text == text


def test_a_stand_in_is_not_credited_to_the_same_character_of_another_model():
    real = random_model(characters="ab\ufffd")
    vocabulary = Vocabulary("ab\ufffd", unknown="\ufffd")
    with_stand_in = replace(random_model(characters="ab\ufffd", num_layers=1), vocabulary=vocabulary)
    ensemble = Ensemble([real, with_stand_in], [1, 1])
    assert ensemble.vocabulary.characters == "ab\ufffd"
    of_real = probabilities_after(real, "ab")
    of_other = softmax(logits_after(Stepper(with_stand_in), "ab")[:2])
    mixture = np.exp(logits_after(ensemble, "ab"))
    np.testing.assert_allclose(mixture, 0.5 * of_real + 0.5 * np.append(of_other, 0), rtol=1e-5)


def in_form(characters, form):
    return replace(random_model(characters=characters), vocabulary=Vocabulary.from_text(characters, normalize=form))


def test_models_of_different_normal_forms_are_refused():
    with pytest.raises(SettingError, match="different normal forms: nfc, none"):
        Ensemble([in_form("ab\u00e9", "nfc"), in_form("abe\u0301", "none")], [1, 1])
    with pytest.raises(SettingError, match="different normal forms"):
        Ensemble([in_form("ab\ufb01", "nfc"), in_form("abfi", "nfkc")], [1, 1])


def test_texts_that_are_the_same_in_every_form_may_be_mixed():
    assert Ensemble([in_form("ab", "nfc"), in_form("bc\u2019", "nfkc")], [1, 1]).vocabulary.characters == "abc\u2019"
    assert Ensemble([in_form("ae\u0301", "none")] * 2, [1, 1]).vocabulary.normalize == "none"


def test_by_words_one_model_writes_each_word_and_all_read_it():
    lower, upper = random_model(characters=" ab"), random_model(characters=" AB")
    ensemble = Ensemble([lower, upper], [1, 1], mix="words")
    texts = [
        "".join(generate(ensemble, Request("a ", SamplingConfig(length=300, temperature=1, random_seed=seed))))
        for seed in range(3)
    ]
    words = " ".join(texts).split()
    assert {"lower" if word.islower() else "upper" for word in words} == {"lower", "upper"}
    assert all(word.islower() or word.isupper() for word in words)
    assert len(set(texts)) == 3
    batch = generate_batch(ensemble, [Request("a ", SamplingConfig(length=300, temperature=1, random_seed=1))] * 2)
    assert batch[1].text == texts[1]


def test_by_lines_a_model_goes_on_to_the_end_of_its_line():
    ensemble = Ensemble([random_model(characters="\n ab"), random_model(characters="\n AB")], [1, 1], mix="lines")
    text = "".join(generate(ensemble, Request("\n", SamplingConfig(length=600, temperature=1, random_seed=1))))
    lines = [line for line in text.split("\n")[1:] if line.strip()]
    assert all(line.islower() or line.isupper() for line in lines)
    assert {line.islower() for line in lines} == {True, False}


@pytest.mark.parametrize("mix", ["words", "lines"])
def test_what_is_drawn_depends_on_the_text_alone(mix):
    ensemble = Ensemble([random_model(characters="\n ab"), random_model(characters="\n AB")], [1, 3], mix=mix)
    states = ensemble.initial_states()
    for character_id in ensemble.vocabulary.encode("ab A\nB"):
        logits, states = ensemble.step(np.array([character_id]), states)
    np.testing.assert_allclose(logits[0], logits_after(ensemble, "ab A\nB"), rtol=1e-4)


def test_weights_are_the_shares_of_the_words():
    ensemble = Ensemble([random_model(characters=" ab"), random_model(characters=" AB")], [1, 3], mix="words")
    prompts = [f"{a}{b}{c}{d}{e} " for a in "abAB" for b in "abAB" for c in "abAB" for d in "abAB" for e in "abAB"]
    allowed = [np.isfinite(logits_after(ensemble, prompt)[ensemble.vocabulary.encode("A")[0]]) for prompt in prompts]
    assert np.mean(allowed) == pytest.approx(0.75, abs=0.05)


def test_an_unknown_mix_is_refused():
    with pytest.raises(SettingError, match="`mix` is 'both', but it must be one of characters, words, lines"):
        Ensemble([random_model()] * 2, [1, 1], mix="both")
