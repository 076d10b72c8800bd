"""What clamps change in texts."""

import numpy as np
import pytest

from charlstm.analysis.intervention import measure_effect
from charlstm.cells.unit_names import UnitName
from charlstm.cli.display.clamp_effect import effect_lines
from charlstm.config import SamplingConfig
from charlstm.generation.clamps import Clamps
from charlstm.generation.generate import Request
from tests.conftest import random_model


def switch_model():
    """A network that writes `a` and, where its first unit is on, line ends."""
    model = random_model(num_layers=1, units=3, characters="\nab", cell="rnn")
    for weights in model.weights.values():
        weights[:] = 0
    model.weights["output.kernel"][0] = [40, 0, 0]
    model.weights["output.bias"][:] = [0, 20, 0]
    return model


def test_figures_with_and_without_clamps():
    requests = [Request("b", SamplingConfig(length=50, random_seed=seed)) for seed in (1, 2)]
    clamps = Clamps({UnitName(0, 0): 1.0})
    effect = measure_effect(switch_model(), requests, clamps)
    assert (effect.with_clamps.characters, effect.without.characters) == (100, 100)
    assert (effect.with_clamps.line_ends, effect.without.line_ends) == (100, 0)
    assert (effect.with_clamps.words, effect.without.words) == (0, 2)
    assert effect.with_clamps.bits == pytest.approx(20 / np.log(2), rel=1e-4), "surprise of the model without clamps"
    assert effect.without.bits == pytest.approx(0, abs=1e-3)
    assert effect.num_same == 0
    assert effect.changed == (("\n", 1.0, 0.0), ("a", 0.0, 1.0))
    lines = effect_lines(clamps, effect)
    assert lines[0] == "clamped 1:1 = 1: another text than without, from character 1 on"
    assert lines[4].split()[:4] == ["line", "ends", "100.0", "0.0"]
    assert lines[-1].endswith("'\\n' 100.0% (0.0%), 'a' 0.0% (100.0%)")
    assert max(map(len, lines)) <= 80


def test_a_clamp_without_effect_is_said_to_have_none():
    clamps = Clamps({UnitName(0, 1): 1.0})
    effect = measure_effect(switch_model(), [Request("b", SamplingConfig(length=50))], clamps)
    assert effect_lines(clamps, effect) == ["clamped 1:2 = 1: it changed nothing in 50 characters"]
