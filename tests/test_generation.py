import numpy as np
import pytest

from charlstm.config import SamplingConfig
from charlstm.errors import VocabularyError
from charlstm.generation import READ_AT_ONCE, generate
from charlstm.modelfile import Model
from charlstm.stepper import Stepper
from tests.conftest import ALPHABET, random_model


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
    assert "".join(generate(speller("macbeth"), "m", config)) == "acbethmac"


@pytest.mark.parametrize("length", [1, 2, 300])
def test_the_length_is_kept(model, length):
    assert len("".join(generate(model, "abc", SamplingConfig(length=length)))) == length


def test_the_same_random_seed_gives_the_same_text(model):
    def text(random_seed):
        return "".join(generate(model, "abc", SamplingConfig(length=300, random_seed=random_seed)))

    assert text(7) == text(7)
    assert text(7) != text(8)


def test_the_whole_seed_text_is_read_piece_by_piece(model):
    seed_text = "the same words " * 100
    assert len(seed_text) > READ_AT_ONCE
    stepper = Stepper(model)
    states = stepper.initial_states()
    for character in seed_text:
        logits, states = stepper.step(model.vocabulary.encode(character), states)
    greedy = SamplingConfig(length=1, temperature=0)
    assert "".join(generate(model, seed_text, greedy)) == model.vocabulary.decode(logits.argmax(axis=-1))


def test_without_a_seed_text_it_starts_as_after_a_line_end(model):
    config = SamplingConfig(length=40)
    assert "".join(generate(model, "", config)) == "".join(generate(model, "\n", config))


def test_an_unknown_character_is_refused_before_the_first_is_written(model):
    with pytest.raises(VocabularyError, match="U\\+00E9"):
        generate(model, "caf\u00e9", SamplingConfig())
