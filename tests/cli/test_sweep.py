"""`charlstm sweep` as a user runs it."""

import json
import shlex
import sys
from pathlib import Path

import pytest

pytest.importorskip("optuna")

TEXT = "the cat sat on the mat and the dog sat on the log\n" * 80
OPTIONS = ["--layers", 1, "--batch-size", 8, "--sequence-length", 16, "--epochs", 1, "--precision", "float32"]


@pytest.fixture
def text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("cats.txt").write_text(TEXT)
    Path("space.toml").write_text("units = [8, 12]\nlearning-rate = {low = 0.002, high = 0.02, log = true}\n")
    return "cats.txt"


@pytest.mark.tensorflow
def test_a_sweep_is_trained_continued_and_shown(charlstm, text):
    code, out, err = charlstm("sweep", text, *OPTIONS, "--from", "none", "--space", "space.toml", "--trials", 2)
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0].split() == ["trial", "bits", "time", "units", "learning-rate"]
    assert sorted(line.split()[0] for line in lines[1:3]) == ["0", "1"]
    assert "trial 0 (automatic), 0 of 2 done: units 12, learning-rate 0.008" in err
    (kept,) = Path("runs/sweep-cats").glob("trial-*")
    assert f"the best model: {kept}" in err
    best = lines[1].split()[0]
    assert kept.name == f"trial-000{best}"

    assert charlstm(*shlex.split(lines[-1])[1:], "-o", "again", "--quiet")[0] == 0
    assert Path("again/model.safetensors").read_bytes() == (kept / "model.safetensors").read_bytes()

    code, out, err = charlstm("sweep", text, *OPTIONS, "--trials", 3, "--json", "--plot", "p.png")
    assert code == 0, err
    result = json.loads(out)
    assert [trial["trial"] for trial in result["trials"]] == [0, 1, 2]
    assert "trial 2, 2 of 3 done" in err
    assert "trial 1," not in err
    assert result["command"].startswith(f"charlstm train {text} ")
    assert Path("p.png").read_bytes()[1:4] == b"PNG"

    code, shown, err = charlstm("sweep", text, *OPTIONS, "--show", "--json")
    assert (code, json.loads(shown), err.count("trial 0")) == (0, result, 0)
    assert charlstm("sweep", text, "--show", "--plot", "p.png")[0] == 1  # it would be replaced


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--pruner", "medain"], 2, "there is no --pruner 'medain'"),
        (["--space", "none.toml"], 2, "none.toml cannot be read"),
        (["--space", "space.toml", "--units", 8], 2, "--units is given, and also in the space of --space"),
        (["--trials", 0], 2, "--trials is 0"),
        (["--dropout", 2], 2, "--dropout is 2"),
        (["--show"], 1, "there is no sweep in runs/sweep-cats"),
        (["--show", "--overwrite"], 2, "--show trains nothing"),
        (["--dark"], 2, "--dark is for pictures"),
        (["--plot", "nowhere/p.svg"], 1, "there is no folder nowhere"),
        (["--from", "english", "--min-count", 2], 2, "--min-count has no effect: the model of --from"),
        (["--storage", "nonsense"], 1, "nonsense cannot be used"),
    ],
)
def test_wrong_usage_leaves_nothing_behind(charlstm, text, arguments, code, message):
    actual, out, err = charlstm("sweep", text, *arguments)
    assert (actual, out) == (code, "")
    assert message in err
    assert not Path("runs").exists()


def test_optuna_is_named_where_it_is_missing(charlstm, text, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    code, out, err = charlstm("sweep", text)
    assert (code, out) == (1, "")
    assert "pip install 'charlstm[sweep]'" in err
