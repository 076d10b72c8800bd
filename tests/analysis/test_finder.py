"""Which units follow which features: by hand-made traces, and by a comparison of all pairs of places."""

from itertools import pairwise

import numpy as np
import pytest

from charlstm.analysis.features import Feature, find_features
from charlstm.analysis.finder import Unit, find_units
from charlstm.analysis.trace import LayerTrace, Trace, trace_text
from charlstm.cells.registry import CELLS
from charlstm.cells.unit_names import UnitName
from charlstm.errors import CorpusError, SettingError
from charlstm.storage.model_file import Model
from tests.conftest import random_model
from tests.known_text import known_text


def trace_of(output, cell_state=None):
    """A trace of one layer with the given values (characters, units)."""
    ids = np.zeros(len(output), np.int64)
    states = None if cell_state is None else cell_state.astype(np.float32)
    return Trace(ids, np.zeros((len(ids), 1), np.float32), (LayerTrace(output.astype(np.float32), states, {}),))


def noise(length=1000, units=8, seed=0):
    return np.random.default_rng(seed).normal(size=(length, units))


def area_by_pairs(values, flags):
    inside, outside = values[flags][:, None], values[~flags][None]
    return ((inside > outside) + 0.5 * (inside == outside)).mean()


def flags_in_stretches(length=1000, seed=1):
    return np.repeat(np.random.default_rng(seed).random(length // 10) < 0.3, 10)


def test_units_that_follow_a_feature_exactly_are_found():
    flags, numbers = flags_in_stretches(), np.arange(1000.0) % 37
    output, cell_state = noise(), noise(seed=2)
    output[:, 3], cell_state[:, 5] = -1.0 * flags, 2 * numbers - 7
    features = [Feature("flags", flags), Feature("numbers", numbers)]
    found = find_units(trace_of(output, cell_state), "a" * 1000, features)
    first, second = (finding.best[0] for finding in found.found)
    assert (first.unit, first.rises) == (Unit(UnitName(0, 3), "output"), False)
    assert (second.unit, second.rises) == (Unit(UnitName(0, 5), "cell_state"), True)
    assert (first.score, second.score) == pytest.approx((1, 1))
    assert found.num_units == 16
    for finding in found.found:
        assert finding.is_above_chance
        scores = [score.score for score in finding.best]
        assert len(scores) == 5
        assert scores == sorted(scores, reverse=True)
        assert scores[1] < finding.chance + 0.1


@pytest.mark.parametrize("num_values", [2, 5, 1000])
def test_areas_are_those_of_all_pairs_of_places(num_values):
    """Equal values count half."""
    flags = flags_in_stretches()
    values = np.random.default_rng(0).integers(0, num_values, (1000, 4)) + flags[:, None]
    (finding,) = find_units(trace_of(values), "a" * 1000, [Feature("flags", flags)]).found
    for score in finding.best:
        area = area_by_pairs(values[:, score.unit.name.unit], flags)
        assert score.score == pytest.approx(max(area, 1 - area))
        assert score.rises == (area > 0.5)


def test_correlations_are_those_of_numpy():
    numbers = np.random.default_rng(5).random(1000)
    values = noise() - numbers[:, None]
    (finding,) = find_units(trace_of(values), "a" * 1000, [Feature("numbers", numbers)]).found
    for score in finding.best:
        correlation = np.corrcoef(values[:, score.unit.name.unit], numbers)[0, 1]
        assert score.score == pytest.approx(abs(correlation), abs=1e-6)
        assert score.rises == (correlation > 0)


def test_constant_units_and_units_without_numbers_are_left_out():
    flags = flags_in_stretches()
    values = noise(units=4)
    values[:, 0], values[7, 1], values[7, 2] = 0.3, np.nan, np.inf
    found = find_units(trace_of(values), "a" * 1000, [Feature("flags", flags)])
    assert found.num_units == 1
    assert [score.unit.name.unit for score in found.found[0].best] == [3]
    with pytest.raises(SettingError, match="no unit"):
        find_units(trace_of(np.ones((1000, 3))), "a" * 1000, [Feature("flags", flags)])


def test_constant_features_are_left_out_and_named():
    features = [Feature("none", np.zeros(1000, np.bool_)), Feature("all", np.full(1000, 2.0))]
    found = find_units(trace_of(noise()), "a" * 1000, features)
    assert (found.found, [feature.name for feature in found.left_out]) == ((), ["none", "all"])


def test_too_short_texts_are_refused():
    with pytest.raises(CorpusError, match="199 characters"):
        find_units(trace_of(noise(199)), "a" * 199, [])
    assert find_units(trace_of(noise(200)), "a" * 200, [Feature("flag", np.arange(200) < 9)]).found


def test_noise_is_about_as_good_as_chance():
    """Random units and random stretches: the best is above all shuffles about once in 20 times."""
    features = [Feature(str(seed), flags_in_stretches(seed=seed)) for seed in range(2, 42)]
    found = find_units(trace_of(noise(units=32)), "a" * 1000, features).found
    assert sum(finding.is_above_chance for finding in found) <= 8
    assert all(0.5 < finding.chance < 0.7 for finding in found)


def test_lines_of_equal_length_do_not_stay_in_step_when_they_are_shuffled():
    position = np.arange(4000.0) % 50
    found = find_units(trace_of(position[:, None]), "a" * 4000, [Feature("position", position)]).found
    assert found[0].best[0].score == pytest.approx(1)
    assert found[0].chance < 0.7


def test_the_same_findings_each_time():
    arguments = trace_of(noise()), "a" * 1000, [Feature("flags", flags_in_stretches())]
    first, second = find_units(*arguments), find_units(*arguments)
    assert first.found[0].chance == second.found[0].chance


@pytest.mark.parametrize("sign", [1, -1])
def test_passages_are_around_the_extremes_and_apart(sign):
    values = np.zeros((1000, 1))
    peaks = {3: 9, 10: 8, 500: 7, 700: 6, 620: 5, 999: 4}  # 10 is next to 3
    for place, height in peaks.items():
        values[place] = height
    flags = np.isin(np.arange(1000), list(peaks))
    text = "".join(chr(97 + place % 26) for place in range(1000))
    (finding,) = find_units(trace_of(sign * values), text, [Feature("flags", flags)]).found
    assert [passage.peak for passage in finding.passages] == [3, 500, 700, 620, 999]
    for passage in finding.passages:
        assert passage.value == sign * peaks[passage.peak]
        assert text[passage.start :].startswith(passage.text)
        assert len(passage.values) == len(passage.text) <= 61
    places = sorted((passage.start, passage.start + len(passage.text)) for passage in finding.passages)
    assert all(end <= start for (_, end), (start, _) in pairwise(places))


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_can_be_searched(cell):
    model = random_model(cell=cell, characters='abcdefghijklmnopqrstuvwxyz ()"\n')
    text = known_text(300)
    trace = trace_text(model, model.vocabulary.encode(text))
    found = find_units(trace, text, find_features(text))
    arrays = 1 if trace.layers[0].cell_state is None else 2
    assert found.num_units == arrays * model.config.units * model.config.num_layers
    assert {"inside quotes", "inside brackets"} <= {finding.feature.name for finding in found.found}


def test_an_lstm_written_by_hand_is_seen_through():
    """Cell 3 counts the characters of a line; cell 4 is set by an opening bracket and cleared by a closing one."""
    model = random_model(num_layers=1, units=5, embedding_dim=12, characters="\n ()abcdefgh", scale=0)
    weights = {name: array.copy() for name, array in model.weights.items()}
    weights["embedding"] = np.eye(12, dtype=np.float32)
    newline, opening, closing = model.vocabulary.encode("\n()").tolist()
    kernel = weights["layers.0.kernel"].reshape(12, 4, 5)  # gates i, f, c, o
    bias = weights["layers.0.bias"].reshape(4, 5)
    bias[:, 2] = [20, 20, 0.02, 20]
    kernel[newline, 1, 2] = kernel[closing, 1, 3] = -60
    bias[:, 3] = [-20, 20, 0, 20]
    kernel[opening, [0, 2], 3] = 60
    text = "abc (d\nefgh) ab\n(a)\n\nab cdef gh abcd\n" * 10
    trace = trace_text(Model(model.config, model.vocabulary, weights, {}), model.vocabulary.encode(text))
    found = {finding.feature.name: finding.best[0] for finding in find_units(trace, text, find_features(text)).found}
    assert str(found["distance to the last newline"].unit.name) == "1:3"
    assert found["distance to the last newline"].score > 0.99
    assert str(found["inside brackets"].unit.name) == "1:4"
    assert found["inside brackets"].score == pytest.approx(1)
