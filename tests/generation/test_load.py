from pathlib import Path

import pytest

from charlstm.errors import RunError, SettingError
from charlstm.generation.ensemble import Ensemble
from charlstm.generation.load import load_models, make_language_model
from charlstm.generation.stepper import Stepper


def test_one_model_is_loaded_from_a_run(run):
    (loaded,) = load_models(None)
    assert loaded.path == Path("runs/tiny/model.safetensors")
    assert isinstance(make_language_model([loaded]), Stepper)
    assert [one.path for one in load_models("tiny")] == [loaded.path]
    assert len(loaded.digest) == 64


def test_several_models_are_loaded_with_their_weights(run):
    models = load_models(None, ["tiny:2", "runs/tiny", "tiny:0.5"])
    assert [loaded.weight for loaded in models] == [2, 1, 0.5]
    assert isinstance(make_language_model(models), Ensemble)


def test_colon_without_a_number_belongs_to_the_path(run):
    run.rename(run.with_name("a:b"))
    assert load_models(None, ["a:b:3"])[0].weight == 3
    assert load_models(None, ["a:b"])[0].weight == 1


@pytest.mark.parametrize("name", ["tiny:0", "tiny:-1", "tiny:inf", "tiny:nan", "tiny:1e400", "tiny:1e300"])
def test_weight_must_be_positive_and_finite(run, name):
    with pytest.raises(SettingError, match="must be above 0"):
        load_models(None, [name])


def test_missing_run_is_refused(run):
    with pytest.raises(RunError, match="'nowhere'"):
        load_models(None, ["nowhere:1"])
