import pytest

from charlstm.errors import SettingError
from charlstm.training.auto_config import AutoConfigInputs, choose_settings, make_configs
from charlstm.training.presets import PRESETS, preset_settings


@pytest.mark.parametrize("name", PRESETS)
def test_presets_give_valid_settings(name):
    inputs = AutoConfigInputs(num_characters=1_000_000, vocabulary_size=65, num_cores=2, throughput=None)
    make_configs(choose_settings(inputs, preset_settings(name) | {"epochs": 1.0}))


def test_no_preset_sets_nothing():
    assert preset_settings(None) == {}


def test_an_unknown_preset_is_refused_with_the_known_ones():
    with pytest.raises(SettingError, match="no preset 'huge'") as caught:
        preset_settings("huge")
    assert "medium" in caught.value.hint
