"""The networks that are compared, the text they read, and the settings."""

import numpy as np
import pytest

from charlstm.analysis.gradient_flow import GradientSettings, UntrainedNetworks, compare_gradients, load_networks
from charlstm.config import ModelConfig
from charlstm.errors import CorpusError, SettingError
from charlstm.storage.model_file import save_model
from charlstm.text.corpus import load_corpus
from tests.conftest import random_model


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("The Cat sat on the mat. " * 20)
    return load_corpus([path])


@pytest.mark.parametrize("scale", [-1, 1e6, float("nan")])
def test_recurrent_scales_have_a_range(scale):
    with pytest.raises(SettingError, match=r"`recurrent_scale` is .* 0 or more"):
        GradientSettings(recurrent_scales=(1, scale))


def test_cells_without_a_state_are_refused():
    with pytest.raises(SettingError, match="feedforward has no state"):
        UntrainedNetworks(("rnn", "feedforward"), ModelConfig())


@pytest.mark.parametrize("settings", [{"attention": 4}, {"cell": "feedforward"}])
def test_trained_networks_that_cannot_be_measured_are_refused(tmp_path, settings):
    path = tmp_path / "model.safetensors"
    save_model(path, random_model(**settings))
    with pytest.raises(SettingError):
        load_networks([str(path)])


@pytest.mark.tensorflow
def test_networks_are_named_by_cell_and_scale(corpus):
    networks = UntrainedNetworks(("rnn", "lstm"), ModelConfig(num_layers=1, units=4)).build(corpus_vocabulary(corpus))
    settings = GradientSettings(length=5, recurrent_scales=(0.5, 2))
    results = compare_gradients(networks, corpus, settings, on_warning=pytest.fail)
    assert list(results) == ["rnn x 0.5", "rnn x 2", "lstm x 0.5", "lstm x 2"]
    assert all(norms.characters_back.tolist() == [1, 2, 3, 4, 5] for norms in results.values())


@pytest.mark.tensorflow
def test_a_forget_bias_without_a_forget_gate_is_reported(corpus):
    networks = UntrainedNetworks(("rnn", "gru"), ModelConfig(num_layers=1, units=4)).build(corpus_vocabulary(corpus))
    warnings: list[str] = []
    compare_gradients(networks, corpus, GradientSettings(length=5, forget_bias=5), on_warning=warnings.append)
    assert warnings == ["rnn has no forget gate, so `forget_bias` does not change it"]


@pytest.mark.tensorflow
def test_the_text_is_read_in_the_case_of_the_model(corpus):
    # Without its upper case and full stops, the text would be too short for this length.
    networks = {"lower": random_model(lowercase=True)}
    results = compare_gradients(networks, corpus, GradientSettings(length=205), on_warning=pytest.fail)
    assert np.isfinite(results["lower"].hidden).all()


@pytest.mark.tensorflow
def test_a_text_that_is_too_short_is_refused(corpus):
    networks = {"one": random_model()}
    with pytest.raises(CorpusError, match="characters that the network knows, fewer than 450"):
        compare_gradients(networks, corpus, GradientSettings(length=200), on_warning=pytest.fail)


def corpus_vocabulary(corpus):
    from charlstm.text.vocabulary import Vocabulary

    return Vocabulary(corpus.characters)
