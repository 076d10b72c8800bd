"""`charlstm gradients` as a user runs it."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow

TEXT = "the cat sat on the mat and the dog sat on the log\n" * 80


@pytest.fixture
def text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("cats.txt").write_text(TEXT)
    return "cats.txt"


def test_gradients_as_figures_a_plot_and_json(charlstm, text):
    arguments = ["gradients", text, "--cells", "rnn,lstm", "--units", 16, "--length", 30]
    code, out, _ = charlstm(*arguments, "--recurrent-scale", "0.5,1.5", "--plot", "g.svg")
    assert code == 0
    assert "lstm x 0.5, c" in out
    assert len(re.findall(r"(?m)^(?:rnn|lstm) x \S+, [hc] +\d", out)) == 6
    assert "From 1 to 30 characters back the gradient falls by" in " ".join(out.split())
    assert Path("g.svg").read_text().startswith("<?xml")
    norms = json.loads(charlstm(*arguments, "--json")[1])
    assert norms["rnn"]["characters_back"] == list(range(1, 31))
    assert len(norms["rnn"]["hidden"]) == 30
    assert norms["rnn"]["cell"] is None
    assert len(norms["lstm"]["cell"]) == 30


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--cells", "feedforward"], 2, "has no state"),
        (["--recurrent-scale", "big"], 2, "--recurrent-scale is 'big'"),
        (["--recurrent-scale", "-1"], 2, "0 or more"),
        (["--length", 5000], 1, "fewer than"),
        (["--variation", "textbok"], 2, "did you mean 'textbook'"),
        (["--dark"], 2, "--dark is for pictures"),
        (["--plot", "x.svg", "--font-size", 400], 2, "--font-size is 400"),
        (["--plot", "x.txt"], 2, "not the name of an image file"),
        (["--model", "nowhere"], 1, "there is no run"),
        (["none.txt"], 1, "there is no text"),
    ],
)
def test_wrong_usage(charlstm, text, arguments, code, message):
    texts = [] if arguments[0].endswith(".txt") else [text]
    actual, out, err = charlstm("gradients", *texts, *arguments)
    assert (actual, out) == (code, "")
    assert message in err


def test_the_default_is_the_textbook_picture(charlstm):
    code, out, _ = charlstm("gradients", "--json")
    assert code == 0
    norms = json.loads(out)
    fall = {name: np.log10(one["hidden"][0] / one["hidden"][99]) for name, one in norms.items()}
    assert 10 < fall["rnn"] < 15
    assert abs(fall["gru"]) < 1
    assert abs(fall["lstm"]) < 1
    assert abs(np.log10(norms["lstm"]["cell"][0] / norms["lstm"]["cell"][99])) < 1


def test_no_warning_about_the_cells_that_a_variation_does_not_change(charlstm, text):
    arguments = ["gradients", text, "--cells", "rnn", "--units", 8, "--length", 9, "--json"]
    assert "forget gate" not in charlstm(*arguments)[2]
    assert "rnn has no forget gate" in charlstm(*arguments, "--forget-bias", 3)[2]


def test_a_run_is_measured_at_its_checkpoints(charlstm, text):
    options = ["--units", 8, "--layers", 1, "--epochs", 2, "--sequence-length", 16, "--batch-size", 8]
    assert charlstm("train", text, *options, "--output", "runs/cats", "--random-seed", 5)[0] == 0
    code, out, _ = charlstm("gradients", "cats", "--length", 20, "--json")
    assert code == 0
    steps = [int(name.removeprefix("step ").replace(",", "")) for name in json.loads(out)]
    assert steps[0] == 0
    assert steps == sorted(steps)
    assert len(steps) > 1
    report = " ".join(charlstm("gradients", "runs/cats", "--length", 20)[1].split())
    assert "20 characters back the gradient is" in report
    assert ", c" not in report
    code, _, err = charlstm("gradients", "cats", "--cells", "rnn")
    assert code == 2
    assert "--cells is for untrained networks, but a run is given" in err
