import math

import pytest

from charlstm.config import ModelConfig, SamplingConfig, TrainingConfig
from charlstm.errors import SettingError


@pytest.mark.parametrize(
    ("config", "settings"),
    [
        (ModelConfig, {"num_layers": 0}),
        (ModelConfig, {"num_layers": 101}),
        (ModelConfig, {"units": -1}),
        (ModelConfig, {"embedding_dim": 0}),
        (ModelConfig, {"attention": -1}),
        (TrainingConfig, {"dropout": 1.0}),
        (TrainingConfig, {"dropout": -0.1}),
        (TrainingConfig, {"dropout": math.nan}),
        (TrainingConfig, {"recurrent_dropout": 1.0}),
        (TrainingConfig, {"batch_size": 0}),
        (TrainingConfig, {"sequence_length": 0}),
        (TrainingConfig, {"epochs": 0.0}),
        (TrainingConfig, {"epochs": math.nan}),
        (TrainingConfig, {"epochs": 1e6 + 1}),
        (TrainingConfig, {"max_time": 0.0}),
        (TrainingConfig, {"learning_rate": 0.0}),
        (TrainingConfig, {"learning_rate": math.inf}),
        (TrainingConfig, {"clip_norm": -1.0}),
        (TrainingConfig, {"clip_value": math.nan}),
        (TrainingConfig, {"weight_decay": 1.0}),
        (TrainingConfig, {"validation": 0.0}),
        (TrainingConfig, {"validation": 1.0}),
        (TrainingConfig, {"patience": 0}),
        (TrainingConfig, {"precision": "float16"}),
        (TrainingConfig, {"random_seed": -1}),
        (TrainingConfig, {"evaluate_every": 0}),
        (ModelConfig, {"attention": 1025}),
        (TrainingConfig, {"sequence_length": 16_385}),
        (TrainingConfig, {"batch_size": 16_385}),
        (TrainingConfig, {"patience": 10**30}),
        (TrainingConfig, {"random_seed": 2**63}),
        (TrainingConfig, {"learning_rate": 1e10}),
        (SamplingConfig, {"length": 10**20}),
        (SamplingConfig, {"temperature": math.inf}),
        (SamplingConfig, {"temperature": 1001.0}),
        (SamplingConfig, {"repetition_penalty": 2000.0}),
        (SamplingConfig, {"top_k": 10**30}),
        (SamplingConfig, {"random_seed": 10**30}),
        (TrainingConfig, {"split_seed": -1}),
        (SamplingConfig, {"length": 0}),
        (SamplingConfig, {"temperature": -0.5}),
        (SamplingConfig, {"temperature": math.nan}),
        (SamplingConfig, {"top_k": 0}),
        (SamplingConfig, {"top_p": 0.0}),
        (SamplingConfig, {"min_p": 1.5}),
        (SamplingConfig, {"typical": -0.1}),
        (SamplingConfig, {"repetition_penalty": 0.9}),
        (SamplingConfig, {"repetition_window": 0}),
    ],
)
def test_error_names_the_field_its_value_and_a_way_out(config, settings):
    [(field, value)] = settings.items()
    with pytest.raises(SettingError, match=f"`{field}` is {value!r}, but it must be") as caught:
        config(**settings)
    assert caught.value.hint
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("config", "settings", "message"),
    [
        (ModelConfig, {"units": 0}, "`units` is 0, but it must be at least 1 and at most 16,384"),
        (ModelConfig, {"window": -1}, "the window is -1, but it must be at least 0 and at most 1,024"),
        (ModelConfig, {"encoding": "integer"}, "the encoding is 'integer' of dimension 64"),
        (
            TrainingConfig,
            {"learning_rate": 0.0},
            "`learning_rate` is 0.0, but it must be above 0 and at most 1,000,000,000",
        ),
        (
            TrainingConfig,
            {"schedule": "step"},
            "the schedule is 'step', but it must be one of linear, cosine, constant",
        ),
        (TrainingConfig, {"num_shards": 0}, "`num_shards` is 0, but it must be at least 1 and at most 1,024"),
        (
            TrainingConfig,
            {"batch_size": 4096, "sequence_length": 512},
            "`batch_size` 4,096 times `sequence_length` 512 is 2,097,152, but it must be at most 1,048,576",
        ),
        (
            SamplingConfig,
            {"temperature": 10**400},
            f"`temperature` is 1{'0' * 27}...{'0' * 28}, but it must be at least 0 and at most 1,000",
        ),
        (TrainingConfig, {"epochs": None, "max_time": None}, "neither `epochs` nor `max_time` is given"),
    ],
)
def test_messages(config, settings, message):
    with pytest.raises(SettingError) as caught:
        config(**settings)
    assert str(caught.value) == message
    assert caught.value.hint


def test_hint_is_the_default_where_there_is_no_better_one():
    with pytest.raises(SettingError) as caught:
        TrainingConfig(batch_size=0)
    assert caught.value.hint == "try `batch_size` 16"


def test_model_config_survives_json():
    config = ModelConfig(num_layers=3, units=7)
    assert ModelConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize("settings", [{}, {"units": "7"}, {"gates": 4}, ModelConfig().to_json() | {"units": True}])
def test_damaged_model_config_is_refused(settings):
    with pytest.raises(SettingError):
        ModelConfig.from_json(settings)


def test_training_config_older_than_schedules_keeps_the_cosine():
    older = TrainingConfig().to_json()
    assert older.pop("schedule") == "linear"
    assert TrainingConfig.from_json(older).schedule == "cosine"
