"""Units whose outputs are fixed, in every cell."""

import numpy as np
import pytest

from charlstm.cells.equations import CellStep
from charlstm.cells.registry import CELLS, get_cell
from charlstm.cells.unit_names import UnitName
from charlstm.config import ModelConfig, SamplingConfig
from charlstm.errors import SettingError
from charlstm.generation.clamps import Clamps
from charlstm.generation.generate import Request, generate
from charlstm.generation.load import LoadedModel, make_language_model
from charlstm.generation.stepper import Stepper, make_stepper
from tests.conftest import random_model

CLAMPS = Clamps({UnitName(0, 2): 0.75, UnitName(0, 5): -1.0, UnitName(1, 0): 0.5})


def random_ids(time):
    return np.random.default_rng(0).integers(0, 28, (3, time))


@pytest.mark.parametrize("cell", CELLS)
def test_the_output_is_fixed_after_every_step(cell):
    model = random_model(cell=cell, num_layers=3)
    stepper = Stepper(model, CLAMPS)
    states = stepper.initial_states(3)
    seen = list[tuple[int, CellStep]]()
    for ids in random_ids(6).T:
        logits, states = stepper.step(ids, states, observe=lambda layer, step: seen.append((layer, step)))
    for layer, step in seen:
        for unit, value in CLAMPS.values.items():
            if unit.layer == layer:
                assert (step.output[:, unit.unit] == value).all()
                if get_cell(cell).is_recurrent:
                    assert (step.states[0][:, unit.unit] == value).all()
    read, read_states = stepper.read(random_ids(6), stepper.initial_states(3))
    np.testing.assert_allclose(read[:, -1], logits, atol=1e-5)
    for found, expected in zip(read_states, states, strict=True):
        for state, expected_state in zip(found, expected, strict=True):
            np.testing.assert_allclose(state, expected_state, atol=1e-5)


def weights_that_read_a_unit(cell):
    """The matrices that multiply the output of the first layer: its own at the next step, and those above."""
    own = {"feedforward": [], "mlstm": ["multiplicative_state"]}
    above = {"mlstm": ["multiplicative_input", "kernel"]}
    names = [f"layers.0.{name}" for name in own.get(cell, ["recurrent_kernel"])]
    return names + [f"layers.1.{name}" for name in above.get(cell, ["kernel"])]


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell != "mogrifier"])  # its gates change what it reads
def test_the_next_step_and_the_layer_above_see_the_fixed_value(cell):
    # A unit that is always 0 is as good as gone: the rows of the weights that read it do not matter.
    settings = {"cell": cell, "residual": False}
    model, changed = random_model(**settings), random_model(**settings)
    for name in weights_that_read_a_unit(cell):
        changed.weights[name][4] = 9
    clamps, ids = Clamps({UnitName(0, 4): 0.0}), random_ids(8)
    expected, found, free = (
        stepper.read(ids, stepper.initial_states(3))[0]
        for stepper in (Stepper(model, clamps), Stepper(changed, clamps), Stepper(changed))
    )
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.abs(free - expected).max() > 1e-3


def test_the_states_of_the_caller_are_not_changed():
    stepper = Stepper(random_model(), CLAMPS)
    states = stepper.initial_states(3)
    _, after = stepper.step(random_ids(1)[:, 0], states)
    assert all((state == 0).all() for layer in states for state in layer)
    assert after[0][0] is not states[0][0]


@pytest.mark.parametrize("settings", [{}, {"attention": 4}, {"window": 5}, {"cell": "feedforward"}])
def test_clamps_change_what_is_generated_and_run_in_numpy(settings):
    model = random_model(scale=1.5, **settings)
    request = Request("once", SamplingConfig(length=60))
    clamped = make_stepper(model, Clamps({UnitName(1, 3): 3.0}))
    assert clamped.compiled() is clamped
    text, free = ("".join(generate(stepper, request)) for stepper in (clamped, make_stepper(model)))
    assert text != free
    assert text == "".join(generate(make_stepper(model, Clamps({UnitName(1, 3): 3.0})), request))


def test_clamps_are_parsed():
    config = ModelConfig(num_layers=2, units=200)
    clamps = Clamps.parse(["2:117=1.0", "1:1=-.5"], config)
    assert clamps.values == {(1, 116): 1.0, (0, 0): -0.5}
    assert str(clamps) == "2:117 = 1, 1:1 = -0.5"


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["2:117"], "`clamp` is '2:117', but it must be a unit and a number"),
        (["2:117=high"], "a unit and a number"),
        (["2:117=nan"], "a unit and a number"),
        (["=1"], "`clamp` is '', but it must be a layer and a unit"),
        (["117=1"], "a layer and a unit"),
        (["2:201=1"], "`clamp` is 2:201, but the layers have 200 units"),
        (["3:1=1"], "there is no layer 3"),
        (["1:1=inf"], "from -100 to 100"),
        (["1:1=1", "1:1=0"], "names unit 1:1 twice"),
    ],
)
def test_other_clamps_are_refused(texts, message):
    with pytest.raises(SettingError, match=message):
        Clamps.parse(texts, ModelConfig(num_layers=2, units=200))


def test_several_models_are_refused(tmp_path):
    models = [LoadedModel(tmp_path, random_model())] * 2
    with pytest.raises(SettingError, match="`clamp` is for one network"):
        make_language_model(models, clamps=CLAMPS)
