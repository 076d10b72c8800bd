import itertools
import math
from dataclasses import replace

import pytest

from charlstm.cells.registry import CELLS
from charlstm.cells.shapes import weight_shapes
from charlstm.config import ModelConfig, TrainingConfig
from charlstm.training.auto_config import (
    MAX_CHARACTERS_PER_SECOND,
    MIN_STEPS_PER_EPOCH,
    AutoConfigInputs,
    DropoutRule,
    choose_settings,
    count_parameters,
    default_max_time,
    expected_training_characters,
    make_configs,
    needs_throughput,
    num_shards_for,
)
from charlstm.training.described_settings import describe_choice, describe_settings
from charlstm.training.overrides import Overrides
from charlstm.training.presets import preset_settings
from charlstm.training.schedule import network_ends

TEXT_SIZES = (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
TWO_CORES = 4e11  # floating-point operations per second


def inputs_for(num_characters, *, num_cores=2, throughput=TWO_CORES):
    return AutoConfigInputs(num_characters, 65, num_cores, throughput)


@pytest.mark.parametrize(
    ("num_characters", "num_cores", "max_time"), list(itertools.product(TEXT_SIZES, (1, 2, 16, 64), (None, 30, 600)))
)
def test_chosen_settings_are_valid(num_characters, num_cores, max_time):
    overrides = {} if max_time is None else {"max_time": max_time}
    inputs = inputs_for(num_characters, num_cores=num_cores, throughput=2e11 * num_cores)
    model, training = make_configs(choose_settings(inputs, overrides))
    assert isinstance(model, ModelConfig)
    assert isinstance(training, TrainingConfig)
    assert training.num_shards <= num_cores
    assert training.batch_size // training.num_shards >= 8


def test_overrides_are_kept():
    overrides = {"units": 77, "num_layers": 3, "dropout": 0.123, "batch_size": 5, "epochs": 2.5, "learning_rate": 0.5}
    settings = choose_settings(inputs_for(1_000_000), overrides)
    assert {name: settings[name] for name in overrides} == overrides


def test_a_network_far_smaller_than_the_text_allows_gets_less_dropout():
    inputs = inputs_for(100_000)
    small, large = (
        choose_settings(inputs, {"num_layers": layers, "units": units, "epochs": 120})
        for layers, units in ((1, 128), (2, 320))
    )
    assert (large["dropout"], large["recurrent_dropout"]) == (0.45, 0.5)
    assert small["dropout"] == pytest.approx(0.31, abs=0.01)
    assert small["recurrent_dropout"] == pytest.approx(0.25, abs=0.01)


def test_dropout_grows_with_every_doubling_of_the_epochs_within_limits():
    rule = DropoutRule(epochs=3.0, growth=0.08, recurrent_epochs=8.0, recurrent_growth=0.15)
    assert [rule.dropout(epochs) for epochs in (0.5, 2, 3, 6, 12, 39, 1000)] == [0, 0.1, 0.1, 0.18, 0.26, 0.4, 0.45]
    assert [rule.recurrent_dropout(epochs, 320) for epochs in (4, 8, 16, 32, 1000)] == [0, 0, 0.15, 0.3, 0.5]
    assert rule.recurrent_dropout(16, 1280) == 0.3  # with the square root of the width


def test_the_size_chosen_for_the_time_does_not_lower_dropout():
    for num_characters, seconds in itertools.product((20_000, 100_000, 1_000_000), (30, 120, 1200)):
        inputs = inputs_for(num_characters)
        settings = choose_settings(inputs, {"max_time": seconds})
        epochs = expected_training_characters(inputs, settings) / num_characters
        wider = choose_settings(inputs, {"units": 1024, "epochs": epochs})
        assert settings["dropout"] == wider["dropout"]


def test_more_time_gives_a_larger_network_and_more_dropout():
    chosen = [choose_settings(inputs_for(1_000_000), {"max_time": seconds}) for seconds in (30, 110, 240, 1200)]
    units = [settings["units"] for settings in chosen]
    dropout = [settings["dropout"] for settings in chosen]
    assert units == sorted(units)
    assert units[0] < units[-1]
    assert dropout == sorted(dropout)
    assert dropout[0] < dropout[-1]


def test_a_small_text_gets_a_small_network_however_long_the_run():
    units = [choose_settings(inputs_for(size), {"max_time": 86_400})["units"] for size in TEXT_SIZES]
    assert units == sorted(units)
    assert units[0] <= 128


def test_a_text_that_is_read_again_and_again_gets_a_larger_network_than_new_text():
    read_again, new = (
        choose_settings(inputs_for(size, throughput=6.3e11), {"max_time": 60}) for size in (1_000_000, 2_000_000)
    )
    assert read_again["units"] > new["units"]


def test_a_slow_machine_gets_a_smaller_network():
    fast, slow = (
        choose_settings(inputs_for(10_000_000, throughput=throughput), {"max_time": 300})["units"]
        for throughput in (1e12, 1e10)
    )
    assert slow < fast


BATCH_SIZES = [  # characters, then the batch sizes of 1, 2, 3 and 4 cores
    (1_000, [16, 16, 24, 32]),
    (10_000, [16, 16, 24, 32]),
    (299_999, [16, 16, 24, 32]),
    (300_000, [32, 32, 32, 32]),
    (100_000_000, [32, 32, 32, 32]),
]


@pytest.mark.parametrize(("num_characters", "expected"), BATCH_SIZES)
def test_up_to_four_cores_get_eight_rows_each_for_any_text(num_characters, expected):
    overrides = {"epochs": 0.1}
    sizes = [
        choose_settings(inputs_for(num_characters, num_cores=cores), overrides)["batch_size"] for cores in (1, 2, 3, 4)
    ]
    assert sizes == expected


@pytest.mark.parametrize("num_cores", [8, 64, 256])
@pytest.mark.parametrize("num_characters", TEXT_SIZES)
def test_many_cores_leave_enough_steps_per_epoch(num_characters, num_cores):
    settings = choose_settings(inputs_for(num_characters, num_cores=num_cores), {"epochs": 0.1})
    steps_per_epoch = num_characters / (settings["batch_size"] * settings["sequence_length"])
    assert settings["batch_size"] == 32 or steps_per_epoch >= MIN_STEPS_PER_EPOCH
    assert settings["batch_size"] <= 8 * num_cores
    assert settings["num_shards"] == min(num_cores, settings["batch_size"] // 8)


def test_a_large_text_keeps_many_cores_busy():
    settings = choose_settings(inputs_for(10_000_000, num_cores=64), {"epochs": 1})
    assert (settings["batch_size"], settings["num_shards"]) == (512, 64)


def test_a_tiny_network_does_not_train_arbitrarily_fast():
    tiny = {"num_layers": 1, "units": 8, "embedding_dim": 8, "max_time": 10.0, "epochs": None}
    assert expected_training_characters(inputs_for(1_000_000), tiny) == 10 * MAX_CHARACTERS_PER_SECOND


def test_the_shorter_one_of_epochs_and_time_decides():
    inputs = inputs_for(1_000_000)
    by_time, by_epochs = ({"max_time": 60.0}, {"epochs": 1.0})
    names = ("units", "dropout", "recurrent_dropout", "batch_size")
    for shorter, longer in ((by_time, {"epochs": 100.0}), (by_epochs, {"max_time": 1e6})):
        both, alone = choose_settings(inputs, shorter | longer), choose_settings(inputs, shorter)
        assert [both[name] for name in names] == [alone[name] for name in names]


def test_without_a_time_the_run_is_planned_in_epochs():
    settings = choose_settings(inputs_for(1_000_000), {})
    assert settings["max_time"] is None
    assert settings["epochs"] > 1
    assert default_max_time(10_000) == 60
    assert default_max_time(10**12) == 1800


@pytest.mark.parametrize("units", [64, 300])
@pytest.mark.parametrize("num_layers", [1, 3])
def test_parameters_are_counted_from_the_weight_shapes(units, num_layers):
    settings = {"num_layers": num_layers, "units": units, "embedding_dim": 32}
    shapes = weight_shapes(ModelConfig(**settings), 65).values()
    assert count_parameters(settings, 65) == sum(math.prod(shape) for shape in shapes)


def test_throughput_is_measured_only_if_a_choice_depends_on_it():
    assert needs_throughput({})
    assert needs_throughput({"max_time": 60.0})
    assert not needs_throughput({"epochs": 3.0})
    assert needs_throughput({"epochs": 3.0, "max_time": 60.0})
    assert not needs_throughput({"epochs": 3.0, "max_time": 60.0, **preset_settings("small")})
    assert needs_throughput({"max_time": 60.0, "units": 8, "dropout": 0.1})  # recurrent dropout depends on it
    assert not needs_throughput({"max_time": 60.0, **preset_settings("small")})


def test_several_teachers_are_chosen_where_they_have_the_time_for_the_largest_network():
    inputs = replace(inputs_for(1_000_000), may_have_teachers=True)

    def teachers(inputs=inputs, **overrides):
        return choose_settings(inputs, overrides)["teachers"]

    assert [teachers(max_time=60.0 * minutes) for minutes in (1, 4, 20, 60)] == [0, 0, 3, 5]
    counts = [teachers(max_time=60.0 * minutes) for minutes in range(1, 60)]
    assert set(counts) == {0, 2, 3, 5}
    assert counts == sorted(counts)
    assert teachers(max_time=3600.0, teachers=2) == 2
    assert teachers(max_time=3600.0, num_layers=1, units=128) == 0  # a larger network would learn more
    assert teachers(replace(inputs, num_characters=100_000_000), max_time=3600.0) == 0  # and more of the text
    assert teachers(max_time=3600.0, teachers=0) == 0
    assert teachers(epochs=100.0) == teachers(max_time=3600.0, epochs=100.0) == 0
    assert teachers(max_time=36_000.0, window=50, units=64) == teachers(max_time=36_000.0, attention=64) == 0
    assert teachers(inputs_for(1_000_000), max_time=3600.0) == 0
    assert teachers(replace(inputs, throughput=None), max_time=3600.0) == 0
    assert teachers(replace(inputs, vocabulary_size=5000), max_time=36_000.0) == 0  # too many probabilities
    assert teachers(max_time=3600.0, **preset_settings("small")) == 0


def test_a_short_run_has_no_teachers_however_small_the_text():
    inputs = replace(inputs_for(300), may_have_teachers=True)
    assert [choose_settings(inputs, {"max_time": time})["teachers"] > 0 for time in (5.0, 59.0, 60.0)] == [0, 0, 1]


@pytest.mark.parametrize("cell", CELLS)
def test_what_is_chosen_for_a_cell_may_also_be_given(cell):
    settings = choose_settings(inputs_for(100_000), {"cell": cell, "epochs": 100.0})
    assert Overrides(settings).settings["recurrent_dropout"] == settings["recurrent_dropout"]
    assert (settings["recurrent_dropout"] > 0) == (cell not in ("feedforward", "echo-state"))


def test_the_epochs_of_a_few_characters_are_bounded():
    make_configs(choose_settings(inputs_for(10), {}))


def test_a_teacher_is_chosen_for_its_part_of_the_time():
    inputs = inputs_for(1_000_000)
    part = network_ends(3)[0]
    alone = choose_settings(inputs, {"max_time": 3600.0 * part})
    teacher = choose_settings(inputs, {"max_time": 3600.0, "teachers": 3})
    same = ("units", "dropout", "recurrent_dropout", "batch_size", "learning_rate")
    assert {name: teacher[name] for name in same} == {name: alone[name] for name in same}


def test_throughput_is_measured_for_the_choice_of_teachers_alone():
    fixed = {"max_time": 60.0, "units": 8, "dropout": 0.1, "recurrent_dropout": 0.0, "batch_size": 16}
    assert not needs_throughput(fixed)
    assert needs_throughput(fixed, may_have_teachers=True)
    assert not needs_throughput({**fixed, "teachers": 0}, may_have_teachers=True)
    assert not needs_throughput({"epochs": 3.0}, may_have_teachers=True)


def test_shards_have_at_least_eight_rows():
    assert [num_shards_for(batch_size, 16) for batch_size in (1, 8, 16, 64, 512)] == [1, 1, 2, 8, 16]


def test_settings_are_described_with_what_they_were_chosen_for():
    inputs = inputs_for(1_000_000)
    settings = choose_settings(inputs, {"max_time": 60})
    line = describe_settings(settings, {"max_time": 60}, inputs)
    assert f"2x{settings['units']} units" in line
    assert line.endswith(
        "1m; `max_time` fixed, the rest chosen for 1,000,000 characters and the best speed of this machine"
    )
    assert "best speed" in describe_settings(choose_settings(inputs, {}), {}, inputs)
    assert "best speed" not in describe_settings(choose_settings(inputs, {"epochs": 3.0}), {"epochs": 3.0}, inputs)
    assert "chosen" not in describe_settings(settings, settings, inputs)


def test_a_description_without_a_throughput_promises_no_number_of_epochs():
    overrides = {"units": 64, "dropout": 0.1, "recurrent_dropout": 0.0, "batch_size": 16, "max_time": 60.0}
    assert not needs_throughput(overrides)
    inputs = inputs_for(100_000, throughput=None)
    line = describe_settings(choose_settings(inputs, overrides), overrides, inputs)
    fixed = "`units`, `dropout`, `recurrent_dropout`, `batch_size`, `max_time` fixed"
    assert line.endswith(f"1m; {fixed}, the rest chosen for 100,000 characters")
    assert "inf" not in line


def test_the_choice_is_said_as_it_is_given_again():
    fixed = {"units": 64, "dropout": 0.25}
    settings = choose_settings(inputs_for(100_000), fixed) | {"precision": "float32"}
    given = dict(
        pair.split() for pair in describe_choice(settings, fixed).split(": ")[1].replace(" `", "|`").split("|")
    )
    assert given.keys() == {
        f"`{name}`"
        for name in ("epochs", "recurrent_dropout", "batch_size", "learning_rate", "precision", "num_shards")
    }
    assert float(given["`epochs`"]) == settings["epochs"]
    assert float(given["`learning_rate`"]) == settings["learning_rate"]
    assert describe_choice(settings, settings) == ""
