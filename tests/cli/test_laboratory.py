"""`charlstm compare` and `charlstm gradients`, and the tutorial's preset, as a user runs them."""

import csv
import json
import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.tensorflow

TEXT = "the cat sat on the mat and the dog sat on the log\n" * 80


@pytest.fixture
def text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("cats.txt").write_text(TEXT)
    return "cats.txt"


OPTIONS = ["--layers", 1, "--units", 24, "--max-time", "1s"]


def test_a_comparison_and_going_on_with_it(charlstm, text):
    code, out, err = charlstm("compare", text, "--cells", "lstm,rnn", *OPTIONS)
    assert code == 0
    assert {line.split()[0] for line in out.splitlines()} == {"cell", "lstm", "rnn"}
    folder = Path("runs/compare-cats")
    facts = json.loads((folder / "comparison.json").read_text())
    sizes = [summary["parameters"] for summary in facts["cells"]]
    assert max(sizes) <= 1.04 * min(sizes)
    assert all(training["validation_bits"] < 4 for training in facts["trainings"])
    assert len(list(csv.DictReader((folder / "comparison.csv").open()))) == 2
    assert (folder / "comparison.svg").read_text().startswith("<?xml")
    before = (folder / "lstm-1" / "model.safetensors").read_bytes()
    for file in ("comparison.json", "comparison.csv"):
        (folder / file).unlink()
    code, out, err = charlstm("compare", text, "--cells", "lstm,rnn,gru", *OPTIONS, "--json")
    assert code == 0
    assert "lstm, training" not in err
    assert "gru, training" in err
    assert {summary["cell"] for summary in json.loads(out)["cells"]} == {"lstm", "rnn", "gru"}
    assert (folder / "lstm-1" / "model.safetensors").read_bytes() == before
    code, out, err = charlstm("compare", text, "--cells", "rnn", *OPTIONS)
    assert len(json.loads((folder / "comparison.json").read_text())["cells"]) == 3
    code, out, err = charlstm("compare", text, "--cells", "lstm", "--max-time", "4s")
    assert (code, out) == (1, "")
    assert "another max time" in err
    assert charlstm("generate", "runs/compare-cats/gru-1", "--length", 5)[0] == 0


def test_to_begin_anew_removes_the_comparison_and_no_other_run(charlstm, text):
    other = Path("runs/mine")
    other.mkdir(parents=True)
    (other / "model.safetensors").write_bytes(b"somebody's")
    code, _, err = charlstm("compare", text, "--cells", "rnn", *OPTIONS, "--out", "runs", "--overwrite")
    assert code == 0, err
    before = (Path("runs/rnn-1") / "history.jsonl").read_text()
    code, _, err = charlstm("compare", text, "--cells", "grid", "--units", 3, "--out", "runs", "--overwrite")
    assert code == 2
    assert "no grid network comes within" in err
    assert (Path("runs/rnn-1") / "history.jsonl").read_text() == before
    assert (other / "model.safetensors").read_bytes() == b"somebody's"


def test_an_equal_number_of_characters(charlstm, text):
    code, out, _ = charlstm(
        "compare",
        text,
        "--cells",
        "lstm,coupled",
        "--layers",
        1,
        "--units",
        24,
        "--max-time",
        "1s",
        "--equal",
        "characters",
        "--json",
        "--plot",
        "p.png",
    )
    assert code == 0
    one, other = json.loads(out)["trainings"]
    assert one["epochs"] == pytest.approx(other["epochs"], rel=0.05)
    assert Path("p.png").read_bytes()[1:4] == b"PNG"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cells", "lstm,magic"], "unknown cell 'magic'"),
        (["--cells", "lstm,lstm"], "names a cell twice"),
        (["--equal", "luck"], "--equal is 'luck'"),
        (["--plot", "x.doc"], "not a picture's name"),
        (["--units", 0], "--units is 0"),
    ],
)
def test_wrong_usage_of_compare(charlstm, text, arguments, message):
    code, out, err = charlstm("compare", text, *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert not Path("runs").exists()


def test_gradients_in_figures_and_pictures(charlstm, text):
    arguments = ["gradients", text, "--cells", "rnn,lstm", "--units", 16, "--length", 30]
    code, out, _ = charlstm(*arguments, "--recurrent-scale", "0.5,1.5", "--plot", "g.svg")
    assert code == 0
    assert "with respect to the cell state" in out
    assert sum(line.startswith(("rnn x", "lstm x")) for line in out.splitlines()) == 6
    assert Path("g.svg").read_text().startswith("<?xml")
    facts = json.loads(charlstm(*arguments, "--json")[1])
    assert facts["rnn"]["characters_back"] == list(range(1, 31))
    assert len(facts["rnn"]["hidden"]) == 30
    assert facts["rnn"]["cell"] is None
    assert len(facts["lstm"]["cell"]) == 30


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--cells", "feedforward"], 2, "has no state"),
        (["--recurrent-scale", "big"], 2, "--recurrent-scale is 'big'"),
        (["--recurrent-scale", "-1"], 2, "0 or more"),
        (["--length", 5000], 1, "fewer than"),
        (["--plot", "x.txt"], 2, "not a picture's name"),
        (["--model", "nowhere"], 1, "there is no run"),
        (["none.txt"], 1, "there is no text"),
    ],
)
def test_wrong_usage_of_gradients(charlstm, text, arguments, code, message):
    texts = [] if arguments[0].endswith(".txt") else [text]
    actual, out, err = charlstm("gradients", *texts, *arguments)
    assert (actual, out) == (code, "")
    assert message in err


def test_the_tutorial_as_published(charlstm, text):
    Path(text).write_text(TEXT.upper())
    code, _, err = charlstm(
        "train",
        text,
        "--preset",
        "tutorial",
        "--units",
        32,
        "--epochs",
        2,
        "--learning-rate",
        0.01,
        "--out",
        "runs/old",
    )
    assert code == 0, err
    facts = json.loads(charlstm("info", "old", "--json")[1])
    architecture, settings = facts["architecture"], facts["training"]["settings"]
    assert (architecture["window"], architecture["encoding"], architecture["residual"]) == (50, "integer", False)
    assert (settings["batch_size"], settings["schedule"], settings["clip_norm"]) == (30, "constant", 0.0)
    assert facts["vocabulary"]["lowercase"]
    assert facts["training"]["validation"]["accuracy"] > 0.3
    code, _, err = charlstm("train", text, "--preset", "tutorial", "--sequence-length", 40, "--out", "runs/no")
    assert code == 2
    assert "windows of 50" in err
    seed = TEXT[:60]
    one = charlstm("generate", "old", "--seed", seed, "--temperature", 0, "--length", 30, "--no-echo")[1]
    other = charlstm("generate", "old", "--seed", "x" + seed[-50:], "--temperature", 0, "--length", 30, "--no-echo")[1]
    assert one == other  # it sees fifty characters
    scored = json.loads(charlstm("evaluate", "old", text, "--json")[1])
    assert scored["characters"] == len(TEXT) - 1
    assert scored["accuracy"] > 0.3
    assert charlstm("resume", "old", "--epochs", 1.2)[0] == 0
    assert json.loads(charlstm("info", "old", "--json")[1])["training"]["epoch"] > 1
    Path("new.txt").write_text(TEXT.replace("cat", "c@t"))
    code, _, err = charlstm("train", "new.txt", "--from", "old", "--epochs", 1)
    assert code == 2
    assert "by their numbers" in err


def test_remedies_are_kept_in_the_run(charlstm, text):
    options = [
        "--layers",
        1,
        "--units",
        16,
        "--epochs",
        1,
        "--clip-norm",
        0.5,
        "--clip-value",
        0.1,
        "--weight-decay",
        0.01,
    ]
    code, _, err = charlstm("train", text, *options, "--attention", 8, "--cell", "gru")
    assert code == 0, err
    facts = json.loads(charlstm("info", "--json")[1])
    settings = facts["training"]["settings"]
    assert (settings["clip_norm"], settings["clip_value"], settings["weight_decay"]) == (0.5, 0.1, 0.01)
    assert facts["architecture"]["attention"] == 8
    assert "attention over 8" in charlstm("info")[1]
    for option, value in (("--clip-norm", -1), ("--clip-value", -1), ("--weight-decay", 1), ("--attention", -1)):
        code, _, err = charlstm("train", text, option, value)
        assert code == 2
        assert option in err
    assert os.path.exists("runs/cats")
