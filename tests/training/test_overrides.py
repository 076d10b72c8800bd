import pytest

from charlstm.errors import SettingError
from charlstm.training.overrides import Overrides
from charlstm.training.presets import PRESETS

RUN = {"units": 256, "num_layers": 1, "epochs": 3.0, **PRESETS["small"]}


def test_explicit_settings_win_over_the_preset():
    assert Overrides({"units": 8}, "small").settings == PRESETS["small"] | {"units": 8}
    assert Overrides.from_options({"units": 8, "dropout": None}).settings == {"units": 8}


@pytest.mark.parametrize(("explicit", "preset"), [({"units": 0}, None), ({}, "huge"), ({"dropout": 2}, "small")])
def test_invalid_overrides_are_refused(explicit, preset):
    with pytest.raises(SettingError):
        Overrides(explicit, preset)


@pytest.mark.parametrize(
    "overrides",
    [
        Overrides(),
        Overrides({"units": 256}),
        Overrides({"units": 256}, "small"),
        Overrides({}, "small"),
        Overrides({"epochs": 9.0, "max_time": 60.0, "evaluate_every": 5}),  # the length of a run may change
        Overrides({"attention": 5}),  # the run says nothing about it
        Overrides({name: RUN[name] for name in PRESETS["large"]}, "large"),  # nothing is left of the preset
    ],
)
def test_overrides_that_agree_with_a_run(overrides):
    overrides.check_agreement(RUN, "runs/one", alternative="train elsewhere")


def test_an_option_that_contradicts_a_run_is_named():
    with pytest.raises(SettingError, match="`units` is 64, but runs/one was trained with 256") as caught:
        Overrides({"units": 64}, "large").check_agreement(RUN, "runs/one", alternative="train elsewhere")
    assert "leave `units` out, or train elsewhere" in caught.value.hint


def test_a_preset_that_contradicts_a_run_is_refused_without_naming_options_that_were_not_given():
    with pytest.raises(
        SettingError, match="`preset` large has num layers 2, but runs/one was trained with 1"
    ) as caught:
        Overrides({"units": 256}, "large").check_agreement(RUN, "runs/one", alternative="train elsewhere")
    assert "leave `preset` out" in caught.value.hint
    assert "`num_layers`" not in str(caught.value) + caught.value.hint
