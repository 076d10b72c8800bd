"""`charlstm compare` as a user runs it."""

import csv
import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.tensorflow

TEXT = "the cat sat on the mat and the dog sat on the log\n" * 80
OPTIONS = ["--layers", 1, "--units", 24, "--max-time", "0.2s"]


@pytest.fixture
def text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("cats.txt").write_text(TEXT)
    return "cats.txt"


def test_a_comparison_is_written_and_continued(charlstm, text):
    code, out, err = charlstm("compare", text, "--cells", "lstm,rnn", *OPTIONS)
    assert code == 0
    assert out.startswith("equal time: 0.2s for each network\n")
    assert {line.split()[0] for line in out.splitlines()[1:]} == {"cell", "lstm", "rnn"}
    folder = Path("runs/compare-cats")
    results = json.loads((folder / "comparison.json").read_text())
    sizes = [summary["parameters"] for summary in results["cells"]]
    assert max(sizes) <= 1.04 * min(sizes)
    assert all(0 < run["validation_bits"] < 5 for run in results["trainings"])  # 3.8 before the first step
    assert len(list(csv.DictReader((folder / "comparison.csv").open()))) == 2
    assert (folder / "comparison.svg").read_text().startswith("<?xml")
    before = (folder / "lstm-1" / "model.safetensors").read_bytes()
    for file in ("comparison.json", "comparison.csv"):
        (folder / file).unlink()
    code, out, err = charlstm("compare", text, "--cells", "lstm,rnn,gru", *OPTIONS, "--json")
    assert code == 0
    assert "lstm, run" not in err
    assert "gru, run 3 of 3" in err
    assert {summary["cell"] for summary in json.loads(out)["cells"]} == {"lstm", "rnn", "gru"}
    assert (folder / "lstm-1" / "model.safetensors").read_bytes() == before
    code, out, err = charlstm("compare", text, "--cells", "rnn", "--repeats", 2, *OPTIONS)
    assert "rnn, run 2 of 2" in err
    assert len(json.loads((folder / "comparison.json").read_text())["cells"]) == 3
    code, out, err = charlstm("compare", text, "--cells", "lstm", "--max-time", "4s")
    assert (code, out) == (1, "")
    assert "another --max-time" in err
    Path(text).write_text(TEXT + "more")
    code, out, err = charlstm("compare", text, "--cells", "lstm", *OPTIONS)
    assert (code, out) == (1, "")
    assert "another text" in err
    assert charlstm("generate", "runs/compare-cats/gru-1", "--length", 5)[0] == 0


def test_overwrite_removes_the_comparison_and_no_other_run(charlstm, text):
    other = Path("runs/mine")
    other.mkdir(parents=True)
    (other / "model.safetensors").write_bytes(b"somebody's")
    code, _, err = charlstm("compare", text, "--cells", "rnn", *OPTIONS, "--out", "runs", "--overwrite")
    assert code == 0, err
    before = (Path("runs/rnn-1") / "history.jsonl").read_text()
    code, _, err = charlstm("compare", text, "--cells", "grid", "--units", 3, "--output", "runs", "--overwrite")
    assert code == 2
    assert "no grid network comes within" in err
    assert (Path("runs/rnn-1") / "history.jsonl").read_text() == before
    assert (other / "model.safetensors").read_bytes() == b"somebody's"


def test_equal_characters_give_every_run_the_same_number(charlstm, text):
    options = ["--equal", "characters", "--json", "--plot", "p.png"]
    code, out, _ = charlstm("compare", text, "--cells", "lstm,coupled", *OPTIONS, *options)
    assert code == 0
    one, other = json.loads(out)["trainings"]
    assert one["epochs"] == pytest.approx(other["epochs"], rel=0.05)
    assert Path("p.png").read_bytes()[1:4] == b"PNG"


def test_the_text_is_read_as_the_options_say_and_its_plot_drawn_again(charlstm, text):
    Path(text).write_bytes((TEXT.upper() * 2 + "CAFÉ\n").encode("latin-1"))
    options = ["--lowercase", "--encoding", "latin-1", "--normalize", "nfkc", "--plot", "p.svg", "--steps", 3]
    command = ["compare", text, "--cells", "rnn", *OPTIONS[:4], *options]
    code, _, err = charlstm(*command)
    assert code == 0, err
    vocabulary = json.loads(charlstm("info", "runs/compare-cats/rnn-1", "--json")[1])["vocabulary"]
    assert set(vocabulary["characters"]) == set(TEXT + "café")
    config = json.loads(Path("runs/compare-cats/rnn-1/config.json").read_text())
    assert config["text"]["reading"] == {
        "encoding": "latin-1",
        "normalize": "nfkc",
        "keep_boilerplate": False,
        "lowercase": True,
    }
    assert charlstm(*command)[0] == 0
    Path("other.svg").write_text("precious")
    code, out, err = charlstm(*command[:-4], "--plot", "other.svg", "--steps", 3)
    assert (code, out, "other.svg already exists" in err) == (1, "", True)


def test_equal_steps(charlstm, text):
    code, out, _ = charlstm("compare", text, "--cells", "lstm,rnn", *OPTIONS[:4], "--steps", 7)
    assert code == 0
    assert out.startswith("equal steps: 7 for each network\n")
    runs = json.loads(Path("runs/compare-cats/comparison.json").read_text())["trainings"]
    assert runs[0]["epochs"] == runs[1]["epochs"]
    history = Path("runs/compare-cats/rnn-1/history.jsonl").read_text()
    steps = [json.loads(line)["step"] for line in history.splitlines()]
    assert steps[-1] == 7
    assert charlstm("compare", text, "--cells", "lstm,rnn", *OPTIONS[:4], "--equal", "steps", "--steps", 7)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--epochs", 3, "--steps", 5], 2, "--epochs and --steps are both given"),
        (["--epochs", 3, "--equal", "time"], 2, "--epochs is given, but --equal is time"),
        (["--cells", "lstm,magic"], 2, "unknown cell 'magic'"),
        (["--cells", "lstm,lstm"], 2, "names a cell twice"),
        (["--equal", "luck"], 2, "--equal is 'luck'"),
        (["--plot", "x.doc"], 2, "not the name of an image file"),
        (["--plot", "nowhere/x.svg"], 1, "there is no folder nowhere"),
        (["--units", 0], 2, "--units is 0"),
    ],
)
def test_wrong_usage_is_refused_before_anything_is_written(charlstm, text, arguments, code, message):
    actual, out, err = charlstm("compare", text, *arguments)
    assert (actual, out) == (code, "")
    assert message in err
    assert not Path("runs").exists()


def test_a_text_that_is_too_short_leaves_nothing_behind(charlstm, text):
    Path(text).write_text("too short")
    assert charlstm("compare", text)[0] == 1
    assert not Path("runs").exists()
