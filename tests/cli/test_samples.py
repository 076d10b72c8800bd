"""`charlstm samples`: one after the other, side by side, and as JSON."""

import json
from pathlib import Path

import pytest

from charlstm.cli.display.sample_list import printable_lines
from tests.run_folders import make_run_folder, write_evaluations


@pytest.fixture(autouse=True)
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return make_run_folder(Path("runs/cats"))


def steps(charlstm, *options):
    return [sample["step"] for sample in json.loads(charlstm("samples", *options, "--json")[1])]


def test_one_after_the_other_with_their_losses(charlstm):
    code, out, err = charlstm("samples")
    assert (code, err) == (0, "the newest run: runs/cats\n")
    assert out.startswith(
        "--- step 10, epoch 0.50, training 2.5000 nats (3.6067 bits), validation 2.0000 nats (2.8854 bits) ---\n"
        "the cat\nsat 1\n\n--- step 20, best, epoch 1.00,"
    )
    assert out.endswith("\nsat 3\n")


def test_which_samples_are_shown(charlstm, run):
    write_evaluations(run, validation=[1.5] * 100, train=[1.5] * 100)
    assert steps(charlstm, "--last", 2) == [990, 1000]
    assert steps(charlstm, "--every", 40) == [200, 600, 1000]
    assert steps(charlstm, "--every", 2, "--last", 3) == [980, 1000]
    assert steps(charlstm, "--every", 1) == [*range(10, 1001, 10)]
    spread = steps(charlstm)
    assert (len(spread), spread[0], spread[-1]) == (24, 10, 1000)
    assert "24 of 100 evaluations; --every 1 shows all" in charlstm("samples")[2]


def test_json_has_the_figures(charlstm):
    first, best, _ = json.loads(charlstm("samples", "cats", "--json")[1])
    assert first == {
        "step": 10,
        "epoch": 0.5,
        "seconds": 5.0,
        "train_nats": 2.5,
        "validation_nats": 2.0,
        "network": 1,
        "best": False,
        "sample": "the cat\nsat 1",
    }
    assert best["best"] is True


@pytest.mark.parametrize(("width", "number"), [(20, 1), (40, 1), (80, 3), (200, 7)])
def test_side_by_side_as_many_as_fit(charlstm, monkeypatch, run, width, number):
    from rich.cells import cell_len

    monkeypatch.setattr("charlstm.cli.display.sample_list.terminal_width", lambda: width)
    sample = "a line that is longer than a column is wide\tand \x1b[31m \u6f22\u5b57" * 2 + "\u6f22" * 30
    write_evaluations(run, validation=[1.5] * 9, train=[1.5] * 9, sample=sample)
    code, out, _ = charlstm("samples", "--columns")
    assert code == 0
    assert out.count("step ") == number
    assert "step 90" in out
    assert all(cell_len(line) <= width for line in out.splitlines())
    assert "\x1b" not in out
    assert out.count("step ", 0, out.index("\n")) == number  # headings side by side
    rows = charlstm("samples", "--columns", "--every", 1)[1]
    assert rows.count("step ") == 9


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_terminal_gets_whole_words_and_figures(charlstm, monkeypatch, run, width):
    monkeypatch.setattr("charlstm.cli.display.sample_list.terminal_width", lambda: width)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    write_evaluations(run, validation=[1.5], train=[1.5], sample="    indented words of a text " + 20 * "that go on ")
    lines = charlstm("samples")[1].splitlines()
    assert max(map(len, lines)) <= width
    assert {word for line in lines for word in line.split()} >= {"indented", "words", "that", "go", "on"}
    sample = lines[next(index for index, line in enumerate(lines) if line.startswith("    indented")) :]
    assert {word for line in sample for word in line.split()} == {
        "indented",
        "words",
        "of",
        "a",
        "text",
        "that",
        "go",
        "on",
        "1",
    }
    heading = " ".join(line.strip() for line in lines if "(" in line or "---" in line or "step" in line)
    assert "training 1.5000 nats (2.1640 bits), validation 1.5000 nats (2.1640 bits) ---" in heading
    assert all(line.count("(") == line.count("bits)") for line in lines)


def test_a_sample_of_blanks_is_named():
    assert printable_lines(" \n   \n") == ["(only blanks and line ends)"]
    assert printable_lines(" \n x") == [" ", " x"]


def test_a_terminal_gets_no_control_characters(charlstm, monkeypatch, run):
    write_evaluations(run, validation=[1.5], train=[1.5], sample="\x1b]0;title\x07\tx")
    assert "\x1b]0;title\x07\tx" in charlstm("samples")[1]  # a pipe gets what was generated
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert "\\x1b]0;title\\x07  x" in charlstm("samples")[1]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [(["nowhere"], 1, "'nowhere'"), (["--last", "0"], 2, "--last"), (["--every", "0"], 2, "--every")],
)
def test_wrong_usage(charlstm, arguments, code, message):
    found, out, err = charlstm("samples", *arguments)
    assert (found, out) == (code, "")
    assert message in err


def test_a_run_without_samples(charlstm, run):
    run.samples.unlink()
    assert charlstm("samples")[0] == 1
    write_evaluations(run, validation=(), train=())
    code, _, err = charlstm("samples")
    assert code == 1
    assert "no samples yet" in err
