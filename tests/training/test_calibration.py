"""The factor of the logits that suits the validation text."""

import json
from dataclasses import replace

import numpy as np
import pytest

from charlstm.storage.model_file import load_model
from charlstm.training.calibration import (
    MAX_LOGIT_SCALE,
    MIN_LOGIT_SCALE,
    ScaleDerivatives,
    next_logit_scale,
    scale_logits,
)

VOCABULARY_SIZE = 30


def loss_and_derivatives(logits, targets, scale):
    """Return the summed loss of logits times `scale` in float64, and what training derives of it."""
    scaled = scale * logits
    log_probabilities = scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))
    probabilities = np.exp(log_probabilities)
    losses = -log_probabilities[np.arange(len(targets)), targets]
    entropies = -(probabilities * log_probabilities).sum(axis=1)
    variances = (probabilities * log_probabilities**2).sum(axis=1) - entropies**2
    return losses.sum(), ScaleDerivatives((losses - entropies).sum(), variances.sum())


def overconfident_logits(count, *, factor):
    """Return logits, and targets drawn from what they predict when they are divided by `factor`."""
    rng = np.random.default_rng(0)
    true_logits = 2 * rng.standard_normal((count, VOCABULARY_SIZE))
    targets = np.argmax(true_logits + rng.gumbel(size=true_logits.shape), axis=1)
    return factor * true_logits, targets


def test_the_derivatives_are_those_of_the_loss_by_the_factor():
    logits, targets = overconfident_logits(200, factor=1.3)
    scale, small = 0.9, 1e-4
    before, here, after = (loss_and_derivatives(logits, targets, scale + offset)[0] for offset in (-small, 0.0, small))
    derivatives = loss_and_derivatives(logits, targets, scale)[1]
    assert derivatives.first / scale == pytest.approx((after - before) / (2 * small), rel=1e-6)
    assert derivatives.second / scale**2 == pytest.approx((after - 2 * here + before) / small**2, rel=1e-4)


@pytest.mark.parametrize("factor", [0.7, 1.0, 1.5])
def test_a_few_evaluations_find_the_factor_that_the_logits_need(factor):
    logits, targets = overconfident_logits(20_000, factor=factor)
    scale = 1.0
    for _ in range(5):
        scale = next_logit_scale(scale, loss_and_derivatives(logits, targets, scale)[1])
    assert scale == pytest.approx(1 / factor, rel=0.03)


def test_a_short_text_hardly_moves_the_factor():
    surprise = ScaleDerivatives(first=20.0, second=15.0)  # of ten characters
    assert 0.9 < next_logit_scale(1.0, surprise) < 1.0


@pytest.mark.parametrize("first", [-1e9, 1e9])
def test_no_text_moves_it_beyond_its_limits(first):
    scale = 1.0
    for _ in range(9):
        scale = next_logit_scale(scale, ScaleDerivatives(first=first, second=0.0))
    assert scale == (MAX_LOGIT_SCALE if first < 0 else MIN_LOGIT_SCALE)


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_derivatives_that_are_no_numbers_change_nothing(number):
    assert next_logit_scale(0.8, ScaleDerivatives(first=1.0, second=number)) == 0.8


def test_only_the_output_layer_is_scaled():
    weights = {name: np.ones(2, np.float32) for name in ("embedding", "output.kernel", "output.bias")}
    scaled = scale_logits(weights, 0.5)
    assert {name: array.tolist() for name, array in scaled.items()} == {
        "embedding": [1, 1],
        "output.kernel": [0.5, 0.5],
        "output.bias": [0.5, 0.5],
    }
    assert scaled["output.kernel"].dtype == np.float32


@pytest.mark.tensorflow
def test_a_trainer_evaluates_with_the_factor():
    from charlstm.analysis.evaluation_streams import evaluation_streams
    from tests.training.test_train_step import VOCABULARY_SIZE as SIZE
    from tests.training.test_train_step import train

    streams = evaluation_streams(np.random.default_rng(1).integers(0, SIZE, 1500))
    trainer, _ = train(3)
    scale, small = 0.8, 0.01
    before, here, after = (
        trainer.evaluate(streams, logit_scale=scale + offset)[0].nats for offset in (-small, 0.0, small)
    )
    scores, derivatives = trainer.evaluate(streams, logit_scale=scale)
    assert derivatives.first / scale == pytest.approx((after - before) / (2 * small), rel=0.01, abs=0.1)
    assert scores.nats == here
    trainer.network.set_named_weights(scale_logits(trainer.network.get_named_weights(), scale))
    assert trainer.evaluate(streams)[0].nats == pytest.approx(here, rel=1e-6)


@pytest.mark.tensorflow
def test_calibration_mends_a_network_that_learns_by_heart(tmp_path):
    from tests.training.small_runs import SHORT, Recorder, make_run

    noise = "".join(np.random.default_rng(0).choice([*"abcdefghij"], 900))
    config = replace(SHORT, epochs=30, dropout=0.0, validation=0.5)
    results = {}
    for calibration in (False, True):
        run = make_run(tmp_path / str(calibration), replace(config, calibration=calibration), noise)
        results[calibration] = run.run(Recorder())
        scales = [json.loads(line)["logit_scale"] for line in run.folder.history.read_text().splitlines()]
        assert scales[0] == 1
        assert (scales[-1] < 0.9) == calibration
        model = load_model(run.folder.model)
        assert model.training["logit_scale"] == results[calibration].best.logit_scale
    plain, calibrated = (results[calibration].history[-1].validation for calibration in (False, True))
    assert calibrated.accuracy == plain.accuracy
    assert calibrated.nats_per_character < plain.nats_per_character - 0.5
