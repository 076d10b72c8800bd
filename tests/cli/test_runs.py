"""`charlstm runs`: the list, and removing, renaming and choosing runs."""

import io
import json
import os
from pathlib import Path

import pytest

from charlstm.cli.commands.runs import SORT_KEYS
from charlstm.storage.lock import exclusive_lock
from tests.run_folders import make_run_folder

BITS_OF_1_5_NATS = "2.1640"


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    """A folder with three runs."""
    monkeypatch.chdir(tmp_path)
    make_run_folder(Path("runs/old"), started="2026-01-01T00:00:00+00:00")
    make_run_folder(Path("runs/new"), started="2026-02-01T00:00:00+00:00", finished=False, validation=(2.0, 1.0, 1.2))
    dogs = {"text": "dogs", "started": "2025-01-01T00:00:00+00:00", "validation": (0.9, 0.8, 0.7)}
    make_run_folder(Path("runs/compare/lstm-0"), **dogs, start_from=os.path.abspath("runs/old/model.safetensors"))
    return tmp_path / "runs"


@pytest.fixture
def terminal(monkeypatch):
    """A terminal for stdout and stdin, of a width that the test sets."""

    def make(width=80, answer=""):
        monkeypatch.setattr("charlstm.cli.display.run_table.terminal_width", lambda: width)
        monkeypatch.setattr("sys.stdout.isatty", lambda: True)
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        monkeypatch.setattr("sys.stdin.isatty", lambda: True)

    return make


def names(out):
    return [line.split("  ")[0] for line in out.splitlines()[1:]]


def test_the_newest_run_comes_first(charlstm):
    code, out, err = charlstm("runs")
    assert (code, err) == (0, "")
    heading, *lines = out.splitlines()
    assert heading.split() == ["name", "state", "bits", "text", "network", "time", "date", "size", "started", "from"]
    assert names(out) == ["new", "old", "compare/lstm-0"]
    assert lines[1].split()[:6] == ["old", "complete", BITS_OF_1_5_NATS, "cats", "lstm", "2x8"]
    assert lines[0].split()[1] == "interrupted"
    assert lines[2].split()[-1] == "old"
    assert "0:15" in lines[0]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("name", ["compare/lstm-0", "new", "old"]),
        ("bits", ["compare/lstm-0", "new", "old"]),
        ("text", ["new", "old", "compare/lstm-0"]),
        ("date", ["new", "old", "compare/lstm-0"]),
        ("state", ["compare/lstm-0", "old", "new"]),
    ],
)
def test_sorting(charlstm, column, expected):
    assert names(charlstm("runs", "--sort", column)[1]) == expected


def test_every_column_sorts_runs_of_which_nothing_is_known(charlstm):
    for number in range(2):
        Path(f"runs/empty{number}").mkdir()
        Path(f"runs/empty{number}/model.safetensors").touch()
    for column in SORT_KEYS:
        assert len(names(charlstm("runs", "--sort", column)[1])) == 5
    assert charlstm("runs", "--sort", "colour")[0] == 2


def test_json_has_everything(charlstm):
    new, *_, dogs = json.loads(charlstm("runs", "--json")[1])
    assert new["path"] == "runs/new"
    assert (new["state"], new["validation_nats"], new["random_seed"], new["step"]) == ("interrupted", 1.0, 7, 30)
    assert dogs["start_from"].endswith("old/model.safetensors")
    assert json.loads(charlstm("runs", "--folder", "runs/compare", "--json")[1])[0]["name"] == "lstm-0"


def test_without_runs_the_list_is_empty(charlstm, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    code, out, err = charlstm("runs")
    assert (code, out) == (0, "")
    assert "there are no runs in runs" in err
    assert charlstm("runs", "--json")[1] == "[]\n"
    assert charlstm("runs", "--folder", "nowhere")[0] == 1


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_the_table_fits_the_terminal(charlstm, terminal, width):
    make_run_folder(Path("runs") / ("long" * 12), validation=(2.0, 1.0, 1.2))
    make_run_folder(Path("runs/\u6f22\u5b57" * 1), text="\x1b[31mred")
    terminal(width)
    out = charlstm("runs")[1]
    assert all(len(line) <= width for line in out.splitlines())
    assert "\x1b" not in out
    assert BITS_OF_1_5_NATS in out
    assert ("size" in out) == (width == 200)


def test_a_run_is_training_while_its_lock_is_held(charlstm):
    with exclusive_lock(Path("runs/old")):
        assert json.loads(charlstm("runs", "--sort", "name", "--json")[1])[2]["state"] == "training"
        for command in (["rm", "old", "--yes"], ["mv", "old", "older"]):
            code, _, err = charlstm("runs", *command)
            assert code == 1
            assert "runs/old is training" in err
    assert Path("runs/old/model.safetensors").exists()


def test_removing_takes_the_folder_and_leaves_other_files(charlstm):
    Path("runs/new/notes.txt").write_text("mine")
    code, out, err = charlstm("runs", "rm", "old", "runs/new", "compare/lstm-0", "--yes")
    assert (code, out) == (0, ""), err
    assert "but not other files in it: notes.txt" in err
    assert sorted(map(str, Path("runs").rglob("*"))) == ["runs/compare", "runs/new", "runs/new/notes.txt"]


@pytest.mark.parametrize(("answer", "is_removed"), [("y\n", True), ("n\n", False), ("\n", False), ("", False)])
def test_removing_asks_on_a_terminal(charlstm, terminal, answer, is_removed):
    terminal(answer=answer)
    code, _, err = charlstm("runs", "rm", "old")
    assert code == 0
    assert "remove this run? [y/N]" in err
    assert Path("runs/old").exists() != is_removed


def test_removing_without_a_terminal_needs_yes(charlstm):
    code, _, err = charlstm("runs", "rm", "old")
    assert (code, Path("runs/old").exists()) == (2, True)
    assert "--yes" in err


@pytest.mark.parametrize(
    "name", [".", "..", "../runs", "compare", "plain", "file", "nowhere", "link", "link/inside", ""]
)
def test_what_is_not_a_run_below_the_folder_is_refused(charlstm, tmp_path, name):
    make_run_folder(tmp_path / "outside" / "inside")
    Path("runs/plain").mkdir()
    Path("runs/plain/config.json").write_text("{}")
    Path("runs/file").write_text("")
    Path("runs/link").symlink_to(tmp_path / "outside" / ("" if "/" in name else "inside"))
    before = sorted(tmp_path.rglob("*"))
    for command in (["rm", "old", name, "--yes"], ["mv", name, "other"]):
        code, _, err = charlstm("runs", *command)
        assert code == 1, err
        assert sorted(tmp_path.rglob("*")) == before


def test_links_in_a_run_are_removed_and_not_followed(charlstm, tmp_path):
    (tmp_path / "keep").mkdir()
    (tmp_path / "keep/file").write_text("mine")
    Path("runs/old/samples.txt").unlink()
    Path("runs/old/samples.txt").symlink_to(tmp_path / "keep/file")
    Path("runs/old/sub").symlink_to(tmp_path / "keep")
    charlstm("runs", "rm", "old", "--yes")
    assert (tmp_path / "keep/file").read_text() == "mine"
    assert [path.name for path in Path("runs/old").iterdir()] == ["sub"]


def test_renaming_keeps_what_refers_to_the_run(charlstm):
    Path("runs/old/.stdin.txt").write_text("the text")
    assert charlstm("runs", "mv", "old", "older") == (0, "runs/older\n", "")
    assert not Path("runs/old").exists()
    assert not Path("runs/older/.owner.json").exists()
    listed = json.loads(charlstm("runs", "--sort", "name", "--json")[1])
    assert [run["name"] for run in listed] == ["compare/lstm-0", "new", "older"]
    assert listed[0]["start_from"] == os.path.abspath("runs/older/model.safetensors")
    assert os.path.abspath("runs/older/.stdin.txt") in charlstm("info", "older")[1]


@pytest.mark.parametrize("name", ["new", "compare", "a/b", "../b", "/b", ".hidden", "old", ""])
def test_names_that_cannot_be_given_are_refused(charlstm, tmp_path, name):
    before = sorted(tmp_path.rglob("*"))
    code, _, err = charlstm("runs", "mv", "old", name)
    assert code == 1, err
    assert sorted(tmp_path.rglob("*")) == before


def test_the_best_run_of_a_text(charlstm):
    code, out, err = charlstm("runs", "best", "--text", "cats")
    assert (code, out) == (0, "runs/new\n")
    assert "warning" not in err
    for options in (["best", "--text", "texts/cats.txt"], ["--folder", "runs", "best", "--text", "cats.txt"]):
        assert charlstm("runs", *options)[1] == "runs/new\n"
    code, out, err = charlstm("runs", "best")
    assert (code, out) == (0, "runs/compare/lstm-0\n")
    assert "texts: cats, dogs" in err
    assert "choose a text with --text" in err
    code, out, err = charlstm("runs", "best", "--text", "birds")
    assert (code, out) == (1, "")
    assert "cats, dogs" in err


def test_options_of_the_list_are_refused_for_its_commands(charlstm):
    assert charlstm("runs", "--json", "best")[0] == 2
