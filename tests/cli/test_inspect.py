"""`charlstm inspect` off a terminal: which text it reads, what it prints, and what it refuses."""

import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from charlstm.cells.registry import CELLS
from charlstm.storage.model_file import save_model
from tests.conftest import ALPHABET, random_model

LINE = "the quick brown fox jumps over the lazy dog\n"


def as_json(charlstm, *arguments):
    code, out, err = charlstm("inspect", *arguments, "--json")
    assert code == 0, err
    return json.loads(out), err


def test_by_default_the_validation_part_is_read(charlstm, trained):
    found, err = as_json(charlstm)
    assert found["text"] == (LINE * 40)[-176:]
    assert found["source"] == "validation"
    assert "the newest run: runs/tiny" in err
    assert (found["cell"], found["layers"], found["units"], found["view"]) == ("lstm", 2, 8, "surprise")
    assert len(found["surprise"]) == len(found["entropy"]) == len(found["likeliest"]) == 176
    assert found["surprise"][0] is None
    assert found["likeliest"][0] == []
    assert sum(line["characters"] for line in found["lines"]) == 176
    assert sum(line["bits"] for line in found["lines"]) == pytest.approx(sum(found["surprise"][1:]), abs=0.01)


def test_without_its_text_the_model_is_shown_over_what_it_writes(charlstm, run):
    found, err = as_json(charlstm, "tiny", "--characters", "30", "--random-seed", "1")
    assert found["source"] == "generated"
    assert len(found["text"]) == 30
    assert "over a text that it writes now" in err
    again, err = as_json(charlstm, "tiny", "--generate", "--characters", "30", "--random-seed", "1")
    assert again["text"] == found["text"]
    assert err == ""


def test_a_file_standard_input_or_nothing_but_a_text(charlstm, run, monkeypatch):
    Path("words.txt").write_text("some words\nand more")
    expected, _ = as_json(charlstm, "tiny", "words.txt")
    assert expected["text"] == "some words\nand more"
    assert as_json(charlstm, "words.txt")[0] == expected
    assert as_json(charlstm, "tiny", "words.txt", "--characters", "4")[0]["text"] == "some"
    stdin = io.TextIOWrapper(io.BytesIO(b"some words\nand more"))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert as_json(charlstm, "tiny", "-")[0]["text"] == expected["text"]


def test_unknown_characters_are_left_out_or_replaced_and_named(charlstm, run):
    Path("words.txt").write_text("so S\u6f22x")
    found, err = as_json(charlstm, "tiny", "words.txt")
    assert found["text"] == "so x"
    assert "skipped S (U+0053)" in err
    assert as_json(charlstm, "tiny", "words.txt", "--unknown", "nearest")[0]["text"] == "so sx"
    code, _, err = charlstm("inspect", "tiny", "words.txt", "--unknown", "error")
    assert code == 1
    assert "the model does not know" in err


def test_unit_output_and_cell_state(charlstm, trained):
    output, _ = as_json(charlstm, "--unit", "2:7")
    state, _ = as_json(charlstm, "--unit", "2:7", "--state", "cell")
    assert (output["view"], output["unit"], output["state"], state["state"]) == ("unit", "2:7", "output", "cell")
    assert len(output["values"]) == 176
    assert charlstm("inspect", "--npz", "trace.npz")[0] == 0
    with np.load("trace.npz") as arrays:
        np.testing.assert_allclose(output["values"], arrays["layer2.output"][:, 6], atol=1e-6)
        np.testing.assert_allclose(state["values"], arrays["layer2.cell_state"][:, 6], atol=1e-6)


def test_everything_is_saved_as_arrays(charlstm, trained):
    code, out, err = charlstm("inspect", "--npz", "trace.npz", "--characters", "20")
    assert (code, out) == (0, "")
    assert "saved 20 characters to trace.npz" in err
    with np.load("trace.npz") as arrays:
        gates = ("input_gate", "forget_gate", "candidate", "output_gate", "tanh_cell_state")
        parts = {f"layer{layer}.{name}" for layer in (1, 2) for name in ("output", "cell_state", "half_life", *gates)}
        assert set(arrays) == parts | {"ids", "text", "vocabulary", "log_probabilities", "surprise", "entropy"}
        text = "".join(map(chr, arrays["text"]))
        assert text == (LINE * 40)[-176:-156]
        assert "".join(ALPHABET[index] for index in arrays["ids"]) == text
        assert arrays["log_probabilities"].shape == (20, len(ALPHABET))
        assert arrays["layer1.forget_gate"].shape == (20, 8)
        assert arrays["layer1.half_life"].shape == (8,)
    code, _, err = charlstm("inspect", "--npz", "trace.npz")
    assert code == 1
    assert "already exists" in err
    assert charlstm("inspect", "--npz", "trace.npz", "--overwrite")[0] == 0


@pytest.mark.parametrize("cell", CELLS)
def test_every_view_of_every_cell(charlstm, run, cell):
    save_model(run / "model.safetensors", random_model(cell=cell, attention=3))
    Path("words.txt").write_text("some words\nand more")
    for view in ("surprise", "unit", "gates", "attention"):
        found, _ = as_json(charlstm, "tiny", "words.txt", "--view", view)
        assert found["view"] == view
        code, out, err = charlstm("inspect", "tiny", "words.txt", "--view", view)
        assert code == 0, err
        assert "some words" in out


def test_surprise_is_printed_with_bits_and_digits(charlstm, trained):
    figures, _ = as_json(charlstm, "--characters", "44")
    code, out, _ = charlstm("inspect", "--characters", "44")
    lines = out.splitlines()
    bits = figures["surprise"][1:]
    assert code == 0
    assert lines[0] == f"surprise: {sum(bits) / 43:.2f} bits per character"
    assert lines[2] == f"{sum(bits):6.1f} {sum(bits) / 43:5.2f}  the quick brown fox jumps over the lazy dog\u21b5"
    assert lines[3] == " " * 15 + "".join(str(min(9, int(value))) for value in bits)


def test_gates_are_printed_as_strips_with_their_statistics(charlstm, trained):
    figures, _ = as_json(charlstm, "--layer", "1", "--characters", "20")
    lines = charlstm("inspect", "--layer", "1", "--characters", "20")[1].splitlines()
    forget = figures["activations"]["forget_gate"]
    assert lines[0] == "gates: means of layer 1"
    assert lines[1].split() == ["the", "quick", "brown", "fox"]
    assert "forget      " + "".join(str(int(value * 10)) for value in forget) in lines
    (row,) = [row for row in figures["saturation"] if (row["layer"], row["gate"]) == (2, "output_gate")]
    assert f" 2 output gate       {row['below']:>6.1%} {row['above']:>6.1%} {row['mean']:.2f}" in lines
    assert len(figures["half_lives"]) == 2
    assert len(figures["half_lives"][0]) == 8


def test_a_cell_without_gates_says_so(charlstm, run):
    save_model(run / "model.safetensors", random_model(cell="rnn"))
    code, out, _ = charlstm("inspect", "tiny", "--view", "gates", "--characters", "20")
    assert code == 0
    assert "the cell has no gates" in out
    assert as_json(charlstm, "tiny", "--view", "gates", "--characters", "20")[0]["half_lives"] == [None, None]


def on_a_terminal(monkeypatch, **environment):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"TERM": "xterm-256color"} | environment).items():
        monkeypatch.setenv(name, value)


def test_on_a_terminal_colours_are_printed_or_the_viewer_opens(charlstm, trained, monkeypatch):
    opened = []

    def run(viewer):
        opened.append(viewer)
        return 130

    monkeypatch.setattr("charlstm.cli.display.inspect_viewer.Viewer.run", run)
    on_a_terminal(monkeypatch)
    code, out, _ = charlstm("inspect", "--print", "--view", "unit")
    assert code == 0
    assert "\x1b[" in out
    assert "tenths of" not in out
    assert not opened
    code, out, _ = charlstm("inspect", "--unit", "1:3", "--at", "7")
    assert (code, out) == (130, "")
    (viewer,) = opened
    assert (viewer.view, viewer.place, str(viewer.selection.name())) == ("unit", 6, "1:3")
    assert list(viewer.views) == ["surprise", "unit", "gates", "units", "reach"]


@pytest.mark.parametrize(("environment", "arguments"), [({"TERM": "dumb"}, []), ({"NO_COLOR": "1"}, ["--print"])])
def test_without_colours_digits_are_printed(charlstm, trained, monkeypatch, environment, arguments):
    on_a_terminal(monkeypatch, **environment)
    code, out, _ = charlstm("inspect", "--view", "unit", *arguments)
    assert code == 0
    assert "\x1b" not in out
    assert "1 to 9: tenths of" in out


@pytest.mark.parametrize("view", ["surprise", "unit", "gates"])
@pytest.mark.parametrize("columns", [80, 40])
def test_no_line_is_wider_than_the_terminal(charlstm, trained, monkeypatch, view, columns):
    monkeypatch.setattr("charlstm.cli.display.inspect_view.output_width", lambda: columns)
    Path("words.txt").write_text("word " * 100)
    lines = charlstm("inspect", "tiny", "words.txt", "--view", view)[1].splitlines()
    assert len([line for line in lines if "word" in line]) >= 500 // columns
    assert max(map(len, lines)) <= columns


def test_hostile_characters_are_escaped(charlstm, run):
    hostile = "\x1b\x07\u202e\u2028\x85"
    save_model(run / "model.safetensors", random_model(characters=ALPHABET + hostile + "<>[]3\u0301"))
    Path("words.txt").write_text("a\x1b[31mb\u202ec\u0301\u2028d")
    for view in ("surprise", "unit", "gates"):
        for extra in ((), ("--json",)):
            code, out, err = charlstm("inspect", "tiny", "words.txt", "--view", view, *extra)
            assert code == 0, err
            assert not set(out) & set(hostile)
    assert "\\x1b[3" in charlstm("inspect", "tiny", "words.txt")[1]
    assert as_json(charlstm, "tiny", "words.txt")[0]["text"].startswith("a\x1b[3")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--unit", "3:1"], "there is no layer 3"),
        (["--unit", "1:9"], "--unit is 1:9, but the layers have 8 units"),
        (["--unit", "one"], "--unit is 'one'"),
        (["--layer", "0"], "there is no layer 0"),
        (["--unit", "1:1", "--layer", "1"], "--unit and --layer are both given"),
        (["--view", "gate"], "--view is 'gate'"),
        (["--state", "hidden"], "--state is 'hidden'"),
        (["--view", "attention"], "no attention"),
        (["--at", "177"], "--at is 177, but the text has 176 characters"),
        (["tiny", "text.txt", "--generate"], "TEXT and --generate are both given"),
        (["tiny", "text.txt", "--temperature", "1"], "--temperature is for a text that the model writes"),
        (["tiny", "--font-size", "30"], "--font-size is for a page"),
        (["--npz", "a.npz", "--json"], "--npz and --json are both given"),
    ],
)
def test_wrong_usage(charlstm, trained, arguments, message):
    code, out, err = charlstm("inspect", *arguments)
    assert (code, out) == (2, "")
    assert message in err


def test_too_many_characters_for_the_memory(charlstm, trained, monkeypatch):
    monkeypatch.setattr("charlstm.analysis.inspection.MAX_TRACE_BYTES", 100_000)
    code, _, err = charlstm("inspect")
    assert code == 2
    assert "--characters is 176" in err
    assert "give at most 83 of" in err
    assert as_json(charlstm, "--characters", "83")


def test_what_cannot_be_looked_into(charlstm, run, model):
    Path("words.txt").write_text("\u6f22\u6f22")
    code, _, err = charlstm("inspect", "tiny", "words.txt")
    assert code == 1
    assert "no character to look at" in err
    save_model(run / "model.safetensors", random_model(window=5))
    code, _, err = charlstm("inspect", "tiny", "--generate")
    assert code == 2
    assert "windows" in err
    save_model(run / "model.safetensors", replace(random_model(cell="gru")))
    code, _, err = charlstm("inspect", "tiny", "--state", "cell")
    assert code == 2
    assert "the cell gru has no cell state" in err
