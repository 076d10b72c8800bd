"""Messages that name the mistake: missing files, runs in place of texts, vain settings, existing files."""

import io
import shutil
import sys
from pathlib import Path

import pytest

from charlstm.cli.commands import generate as generate_command
from charlstm.storage.tensor_file import to_bytes


@pytest.mark.parametrize("option", ["--batch", "--seed-file"])
@pytest.mark.parametrize("name", ["nofile", "macbeth.txt"])
def test_a_missing_file_is_no_text_that_ships(charlstm, run, option, name):
    code, out, err = charlstm("generate", option, name)
    assert (code, out) == (1, "")
    assert f"there is no file '{name}'" in err
    assert "ships" not in err


@pytest.mark.parametrize("name", ["tiny", "runs/tiny", "runs/tiny/model.safetensors"])
def test_evaluating_a_run_without_a_text_says_what_is_missing(charlstm, run, name):
    code, _, err = charlstm("evaluate", name)
    assert code == 2
    assert err == f"error: {name} is a run, and the text to score is missing\nhint: charlstm evaluate {name} TEXT\n"


def test_a_model_without_its_run_names_the_file_that_is_missing(charlstm, run, monkeypatch):
    shutil.copy(run / "model.safetensors", "friend.safetensors")
    code, _, err = charlstm("generate", "friend.safetensors", "--novelty")
    assert code == 1
    assert "error: there is no config.json that says which text the model was trained on" in err


@pytest.mark.parametrize("kind", ["checkpoint", "text index"])
def test_another_file_of_a_run_is_no_old_model(charlstm, run, kind):
    Path("file.safetensors").write_bytes(to_bytes({}, {"kind": kind, "format_version": 1}))
    code, _, err = charlstm("info", "file.safetensors")
    assert code == 1
    assert f"error: file.safetensors is not a charlstm model: it is a {kind}\nhint: give a run folder" in err


WITHOUT_EFFECT = [
    (["train", "t", "--cell", "echo-state", "--recurrent-dropout", "0.3"], "--recurrent-dropout"),
    (["train", "t", "--cell", "feedforward", "--recurrent-dropout", "0.3"], "--recurrent-dropout"),
    (["train", "t", "--from", "tiny", "--min-count", "2"], "--min-count"),
    (["generate", "--include-stop"], "--include-stop"),
    (["generate", "--repetition-window", "9"], "--repetition-window"),
]


@pytest.mark.parametrize(("arguments", "option"), WITHOUT_EFFECT, ids=[" ".join(row[0]) for row in WITHOUT_EFFECT])
def test_a_setting_without_effect_is_refused(charlstm, run, arguments, option):
    code, _, err = charlstm(*arguments)
    assert code == 2
    assert err.startswith(f"error: {option} has no effect")


def test_a_separator_has_no_effect_on_json(charlstm, run):
    options = ["generate", "--length", 3, "--separator", "|"]
    assert "warning: --separator has no effect on JSON" in charlstm(*options, "--format", "json")[2]
    assert "no effect" not in charlstm(*options)[2]


@pytest.mark.parametrize("option", ["--top-k", "--top-p", "--min-p", "--typical"])
def test_limits_of_sampling_have_no_effect_without_sampling(charlstm, run, option):
    value = 1
    assert f"warning: {option} has no effect" in charlstm("generate", "--temperature", 0, option, value)[2]
    assert "no effect" not in charlstm("generate", "--temperature", 1, option, value)[2]


@pytest.mark.parametrize("arguments", [["--output", "out.txt"], ["--output-dir", "texts"]])
def test_existing_files_are_replaced_only_with_overwrite(charlstm, run, arguments):
    Path("texts").mkdir()
    files = [Path("out.txt"), Path("texts/0001.txt")]
    for file in files:
        file.write_text("precious")
    options = ["generate", "tiny", "--length", 3, *arguments]
    code, _, err = charlstm(*options)
    assert (code, "already exists" in err, "--overwrite" in err) == (1, True, True)
    assert [file.read_text() for file in files] == ["precious"] * 2
    assert charlstm(*options, "--overwrite")[0] == 0
    assert sorted(file.read_text() == "precious" for file in files) == [False, True]
    assert charlstm("generate", "tiny", "--length", 3, "--output", "/dev/null")[0] == 0


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("\n", 1)])
def test_on_a_terminal_one_is_asked_before_a_file_is_replaced(charlstm, run, monkeypatch, answer, code):
    Path("out.txt").write_text("precious")
    terminal = io.StringIO(answer)
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert charlstm("generate", "tiny", "--length", 3, "--output", "out.txt")[0] == code
    assert (Path("out.txt").read_text() == "precious") == (code == 1)


PLOTS = [["gradients", "--length", 2, "--plot"], ["compare", "cats.txt", "--plot"], ["plot", "tiny", "-o"]]


@pytest.mark.parametrize("command", PLOTS)
def test_an_existing_plot_is_refused_before_anything_is_done(charlstm, run, monkeypatch, command):
    Path("out.svg").write_text("precious")
    code, out, err = charlstm(*command, "out.svg")
    assert (code, out) == (1, "")
    assert err.startswith("error: out.svg already exists\nhint: replace it with --overwrite")
    monkeypatch.setattr(sys, "stdin", terminal := io.StringIO("\n"))
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    code, out, err = charlstm(*command, "out.svg")
    assert (code, out, "nothing is written" in err) == (1, "", True)
    assert Path("out.svg").read_text() == "precious"
    assert not Path("runs/compare-cats").exists()


@pytest.mark.parametrize("command", PLOTS)
def test_a_plot_without_a_folder_is_refused_before_anything_is_done(charlstm, run, command):
    code, out, err = charlstm(*command, "nowhere/out.svg")
    assert (code, out) == (1, "")
    assert err.startswith("error: there is no folder nowhere for the plot")


def test_files_of_another_name_do_not_count_as_earlier_texts(tmp_path):
    (tmp_path / "notes.txt").touch()
    assert generate_command._files_to_write(None, tmp_path) == []
