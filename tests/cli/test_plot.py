"""`charlstm plot`: curves in the terminal and in pictures, and what they show in words."""

import math
from pathlib import Path

import pytest

from charlstm.cli.display.learning_curves import Curve, curve_lines, learning_panel
from charlstm.cli.display.messages import shows_colours
from charlstm.storage.evaluations import EvaluationFigures, read_evaluations
from tests.run_folders import make_run_folder, write_evaluations

RISING = [2.0, 1.5, 1.6, 1.7, 1.8]
FALLING = [2.1, 1.4, 1.3, 1.2, 1.1]


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_run_folder(Path("runs/flat"), validation=[1.5] * 9, train=[1.4] * 9)
    make_run_folder(Path("runs/cats"), validation=RISING, train=FALLING)


def test_the_newest_run_is_drawn_and_overfitting_named(charlstm):
    code, out, err = charlstm("plot")
    assert (code, err) == (0, "the newest run: runs/cats\n")
    assert "\x1b" not in out
    assert all(label in out for label in ("loss of cats", "validation", "training", "nats per character", "epochs"))
    assert "cats: lowest validation loss 1.5000 nats (2.1640 bits), at epoch 1.00, step 20\n" in out
    assert "cats: overfitting since epoch 1.00: the training loss falls from 1.4000 to 1.1000" in out


def test_several_runs_share_one_picture(charlstm):
    code, out, _ = charlstm("plot", "cats", "flat", "--bits", "--x", "seconds")
    assert code == 0
    assert all(label in out for label in ("cats", "flat", "bits per character", "seconds"))
    assert "flat: plateau since epoch 0.50: " in out
    assert "training loss)" not in out


def test_names_tell_runs_in_different_folders_apart(charlstm, tmp_path):
    make_run_folder(tmp_path / "other" / "cats")
    out = charlstm("plot", "cats", tmp_path / "other" / "cats")[1]
    assert "runs/cats: lowest" in out
    assert "other/cats: lowest" in out


@pytest.mark.parametrize(
    ("x", "expected"), [("epochs", 1.5), ("steps", 30), ("seconds", 15.0), ("characters", 1.5 * 900)]
)
def test_axes(charlstm, x, expected):
    from charlstm.storage.run_folder import RunFolder

    curve = Curve("cats", read_evaluations(RunFolder(Path("runs/cats"))), characters_per_epoch=900)
    assert curve.positions(x)[2] == expected
    assert charlstm("plot", "cats", "--x", x)[0] == 0


def test_losses_and_the_best_evaluation_on_the_panel():
    figures = [
        EvaluationFigures(step=n, epoch=n, seconds=n, train_nats=train, validation_nats=validation)
        for n, (train, validation) in enumerate(zip(FALLING, RISING, strict=True))
    ]
    nats, bits = (learning_panel([Curve("cats", figures)], x="steps", bits=bits) for bits in (False, True))
    assert [(line.name, list(line.y)) for line in nats.lines] == [("validation", RISING), ("training", FALLING)]
    assert [line.marked for line in nats.lines] == [1, None]
    assert bits.lines[0].y[0] == pytest.approx(2.0 / math.log(2))
    both = learning_panel([Curve("a\x1b", figures), Curve("b", figures)], x="steps", bits=False)
    assert [line.name for line in both.lines] == ["a\\x1b", "a\\x1b", "b", "b"]


def test_where_another_network_begins_is_said_in_words():
    networks = [1, 1, 2, 2, 3]
    figures = [
        EvaluationFigures(step=n, epoch=n / 2, seconds=n, train_nats=1.5, validation_nats=1.5, network=network)
        for n, network in enumerate(networks, start=1)
    ]
    assert "cats: another network begins at epoch 1.00, 2.00" in curve_lines(Curve("cats", figures))
    assert not any("another network" in line for line in curve_lines(Curve("cats", figures[:2])))


@pytest.mark.parametrize(("options", "dark"), [([], False), (["--dark"], True)])
def test_pictures(charlstm, options, dark):
    from matplotlib.image import imread

    code, out, err = charlstm("plot", "cats", "flat", "-o", "curves.png", *options)
    assert (code, out) == (0, "curves.png\n")
    assert "overfitting since" in err
    background = imread("curves.png")[0, 0, :3].mean()
    assert background == pytest.approx(0 if dark else 1, abs=0.1)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nowhere"], 1, "'nowhere'"),
        (["--x", "hours"], 2, "--x is 'hours'"),
        (["-o", "curves.doc"], 2, "curves.doc"),
        (["--dark"], 2, "--dark"),
        (["model-only"], 1, "no history.jsonl"),
        (["unfinished"], 1, "not been evaluated"),
        (["no-text", "--x", "characters"], 1, "--x"),
    ],
)
def test_what_cannot_be_drawn(charlstm, arguments, code, message):
    make_run_folder(Path("runs/model-only")).history.unlink()
    make_run_folder(Path("runs/no-text")).config.write_text("{}")
    write_evaluations(make_run_folder(Path("runs/unfinished")), validation=(), train=())
    found, out, err = charlstm("plot", *arguments)
    assert (found, out) == (code, "")
    assert message in err


@pytest.mark.parametrize(
    ("environment", "is_terminal", "expected"),
    [({}, True, True), ({}, False, False), ({"NO_COLOR": "1"}, True, False), ({"TERM": "dumb"}, True, False)],
)
def test_colours_only_where_they_are_wanted(monkeypatch, environment, is_terminal, expected):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout.isatty", lambda: is_terminal)
    assert shows_colours() == expected


def test_an_existing_picture_is_replaced_only_with_overwrite(charlstm):
    Path("curve.svg").write_text("precious")
    code, _, err = charlstm("plot", "cats", "--output", "curve.svg")
    assert (code, "--overwrite" in err) == (1, True)
    assert Path("curve.svg").read_text() == "precious"
    assert charlstm("plot", "cats", "--output", "curve.svg", "--overwrite")[0] == 0
    assert "<svg" in Path("curve.svg").read_text()
