"""Search spaces in files, and the one around the settings that are chosen."""

import pytest

from charlstm.cli.given_settings import setting_names
from charlstm.errors import SettingError
from charlstm.experiments.search_space import Dimension, default_space, read_space

SPACE = """
units = [128, 256]
layers = {low = 1, high = 3}
learning-rate = {low = 0.001, high = 0.02, log = true}
recurrent_dropout = {low = 0, high = 0.5, step = 0.1}
cell = ["lstm", "gru"]
"""


def read(tmp_path, text):
    path = tmp_path / "space.toml"
    path.write_text(text)
    return read_space(path, setting_names())


def test_settings_have_the_names_of_options_or_fields(tmp_path):
    dimensions = read(tmp_path, SPACE)
    fields = ["units", "num_layers", "learning_rate", "recurrent_dropout", "cell"]
    assert [dimension.field for dimension in dimensions] == fields
    assert [Dimension.from_json(dimension.to_json()) for dimension in dimensions] == dimensions
    assert read(tmp_path, "num_layers = [1, 2]") == [Dimension(field="num_layers", choices=[1, 2])]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no setting"),
        ("units = ", "is not TOML"),
        ("unit = [1]", "unit: there is no such setting"),
        ("epochs = [1, 2]", "epochs: it is the same for all trials"),
        ("validation = [0.1, 0.2]", "validation: it is the same for all trials"),
        ("window = [10, 20]", "window: there is no such setting"),
        ("units = 128", "units: it is 128, but"),
        ("units = []", "units: its list is empty"),
        ("units = [8, 8]", "units: its list is empty, or has a value twice"),
        ("units = [8.5]", "units: it cannot be 8.5"),
        ("units = [0, 8]", "units: `units` is 0"),
        ("units = {low = 8}", "units: its range has no high"),
        ("units = {low = 8, high = 4}", "units: low is 8 and high is 4"),
        ("units = {low = 8, high = 8.5}", "units: high is 8.5"),
        ("units = {low = 8, high = 16, stop = 2}", "units: a range has no stop"),
        ("dropout = {low = 0, high = 1}", "dropout: `dropout` is 1"),
        ("dropout = {low = 0, high = 0.5, log = true}", "dropout: log needs a low above 0"),
        ("dropout = {low = 0.1, high = 0.5, log = 1}", "dropout: log is 1"),
        ("dropout = {low = 0.1, high = 0.5, step = 0.9}", "dropout: step is 0.9"),
        ("dropout = {low = 0.1, high = nan}", "dropout: low is 0.1 and high is nan"),
        ("learning-rate = {low = 0.1, high = inf}", "learning-rate: `learning_rate` is inf"),
        ('cell = ["lstm", "magic"]', "cell: unknown cell 'magic'"),
        ('cell = {low = "a", high = "b"}', "cell: it is no number"),
        ("layers = [1]\nnum-layers = [2]", "num-layers: it is given twice"),
    ],
)
def test_a_wrong_space_names_the_file_and_the_key(tmp_path, text, message):
    with pytest.raises(SettingError) as error:
        read(tmp_path, text)
    assert str(error.value).startswith(str(tmp_path / "space.toml"))
    assert message in str(error.value)
    assert error.value.hint


def test_a_missing_file_and_a_misspelt_setting(tmp_path):
    with pytest.raises(SettingError, match="cannot be read"):
        read_space(tmp_path / "none.toml", setting_names())
    with pytest.raises(SettingError) as error:
        read(tmp_path, "droput = [0.1]")
    assert "did you mean 'dropout'" in error.value.hint


@pytest.mark.parametrize(
    ("dimension", "value", "nearest"),
    [
        (Dimension(field="units", choices=[128, 256]), 320, 256),
        (Dimension(field="cell", choices=["gru", "rnn"]), "lstm", "gru"),
        (Dimension(field="cell", choices=["gru", "lstm"]), "lstm", "lstm"),
        (Dimension(field="units", low=64, high=128, step=32), 100, 96),
        (Dimension(field="units", low=64, high=128), 300, 128),
        (Dimension(field="dropout", low=0.0, high=0.5, step=0.2), 0.9, 0.4),
        (Dimension(field="dropout", low=0.1, high=0.5), 0.27, 0.27),
    ],
)
def test_the_nearest_value(dimension, value, nearest):
    assert dimension.nearest(value) == pytest.approx(nearest)


CHOSEN = {
    "num_layers": 2,
    "units": 320,
    "dropout": 0.27,
    "recurrent_dropout": 0.11,
    "batch_size": 16,
    "sequence_length": 64,
    "learning_rate": 0.008,
}


@pytest.mark.parametrize("units", [8, 64, 96, 320, 1024])
def test_the_default_space_has_the_choice_in_it(units):
    chosen = CHOSEN | {"units": units}
    for dimension in default_space(chosen, {}, has_shape=False):
        assert dimension.nearest(chosen[dimension.field]) == pytest.approx(chosen[dimension.field])


def test_the_default_space_leaves_out_what_is_fixed_or_has_no_effect():
    def fields(fixed, has_shape=False):
        return {dimension.field for dimension in default_space(CHOSEN | fixed, fixed, has_shape=has_shape)}

    assert fields({"units": 320, "dropout": 0.1}) == CHOSEN.keys() - {"units", "dropout"}
    assert fields({}, has_shape=True) == CHOSEN.keys() - {"units", "num_layers"}
    assert fields({"cell": "feedforward"}) == CHOSEN.keys() - {"recurrent_dropout"}
