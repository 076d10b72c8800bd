"""`charlstm train` with a model that ships: when it starts from it, and what it says."""

import json
from pathlib import Path

import pytest

from charlstm.storage.model_file import load_model, save_model
from tests.conftest import letter_model, letter_text

FREQUENCIES = {" ": 6, "e": 8, "t": 4, "a": 4, "o": 2, "n": 2, "i": 2, "s": 2, "h": 1, "r": 1}
SHORT = ("--epochs", "0.5", "--quiet")


@pytest.fixture
def text(tmp_path, monkeypatch, shipped_models_folder):
    """A text in the language of a model that ships, with a character that is new to it."""
    monkeypatch.chdir(tmp_path)
    save_model(shipped_models_folder / "english.safetensors", letter_model(FREQUENCIES), weight_format="int8")
    Path("text.txt").write_text(letter_text(FREQUENCIES, 4000) + "!")
    return "text.txt"


def origin_of(run):
    return json.loads(Path("runs", run, "config.json").read_text())["origin"]["start_from"]


@pytest.mark.tensorflow
def test_a_small_text_starts_from_it_and_one_line_says_so(charlstm, text):
    code, _, err = charlstm("train", text, "--epochs", "0.5")
    assert code == 0
    lines = [line for line in err.splitlines() if "starting from" in line]
    assert len(lines) == 1
    assert "starting from english, a model that ships with charlstm: it predicts this text with" in lines[0]
    assert lines[0].endswith("to begin from nothing: --from none")
    assert origin_of("text").endswith("english.safetensors")
    model = load_model(Path("runs/text/model.safetensors"))
    assert (model.config.units, model.config.embedding_dim) == (8, 5)
    assert "!" in model.vocabulary.characters
    assert "from         english\n" in charlstm("info", "text")[1]
    assert "--from english" in charlstm("info", "text")[1]

    code, _, err = charlstm("train", text, "--resume", "--epochs", "1", "--from", "english")
    assert (code, "cannot" in err) == (0, False)
    code, _, err = charlstm("train", text, "--resume", "--epochs", "1", "--from", "none")
    assert code == 2
    assert "--from is random weights, but runs/text was trained with" in err


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    "options", [("--from", "none"), ("--layers", "1", "--units", "8"), ("--min-count", "2"), ("--lowercase",)]
)
def test_these_options_begin_from_nothing(charlstm, text, options):
    code, _, err = charlstm("train", text, *options, "--epochs", "0.5")
    assert code == 0
    assert "starting from" not in err
    assert origin_of("text") is None


@pytest.mark.tensorflow
def test_python_begins_in_the_same_way(text):
    import charlstm

    assert charlstm.train(text, epochs=0.5).model.config.units == 8
    assert origin_of("text").endswith("english.safetensors")
    charlstm.train(text, epochs=0.5, start_from=None, units=6, overwrite=True)
    assert origin_of("text") is None


def test_the_settings_show_the_choice(charlstm, text):
    _, out, err = charlstm("train", text, "--show-config")
    assert 'from = "english"  # chosen' in out
    assert "units = 8  # of the model" in out
    assert "starting from english" in err
    _, out, _ = charlstm("train", text, "--show-config", "--from", "none")
    assert 'from = "none"  # given' in out
    assert "units = 8  #" not in out
    Path("run.toml").write_text('from = "none"\n')
    assert "starting from" not in charlstm("train", text, "--show-config", "--config", "run.toml")[2]


def test_it_can_be_named_for_any_text(charlstm, text):
    Path("other.txt").write_text("1234567890" * 400)
    assert "units = 8  # of the model" in charlstm("train", "other.txt", "--show-config", "--from", "english")[1]
    assert "units = 8  #" not in charlstm("train", "other.txt", "--show-config", "--from", "auto")[1]
    code, _, err = charlstm("train", "other.txt", "--from", "englsih")
    assert (code, "there is no run or model file 'englsih'" in err) == (1, True)


def test_what_a_run_can_start_from_is_completed(text):
    from charlstm.cli.completion import complete_starting_points

    assert complete_starting_points("en") == ["english"]
    assert complete_starting_points("no") == ["none"]
