"""Models that ship, by their names."""

from pathlib import Path

import pytest

from charlstm.errors import RunError
from charlstm.storage.find_runs import find_model
from charlstm.storage.model_file import load_model, save_model
from charlstm.storage.shipped_models import find_shipped_model, shipped_models, shipped_name
from tests.conftest import random_model


def test_a_model_that_ships_has_a_name(english, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert shipped_models() == {"english": english}
    assert find_model("english") == english
    assert find_model(str(english)) == english
    assert load_model(find_model("english")).config.units == 12


@pytest.mark.parametrize("name", ["./english", "../english", "runs/english", "French", "", "..", "english.safetensors"])
def test_other_names_and_paths_are_no_models_that_ship(english, name):
    assert find_shipped_model(name) is None
    assert find_shipped_model(Path("english")) is None


@pytest.mark.parametrize("folder", ["english", "runs/english"])
def test_a_run_of_the_same_name_wins(english, tmp_path, monkeypatch, folder):
    monkeypatch.chdir(tmp_path)
    Path(folder).mkdir(parents=True)
    assert find_model("english") == english  # a folder without a run, such as one of texts
    save_model(Path(folder, "model.safetensors"), random_model())
    assert find_model("english") == Path(folder, "model.safetensors")


def test_a_run_that_has_no_model_yet_wins_too(english, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("runs/english").mkdir(parents=True)
    Path("runs/english/checkpoint.safetensors").touch()
    with pytest.raises(RunError, match="has no model"):
        find_model("english")


def test_without_any_run_it_is_the_english_one(english, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_model(None) == english
    Path("runs/mine").mkdir(parents=True)
    save_model(Path("runs/mine/model.safetensors"), random_model())
    assert find_model(None) == Path("runs/mine/model.safetensors")


def test_a_misspelt_name_is_recognised(english, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("runs/mine").mkdir(parents=True)
    save_model(Path("runs/mine/model.safetensors"), random_model())
    with pytest.raises(RunError) as caught:
        find_model("englsih")
    assert "did you mean 'english'?" in caught.value.hint


def test_a_path_leads_back_to_the_name(english, tmp_path):
    assert shipped_name(english) == "english"
    assert shipped_name("/gone/site-packages/charlstm/data/models/english.safetensors") == "english"
    assert shipped_name("/gone/data/models/french.safetensors") is None
    assert shipped_name("/gone/models/english.safetensors") is None
    other = tmp_path / "data" / "models" / "english.safetensors"
    other.parent.mkdir(parents=True)
    other.touch()
    assert shipped_name(other) is None
