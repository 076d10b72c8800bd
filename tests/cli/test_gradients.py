"""`charlstm gradients` as a user runs it."""

import json
from pathlib import Path

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
    assert "with respect to the cell state" in out
    assert sum(line.startswith(("rnn x", "lstm x")) for line in out.splitlines()) == 6
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
