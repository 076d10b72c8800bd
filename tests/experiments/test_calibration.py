"""The factor of the logits of several networks that are averaged."""

from dataclasses import replace
from pathlib import Path

import pytest

from charlstm.analysis.averaging import averaged_reader
from charlstm.analysis.evaluation import losses_of
from charlstm.config import SamplingConfig
from charlstm.experiments.calibration import fit_logit_scale
from charlstm.generation.generate import Request, generate
from charlstm.generation.load import LoadedModel
from charlstm.generation.stepper import make_stepper
from charlstm.training.calibration import scale_logits
from tests.conftest import random_model


def scaled(model, factor):
    return LoadedModel(Path("model.safetensors"), replace(model, weights=scale_logits(model.weights, factor)))


def sure_model(units):
    model = random_model(units=units)  # other units, other weights
    return replace(model, weights=scale_logits(model.weights, 3.0))


def text_of(model, length):
    sampling = SamplingConfig(length=length, temperature=1.0, random_seed=1)
    return "".join(generate(make_stepper(model), Request("", sampling)))


def nats_with(models, ids, scale):
    reader = averaged_reader([replace(one, logit_scale=scale) for one in models], len(ids))
    logits, _ = reader.read(ids[None, :-1], reader.initial_states())
    return losses_of(logits[0], ids[1:]).nats.mean()


@pytest.mark.parametrize("factor", [0.8, 1.3])
def test_the_factor_undoes_what_the_logits_were_multiplied_by(factor):
    model = sure_model(8)
    ids = model.vocabulary.encode(text_of(model, 6000))
    assert fit_logit_scale([scaled(model, factor)] * 2, ids) == pytest.approx(1 / factor, rel=0.05)


def test_the_average_of_networks_that_err_in_different_places_becomes_surer():
    first, second = sure_model(8), sure_model(10)
    ids = first.vocabulary.encode(text_of(first, 3000) + text_of(second, 3000))
    models = [scaled(first, 1.0), scaled(second, 1.0)]
    scale = fit_logit_scale(models, ids)
    here = nats_with(models, ids, scale)
    assert here <= nats_with(models, ids, 1.0)
    assert here < min(nats_with(models, ids, scale - 0.1), nats_with(models, ids, scale + 0.1))


def test_a_short_text_hardly_moves_the_factor():
    model = sure_model(8)
    ids = model.vocabulary.encode(text_of(model, 12))
    assert fit_logit_scale([scaled(model, 0.5)] * 2, ids) == pytest.approx(1, abs=0.15)
