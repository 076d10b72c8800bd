"""`charlstm score`."""

import csv
import io
import json
from pathlib import Path

import pytest

from charlstm.cli.display import odd_texts
from charlstm.storage.model_file import save_model
from tests.conftest import letter_model

NAMES = "anna\nbob\n\nzzz\n\u6f22\n"


@pytest.fixture
def models(run):
    """Two runs, one of which writes mostly a, the other mostly b."""
    for name, letter in {"alice": "a", "bob": "b"}.items():
        (run.parent / name).mkdir()
        letters = dict.fromkeys("\n abnoz", 1) | {letter: 9}
        save_model(run.parent / name / "model.safetensors", letter_model(letters))
    Path("names.txt").write_text(NAMES)


def score(charlstm, *arguments):
    code, out, err = charlstm("score", *arguments, "--json")
    assert code == 0, err
    return json.loads(out)["passages"]


def test_the_oddest_line_comes_first(charlstm, models):
    passages = score(charlstm, "names.txt", "--per-line", "--model", "alice")
    assert [one["text"] for one in passages] == ["\u6f22", "bob", "zzz", "anna"]
    assert [one["line"] for one in passages] == [5, 2, 4, 1]
    assert passages[0]["left_out"] == 1
    _, out, _ = charlstm("score", "names.txt", "--per-line", "--model", "alice")
    heading, *lines = out.splitlines()
    assert heading.split() == ["bits", "per", "character", "characters", "skipped", "place", "text"]
    assert [line.split()[:2] for line in lines] == [
        [f"{one['bits']:.1f}", f"{one['bits_per_character']:.4f}"] for one in passages
    ]
    assert [line.split()[4] for line in lines] == ["names.txt:5", "names.txt:2", "names.txt:4", "names.txt:1"]


def test_files_of_a_folder_are_scored_one_by_one(charlstm, models):
    folder = Path("texts")
    folder.mkdir()
    for name, text in {"one.txt": "aaaa\n", "two.txt": "bbbb\n", "none.txt": ""}.items():
        (folder / name).write_text(text)
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    code, out, err = charlstm("score", "texts", "names.txt", "--model", "alice", "--json")
    assert [one["file"] for one in json.loads(out)["passages"]] == ["texts/two.txt", "names.txt", "texts/one.txt"]
    assert "texts: 2 files, 2 skipped" in err
    assert code == 0


def test_the_figures_of_a_file_are_those_of_evaluate(charlstm, run):
    Path("text.txt").write_text("\n" + "the quick brown fox\n" * 30)
    Path("rest.txt").write_text("the quick brown fox\n" * 30)
    expected = json.loads(charlstm("evaluate", "tiny", "text.txt", "--json")[1])
    (found,) = score(charlstm, "rest.txt")
    assert found["characters"] == expected["characters"]
    assert found["bits_per_character"] == pytest.approx(expected["bits_per_character"], abs=1e-5)


def test_which_model_wrote_each_line(charlstm, models):
    options = ("--per-line", "--model", "alice", "--model", "bob")
    found = {one["text"]: one for one in score(charlstm, "names.txt", *options)}
    assert (found["anna"]["wrote"], found["bob"]["wrote"]) == ("alice", "bob")
    one = found["anna"]
    assert one["log_likelihood_ratio"] == pytest.approx(one["bits"]["bob"] - one["bits"]["alice"])
    assert found["zzz"]["log_likelihood_ratio"] == pytest.approx(0, abs=1e-4)
    assert found["\u6f22"]["bits_per_character"]["alice"] is not None  # of its line end
    assert charlstm("score", "names.txt", *options)[1].splitlines()[0].split()[:4] == ["wrote", "it", "ratio", "bits"]


def test_comma_separated_values(charlstm, models):
    _, out, _ = charlstm("score", "names.txt", "--per-line", "--model", "alice", "--model", "bob", "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert list(rows[0]) == [
        "file", "line", "characters", "left_out", "bits alice", "bits bob", "bits_per_character alice",
        "bits_per_character bob", "wrote", "log_likelihood_ratio", "text",
    ]  # fmt: skip
    assert {row["text"]: row["wrote"] for row in rows}["bob"] == "bob"


def test_standard_input_and_the_newest_run(charlstm, run, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"ann\nbob\n")))
    code, out, err = charlstm("score", "-", "--per-line")
    assert (code, err) == (0, "the newest run: runs/tiny\n")
    assert len(out.splitlines()) == 3


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "TEXT"),
        (["nowhere.txt"], 1, "there is no text 'nowhere.txt'"),
        (["names.txt", "--csv", "--json"], 2, "--csv and --json are both given"),
        (["names.txt", "--model", "tiny", "--model", "tiny"], 2, "--model has the same model twice"),
        (["names.txt", "--model", "alice", "--model", "bob", "--unknown", "nearest"], 2, "--unknown is nearest"),
        (["names.txt", "--unknown", "guess"], 2, "--unknown is 'guess'"),
        (["names.txt", "--unknown", "error"], 1, "does not know"),
        (["blank.txt", "--per-line"], 1, "has no line with more than blanks"),
    ],
)
def test_what_cannot_be_scored_is_an_error(charlstm, models, arguments, code, message):
    Path("blank.txt").write_text("\n \n")
    found, out, err = charlstm("score", *arguments)
    assert (found, out) == (code, ""), err
    assert message in err


def test_the_table_fits_a_narrow_terminal(charlstm, models, monkeypatch):
    monkeypatch.setattr(odd_texts, "output_width", lambda: 48)
    _, out, _ = charlstm("score", "names.txt", "--per-line", "--model", "alice")
    assert max(map(len, out.splitlines())) <= 48
    monkeypatch.setattr(odd_texts, "output_width", lambda: 30)
    _, out, _ = charlstm("score", "names.txt", "--per-line", "--model", "alice")
    assert max(map(len, out.splitlines())) <= 30
