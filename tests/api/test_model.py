import numpy as np
import pytest

import charlstm
from charlstm.errors import ModelFileError, RunError, SettingError, VocabularyError
from charlstm.generation.generate import PROMPT_CHUNK
from tests.conftest import random_model


@pytest.mark.parametrize("name", [None, "tiny", "runs/tiny", "runs/tiny/model.safetensors"])
def test_a_model_is_found_as_the_command_finds_it(run, name):
    model = charlstm.load(name)
    assert model.path.resolve() == run / "model.safetensors"
    assert (model.config, model.vocabulary) == (random_model().config, random_model().vocabulary)
    assert model.num_parameters == sum(weight.size for weight in model.weights.values())
    assert model.weights["layers.0.kernel"].shape == (5, 4 * 8)


def test_a_path_object_is_accepted(run):
    assert charlstm.load(run).path == run / "model.safetensors"


def test_errors_of_loading(run):
    (run / "broken").write_bytes(b"not a model")
    with pytest.raises(RunError, match="no run or model file 'nowhere'"):
        charlstm.load("nowhere")
    with pytest.raises(ModelFileError):
        charlstm.load(run / "broken")
    with pytest.raises(SettingError, match="`model` is of type int"):
        charlstm.generate(5)  # type: ignore[arg-type]


def test_a_model_is_shown_without_its_weights(run):
    assert len(repr(charlstm.load("tiny"))) < 100


def test_each_row_predicts_the_character_after_it(run):
    model, text = charlstm.load("tiny"), "the cat sat " * (PROMPT_CHUNK // 8)
    log_probabilities = model.log_probabilities(text)
    assert log_probabilities.shape == (len(text), len(model.vocabulary))
    np.testing.assert_allclose(np.exp(log_probabilities).sum(axis=-1), 1)
    targets = model.vocabulary.encode(text)[1:]
    nats = -log_probabilities[np.arange(len(targets)), targets].mean()
    assert nats == pytest.approx(charlstm.evaluate(model, text=text).nats_per_character, rel=1e-5)


def test_a_row_depends_on_the_characters_before_it_alone(run):
    model = charlstm.load("tiny")
    np.testing.assert_allclose(model.logits("the cat")[:3], model.logits("the dog")[:3], rtol=1e-5)


def test_logits_refuse_texts_that_cannot_be_read(run):
    model = charlstm.load("tiny")
    with pytest.raises(VocabularyError, match="é"):
        model.logits("é")
    with pytest.raises(VocabularyError, match="empty"):
        model.log_probabilities("")
