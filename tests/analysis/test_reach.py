"""How strongly earlier characters move a prediction: against differences of the equations in float64."""

import numpy as np
import pytest

from charlstm.analysis.reach import Reach, measure_reach
from charlstm.cells.registry import CELLS, get_cell
from charlstm.errors import SettingError
from tests.analysis.float64 import run_in_float64
from tests.conftest import random_model

RECURRENT = [cell for cell in CELLS if get_cell(cell).is_recurrent]
STEP = 1e-6


def log_probabilities(model, embedded):
    """ln p of every character after embedded ones (characters, streams, width), from the equations in float64."""
    _, logits = run_in_float64(model, embedded)
    return logits[-1] - np.log(np.exp(logits[-1]).sum(axis=1, keepdims=True))


def differences(model, ids, target, back):
    """The norm of the gradient of ln p of a target with respect to the embedding of a character, by differences."""
    embedded = model.weights["embedding"].astype(np.float64)[ids]
    width = embedded.shape[1]
    moved = np.repeat(embedded[:, None], 2 * width, axis=1)
    for feature in range(width):
        moved[-back, 2 * feature, feature] += STEP
        moved[-back, 2 * feature + 1, feature] -= STEP
    values = log_probabilities(model, moved)[:, target]
    return np.linalg.norm((values[::2] - values[1::2]) / (2 * STEP))


def random_ids(model, length):
    return np.random.default_rng(0).integers(0, len(model.vocabulary), length)


@pytest.mark.parametrize("cell", RECURRENT)
def test_reach_equals_differences_in_float64(cell):
    model = random_model(cell=cell, units=8, num_layers=3)
    ids = random_ids(model, 30)
    reach = measure_reach(model, ids, first=25, last=27, length=12)
    for row, place in enumerate((25, 26, 27)):
        expected = log_probabilities(model, model.weights["embedding"].astype(np.float64)[ids[:place], None])[0]
        assert reach.targets[row] == expected.argmax()
        assert reach.log_probabilities[row] == pytest.approx(expected.max(), abs=1e-5)
        norms = [differences(model, ids[:place], reach.targets[row], back) for back in range(1, 13)]
        np.testing.assert_allclose(reach.norms[row], norms, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(("cell", "window"), [("lstm", 4), ("lstm", 40), ("gru", 12), ("grid", 7)])
def test_reach_through_attention_equals_differences_in_float64(cell, window):
    model = random_model(cell=cell, units=8, num_layers=2, attention=window)
    ids = random_ids(model, 30)
    reach = measure_reach(model, ids, first=20, last=27, length=15)
    for row, place in ((0, 20), (7, 27)):
        expected = log_probabilities(model, model.weights["embedding"].astype(np.float64)[ids[:place], None])[0]
        assert reach.log_probabilities[row] == pytest.approx(expected.max(), abs=1e-5)
        norms = [differences(model, ids[:place], reach.targets[row], back) for back in range(1, 16)]
        np.testing.assert_allclose(reach.norms[row], norms, rtol=1e-3, atol=1e-6)


def test_attention_reaches_back_where_the_states_do_not():
    model = random_model(cell="rnn", units=8, num_layers=1, attention=50)
    model.weights["layers.0.recurrent_kernel"][:] *= 1e-6
    norms = measure_reach(model, random_ids(model, 60), first=60).norms[0]
    assert norms[:51].min() > 1e-6
    assert norms[51:].max() < 1e-7


@pytest.mark.parametrize("residual", [True, False])
def test_reach_of_a_chosen_character(residual):
    model = random_model(units=8, num_layers=2, residual=residual)
    ids = random_ids(model, 20)
    reach = measure_reach(model, ids, first=20, length=5, targets=np.array([3]))
    assert reach.targets.tolist() == [3]
    norms = [differences(model, ids, 3, back) for back in range(1, 6)]
    np.testing.assert_allclose(reach.norms[0], norms, rtol=1e-3)


def test_all_places_in_blocks_are_those_of_each_place_alone(monkeypatch):
    model = random_model()
    ids = random_ids(model, 40)
    monkeypatch.setattr("charlstm.analysis.reach.BLOCK", 7)
    together = measure_reach(model, ids, length=10)
    assert together.places.tolist() == list(range(1, 41))
    for place in (1, 5, 7, 8, 23, 40):
        alone = measure_reach(model, ids, first=place, last=place, length=10)
        np.testing.assert_allclose(together.norms[place - 1], alone.norms[0], rtol=1e-4)
        assert np.isnan(alone.norms[0]).sum() == max(0, 10 - place)


def test_an_exploding_gradient_stays_a_number():
    model = random_model(cell="rnn", units=8, num_layers=1)
    for name in ("embedding", "layers.0.bias"):
        model.weights[name][:] = 0
    model.weights["layers.0.kernel"][:] = np.eye(5, 8)
    model.weights["layers.0.recurrent_kernel"][:] = 20 * np.eye(8)
    reach = measure_reach(model, np.zeros(60, int), first=60)
    ratios = reach.norms[0, 1:] / reach.norms[0, :-1]
    np.testing.assert_allclose(ratios, 20, rtol=1e-4)
    assert reach.norms[0, -1] > 1e70


def test_shares_and_half_of_the_reach():
    norms = np.array([[4.0, 3.0, 2.0, 1.0], [1.0, np.nan, np.nan, np.nan], [0.0, 0.0, 0.0, 0.0]])
    reach = Reach(np.array([5, 1, 9]), np.zeros(3, int), np.zeros(3, np.float32), norms)
    np.testing.assert_allclose(reach.shares[0], [0.4, 0.3, 0.2, 0.1])
    assert reach.half_distances.tolist()[:2] == [2, 1]
    assert reach.shares[2].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("place", [0, 41, -1])
def test_a_place_out_of_the_text_is_refused(place):
    model = random_model()
    with pytest.raises(SettingError, match=f"the text has predictions 1 to 40, none at {place}"):
        measure_reach(model, random_ids(model, 40), first=place, last=place)


@pytest.mark.parametrize("settings", [{"cell": "feedforward"}, {"window": 5}])
def test_networks_whose_gradient_is_not_measured_are_refused(settings):
    model = random_model(**settings)
    with pytest.raises(SettingError, match="is not measured"):
        measure_reach(model, random_ids(model, 40))
