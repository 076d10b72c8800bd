"""`charlstm train`: its settings, presets and help."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from charlstm.storage.model_file import load_model, save_model

pytestmark = pytest.mark.tensorflow

TEXT = "the cat sat on the mat and the dog sat on the log\n" * 80
TINY = ["--units", 8, "--epochs", 0.5, "--quiet"]


@pytest.fixture
def text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("cats.txt").write_text(TEXT)
    return "cats.txt"


def test_the_tutorial_is_reproduced(charlstm, text):
    Path(text).write_text(TEXT.upper())
    tutorial = ["train", text, "--preset", "tutorial"]
    options = ["--units", 32, "--epochs", 2, "--learning-rate", 0.01, "--evaluate-every", 60, "--output", "runs/old"]
    code, _, err = charlstm(*tutorial, *options)
    assert code == 0, err
    info = json.loads(charlstm("info", "old", "--json")[1])
    architecture, settings = info["architecture"], info["training"]["settings"]
    assert (architecture["window"], architecture["encoding"], architecture["residual"]) == (50, "integer", False)
    assert (settings["batch_size"], settings["schedule"], settings["clip_norm"]) == (30, "constant", 0.0)
    assert info["vocabulary"]["lowercase"]
    assert info["training"]["validation"]["accuracy"] > 0.3
    code, _, err = charlstm(*tutorial, "--sequence-length", 40, "--out", "runs/no")
    assert code == 2
    assert "--sequence-length is 40, but the network sees windows of 50" in err
    prompt, options = TEXT[:60], ["--temperature", 0, "--length", 30, "--no-echo"]
    one = charlstm("generate", "old", "--seed", prompt, *options)[1]
    other = charlstm("generate", "old", "--seed", "x" + prompt[-50:], *options)[1]
    assert one == other  # it sees only fifty characters
    Path("short.txt").write_text(TEXT[:500])
    scores = json.loads(charlstm("evaluate", "old", "short.txt", "--part", "all", "--json")[1])
    assert scores["characters"] == 499
    assert scores["accuracy"] > 0.3
    assert charlstm("resume", "old", "--epochs", 1.2)[0] == 0
    assert json.loads(charlstm("info", "old", "--json")[1])["training"]["epoch"] > 1
    Path("new.txt").write_text(TEXT.replace("cat", "c@t"))
    code, _, err = charlstm("train", "new.txt", "--from", "old", "--epochs", 1)
    assert code == 2
    assert "encodes characters as numbers" in err


def test_clipping_weight_decay_and_attention_are_saved_with_the_run(charlstm, text):
    options = ["--layers", 1, "--units", 16, "--epochs", 1]
    options += ["--clip-norm", 0.5, "--clip-value", 0.1, "--weight-decay", 0.01]
    code, _, err = charlstm("train", text, *options, "--attention", 8, "--cell", "gru")
    assert code == 0, err
    info = json.loads(charlstm("info", "--json")[1])
    settings = info["training"]["settings"]
    assert (settings["clip_norm"], settings["clip_value"], settings["weight_decay"]) == (0.5, 0.1, 0.01)
    assert info["architecture"]["attention"] == 8
    assert "attention over 8" in charlstm("info")[1]
    for option, value in (("--clip-norm", -1), ("--clip-value", -1), ("--weight-decay", 1), ("--attention", -1)):
        code, _, err = charlstm("train", text, option, value)
        assert code == 2
        assert option in err
    assert Path("runs/cats").exists()


def test_a_network_with_teachers_says_which_is_trained(charlstm, text):
    options = ["--layers", 1, "--units", 16, "--epochs", 2, "--teachers", 2]
    code, _, err = charlstm("train", text, *options)
    assert code == 0, err
    assert ", 2 teachers, 2 epochs" in err
    assert [line for line in err.splitlines() if line.startswith("network ")] == [
        "network 1 of 3: a teacher",
        "network 2 of 3: a teacher",
        "network 3 of 3: its teachers generate text and predict it",
        "network 3 of 3: learns from its teachers",
    ]
    assert "--teachers 2" in charlstm("info", "cats")[1]
    model = load_model(Path("runs/cats/model.safetensors"))
    for network, words in ((2, "2; this is network 2, one of them"), (3, "2 networks, whose predictions")):
        save_model(Path("one.safetensors"), replace(model, training=model.training | {"network": network}))
        assert words in charlstm("info", "one.safetensors")[1]
    code, _, err = charlstm("train", text, "--teachers", 1)
    assert (code, "--teachers is 1, but one network cannot learn from itself" in err) == (2, True)
    code, _, err = charlstm("train", text, "--from", "cats", "--teachers", 2, "--output", "runs/more")
    assert (code, "--teachers need random initial weights" in err) == (2, True)


def test_a_run_started_with_a_preset_is_resumed_by_the_same_command(charlstm, text):
    command = ["train", text, "--preset", "medium", "--layers", 1, *TINY, "--resume"]
    assert charlstm(*command)[0] == 0
    code, _, err = charlstm(*command)
    assert code == 0
    assert "runs/cats is complete" in err


def test_a_preset_that_contradicts_the_run_is_refused_by_its_own_name(charlstm, text):
    command = ["train", text, "--preset", "medium", *TINY]
    assert charlstm(*command, "--layers", 1)[0] == 0
    code, _, err = charlstm(*command, "--resume")
    assert code == 2
    assert err.startswith("error: --preset medium has num layers 2, but runs/cats was trained with 1")
    assert "leave --preset out" in err
    assert "--layers" not in err
    code, _, err = charlstm(*command, "--resume", "--layers", 3)
    assert code == 2
    assert "--layers is 3, but runs/cats was trained with 1" in err
    code, _, err = charlstm(*command, "--from", "cats", "--output", "runs/new")
    assert code == 2
    assert "--preset medium has num layers 2, but cats was trained with 1" in err


def test_lower_case_contradicts_a_model_that_knows_upper_case(charlstm, text):
    assert charlstm("train", text, *TINY)[0] == 0
    code, _, err = charlstm("train", text, *TINY, "--lowercase", "--from", "cats", "--output", "runs/new")
    assert code == 2
    assert "--lowercase is given, but cats distinguishes upper and lower case" in err
    code, _, err = charlstm("train", text, "--preset", "tutorial", "--from", "cats", "--output", "runs/new")
    assert code == 2
    assert "--preset tutorial reads in lower case, but cats distinguishes upper and lower case" in err
    assert "leave --preset out, or train without --from" in err


@pytest.mark.parametrize("command", ["train", "resume", "compare"])
def test_help_shows_defaults_and_arguments_without_extra_brackets(charlstm, command):
    out = charlstm(command, "--help-all" if command == "train" else "--help")[1]
    assert "[[" not in out
    assert "default: (" not in out
    if command != "compare":
        assert "Default: 30s." in " ".join(out.split())


@pytest.mark.parametrize(
    "command", [["train", "cats.txt", "--output", "new"], ["compare", "cats.txt", "--output", "c"]]
)
def test_an_unknown_instruction_set_is_one_line_before_anything_is_written(charlstm, text, monkeypatch, command):
    monkeypatch.setenv("CHARLSTM_ISA", "nonsense")
    code, out, err = charlstm(*command, "--max-time", "2s")
    assert (code, out) == (2, "")
    lines = err.splitlines()
    assert lines[-2] == "error: CHARLSTM_ISA is 'nonsense': there is no such instruction set"
    assert lines[-1].startswith("hint: give one of portable")
    assert os.listdir() == [text]
