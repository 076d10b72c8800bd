"""Several models as one: every figure follows from the mean of their probabilities."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from charlstm.analysis.adaptation import score_adapted
from charlstm.analysis.averaging import check_same_vocabulary, log_mean, mean_nats
from charlstm.analysis.full_evaluation import EvaluationOptions, evaluate_in_full
from charlstm.analysis.report import evaluate_averaged, evaluate_ids
from charlstm.analysis.reporting import SILENT
from charlstm.config import AdaptationConfig
from charlstm.errors import SettingError
from charlstm.generation.ensemble import Ensemble
from charlstm.generation.load import LoadedModel
from tests.conftest import random_model

TEXT = "the quick brown fox jumps over the lazy dog\n" * 20


def loaded_models(*weights, logit_scale=1.0):
    """Models of different shapes with the same vocabulary."""
    return [
        LoadedModel(
            Path(f"run/member-{index}/model.safetensors"), random_model(units=6 + 2 * index), weight, logit_scale
        )
        for index, weight in enumerate(weights)
    ]


def stepped_nats(models, text):
    """The nats of each character of a text but the first, by the ensemble that generates, a character at a time."""
    scales = [one.logit_scale for one in models]
    ensemble = Ensemble([one.model for one in models], [one.weight for one in models], logit_scales=scales)
    ids, states, nats = ensemble.vocabulary.encode(text), ensemble.initial_states(), []
    for current, target in pairwise(ids):
        log_probabilities, states = ensemble.step(np.array([current]), states)
        nats.append(-log_probabilities[0, target])
    return np.array(nats)


@pytest.mark.parametrize(("weights", "logit_scale"), [((1.0, 1.0, 1.0), 1.0), ((2.0, 1.0), 0.5)])
def test_the_average_is_that_of_generation(weights, logit_scale):
    models = loaded_models(*weights, logit_scale=logit_scale)
    ids = models[0].model.vocabulary.encode(TEXT)
    report, members = evaluate_averaged(models, ids)
    np.testing.assert_allclose(report.losses.nats, stepped_nats(models, TEXT), atol=1e-4)
    alone = [evaluate_ids(one.model, ids) for one in models]
    assert [member.path for member in members] == [one.path for one in models]
    for member, expected in zip(members, alone, strict=True):
        assert member.scores.nats == pytest.approx(expected.scores.nats)
        assert member.scores.correct == expected.scores.correct
    assert report.scores.nats_per_character < mean_nats(members)
    windows = [stepped_nats(models, TEXT[start : start + 257]) for start in range(0, len(TEXT) - 1, 256)]
    assert report.cold.nats == pytest.approx(np.concatenate(windows).sum(), rel=1e-5)
    assert report.cold.characters == len(ids) - 1


def test_the_mean_of_logits_of_any_size():
    logits = [np.array([[0.0, 1.0, -1.0]], np.float32), np.array([[2000.0, 0.0, 0.0]], np.float32)]
    first = np.exp(logits[0]) / np.exp(logits[0]).sum()
    expected = (3 * first + [[1, 0, 0]]) / 4
    np.testing.assert_allclose(np.exp(log_mean(logits, [3, 1], [1, 1])), expected, rtol=1e-6)


def test_models_of_other_characters_are_refused():
    models = [*loaded_models(1.0), LoadedModel(Path("other.safetensors"), random_model(characters="abc"))]
    with pytest.raises(SettingError, match=r"other.safetensors and .* know different characters"):
        check_same_vocabulary(models)


def test_members_stand_in_the_json_of_several_models_only():
    models = loaded_models(1.0, 1.0)
    ids = models[0].model.vocabulary.encode(TEXT)
    figures = evaluate_in_full(models, ids, EvaluationOptions(), text="fox", reporter=SILENT).to_json()
    nats = [member["nats_per_character"] for member in figures["members"]]
    assert figures["members_nats_per_character"] == pytest.approx(np.mean(nats))
    assert figures["nats_per_character"] < min(figures["members_nats_per_character"], max(nats))
    alone = evaluate_in_full(models[:1], ids, EvaluationOptions(), text="fox", reporter=SILENT).to_json()
    assert "members" not in alone


@pytest.mark.tensorflow
def test_each_of_several_models_adapts_by_itself():
    models = loaded_models(1.0, 1.0, logit_scale=1.2)
    ids = models[0].model.vocabulary.encode(TEXT[:301])
    unchanged = score_adapted(models, ids, AdaptationConfig(adapt_rate=0.0)).scores
    assert unchanged.nats == pytest.approx(evaluate_averaged(models, ids)[0].scores.nats, rel=1e-5)
    adapted = score_adapted(models, ids, AdaptationConfig(adapt_rate=0.01)).scores
    twice = [replace(models[0], path=Path(name)) for name in ("a", "b")]
    alone = score_adapted(models[:1], ids, AdaptationConfig(adapt_rate=0.01)).scores
    assert score_adapted(twice, ids, AdaptationConfig(adapt_rate=0.01)).scores.nats == pytest.approx(alone.nats)
    assert adapted.nats < unchanged.nats
