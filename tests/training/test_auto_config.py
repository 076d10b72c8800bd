import itertools

import pytest

from charlstm.cells.shapes import weight_shapes
from charlstm.config import ModelConfig, TrainingConfig
from charlstm.errors import SettingError
from charlstm.training.auto_config import (
    FASTEST,
    PRESETS,
    AutoConfigInputs,
    choose,
    default_time,
    describe,
    expected_training_characters,
    make_configs,
    needs_speed,
    num_shards_for,
    num_weights,
    preset_settings,
)

SIZES = (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
TWO_CORES = 4e11  # operations a second


def situation(num_characters, *, num_cores=2, speed=TWO_CORES):
    return AutoConfigInputs(num_characters, 65, num_cores, speed)


@pytest.mark.parametrize(
    ("num_characters", "num_cores", "max_time"), list(itertools.product(SIZES, (1, 2, 16), (None, 30, 600)))
)
def test_every_situation_gets_valid_settings(num_characters, num_cores, max_time):
    given = {} if max_time is None else {"max_time": max_time}
    settings = choose(situation(num_characters, num_cores=num_cores, speed=2e11 * num_cores), given)
    model, training = make_configs(settings)
    assert isinstance(model, ModelConfig)
    assert isinstance(training, TrainingConfig)
    assert training.num_shards <= num_cores
    assert training.batch_size // training.num_shards >= 8


def test_what_is_given_is_kept():
    given = {"units": 77, "num_layers": 3, "dropout": 0.123, "batch_size": 5, "epochs": 2.5, "learning_rate": 0.5}
    settings = choose(situation(1_000_000), given)
    assert {name: settings[name] for name in given} == given


def test_more_time_gives_a_larger_network_and_more_dropout():
    chosen = [choose(situation(1_000_000), {"max_time": seconds}) for seconds in (30, 110, 240, 1200)]
    units = [settings["units"] for settings in chosen]
    dropout = [settings["dropout"] for settings in chosen]
    assert units == sorted(units)
    assert units[0] < units[-1]
    assert dropout == sorted(dropout)
    assert dropout[0] < dropout[-1]


def test_a_small_text_gets_a_small_network_however_long_it_is_trained():
    units = [choose(situation(size), {"max_time": 86_400})["units"] for size in SIZES]
    assert units == sorted(units)
    assert units[0] <= 128


def test_a_slow_machine_gets_a_smaller_network():
    fast, slow = (choose(situation(10_000_000, speed=speed), {"max_time": 300})["units"] for speed in (1e12, 1e10))
    assert slow < fast


def test_no_network_is_so_small_that_steps_cost_nothing():
    tiny = {"num_layers": 1, "units": 8, "embedding_dim": 8, "max_time": 10.0, "epochs": None}
    assert expected_training_characters(situation(1_000_000), tiny) == 10 * FASTEST


def test_without_a_time_the_run_is_planned_in_epochs():
    settings = choose(situation(1_000_000), {})
    assert settings["max_time"] is None
    assert settings["epochs"] > 1
    assert default_time(10_000) == 60
    assert default_time(10**12) == 1800


@pytest.mark.parametrize("units", [64, 300])
@pytest.mark.parametrize("num_layers", [1, 3])
def test_parameters_are_counted_right(units, num_layers):
    settings = {"num_layers": num_layers, "units": units, "embedding_dim": 32}
    shapes = weight_shapes(ModelConfig(**settings), 65).values()
    total = sum(shape[0] * (shape[1] if len(shape) > 1 else 1) for shape in shapes)
    assert num_weights(65, settings) == total


def test_presets_are_complete_and_known_by_name():
    for name in PRESETS:
        make_configs(choose(situation(1_000_000, speed=None), preset_settings(name) | {"epochs": 1.0}))
    assert preset_settings(None) == {}
    with pytest.raises(SettingError, match="no preset 'huge'") as caught:
        preset_settings("huge")
    assert "medium" in caught.value.hint


def test_the_speed_is_measured_only_if_something_hangs_on_it():
    assert needs_speed({})
    assert needs_speed({"max_time": 60.0})
    assert not needs_speed({"epochs": 3.0})
    assert needs_speed({"max_time": 60.0, "units": 8, "dropout": 0.1})  # recurrent dropout hangs on it, too
    assert not needs_speed({"max_time": 60.0, **preset_settings("small")})


def test_shards_do_not_get_too_narrow():
    assert [num_shards_for(batch_size, 16) for batch_size in (1, 8, 16, 64, 512)] == [1, 1, 2, 8, 16]


def test_the_choice_is_described_with_its_reason():
    place = situation(1_000_000)
    settings = choose(place, {"max_time": 60})
    line = describe(settings, {"max_time": 60}, place)
    assert f"2x{settings['units']} units" in line
    assert "1,000,000 characters" in line
    assert "chosen" not in describe(settings, settings, place)
