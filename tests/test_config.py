import math

import pytest

from charlstm.config import ModelConfig, SamplingConfig, TrainingConfig
from charlstm.errors import SettingError


@pytest.mark.parametrize(
    ("config", "settings"),
    [
        (ModelConfig, {"num_layers": 0}),
        (ModelConfig, {"units": -1}),
        (ModelConfig, {"embedding_dim": 0}),
        (TrainingConfig, {"dropout": 1.0}),
        (TrainingConfig, {"dropout": -0.1}),
        (TrainingConfig, {"dropout": math.nan}),
        (TrainingConfig, {"batch_size": 0}),
        (TrainingConfig, {"sequence_length": 0}),
        (TrainingConfig, {"epochs": 0.0}),
        (TrainingConfig, {"epochs": math.nan}),
        (TrainingConfig, {"max_time": 0.0}),
        (TrainingConfig, {"epochs": None, "max_time": None}),
        (TrainingConfig, {"learning_rate": 0.0}),
        (TrainingConfig, {"learning_rate": math.inf}),
        (TrainingConfig, {"validation": 0.0}),
        (TrainingConfig, {"validation": 1.0}),
        (TrainingConfig, {"patience": 0}),
        (TrainingConfig, {"random_seed": -1}),
        (SamplingConfig, {"length": 0}),
        (SamplingConfig, {"temperature": -0.5}),
        (SamplingConfig, {"temperature": math.nan}),
        (SamplingConfig, {"top_k": 0}),
    ],
)
def test_a_setting_out_of_range_is_refused_by_the_name_of_its_option(config, settings):
    with pytest.raises(SettingError) as caught:
        config(**settings)
    assert "--" in str(caught.value) or "give one" in caught.value.hint
    assert caught.value.hint
    assert caught.value.exit_code == 2


def test_a_model_config_survives_json():
    config = ModelConfig(num_layers=3, units=7)
    assert ModelConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize("settings", [{}, {"units": "7"}, {"gates": 4}, ModelConfig().to_json() | {"units": True}])
def test_a_damaged_model_config_is_refused(settings):
    with pytest.raises(SettingError):
        ModelConfig.from_json(settings)


def test_a_training_from_before_there_were_schedules_keeps_its_cosine():
    older = TrainingConfig().to_json()
    assert older.pop("schedule") == "linear"
    assert TrainingConfig.from_json(older).schedule == "cosine"
