import os
from pathlib import Path

import pytest

from charlstm.errors import RunError
from charlstm.storage.evaluations import find_recorded_run
from charlstm.storage.find_runs import find_model, find_run
from charlstm.storage.run_folder import RunFolder


def make_model(folder, age):
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"")
    os.utime(folder / "model.safetensors", (1e9 - age, 1e9 - age))


def test_newest_model_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_model(tmp_path / "runs/old", age=20)
    make_model(tmp_path / "runs/new", age=10)
    make_model(tmp_path / "runs/.hidden", age=0)
    (tmp_path / "runs/broken").mkdir()
    (tmp_path / "runs/broken/model.safetensors").symlink_to("missing")
    assert find_model(None).parent.name == "new"


def test_model_is_found_by_folder_by_file_and_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_model(tmp_path / "runs/one", age=0)
    expected = tmp_path / "runs/one/model.safetensors"
    for run in ("runs/one", "runs/one/model.safetensors", "one"):
        assert find_model(run).resolve() == expected


def test_name_of_a_run_is_not_the_folder_of_its_texts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lyrics").mkdir()
    make_model(tmp_path / "runs/lyrics", age=0)
    (tmp_path / "runs/lyrics/checkpoint.safetensors").touch()
    (tmp_path / "runs/lyrics/history.jsonl").touch()
    assert find_model("lyrics").parent == find_run("lyrics").path == find_recorded_run("lyrics").path
    assert find_model("lyrics").parent == Path("runs/lyrics")
    (tmp_path / "lyrics/model.safetensors").touch()
    assert find_model("lyrics").parent == Path("lyrics")


@pytest.mark.parametrize("path", ["./tiny", "../tiny", ".", "./tiny/"])
def test_a_relative_path_is_no_name_under_runs(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    for folder in (Path("runs/tiny"), Path("tiny"), Path("runs")):  # runs/../tiny is ./tiny
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.safetensors").touch()
    Path("tiny/model.safetensors").unlink()
    for find in (find_model, find_run, find_recorded_run):
        with pytest.raises(RunError) as caught:
            find(path)
        assert "runs/" not in str(caught.value)
    assert find_model("tiny") == Path("runs/tiny/model.safetensors")


def test_error_about_an_unknown_run_names_those_there_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match="no run in"):
        find_model(None)
    make_model(tmp_path / "runs/one", age=0)
    with pytest.raises(RunError, match="'two'") as caught:
        find_model("two")
    assert "runs/one" in caught.value.hint
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match=r"has no model\.safetensors"):
        find_model("empty")


def test_run_is_replaced_only_on_request(tmp_path):
    run = RunFolder(tmp_path / "run")
    run.create()
    run.check_is_free()
    run.model.write_bytes(b"precious")
    with pytest.raises(RunError, match="already holds a run") as caught:
        run.check_is_free()
    assert "`overwrite`" in caught.value.hint
    assert "`resume`" not in caught.value.hint
    assert run.model.read_bytes() == b"precious"
    run.checkpoint.touch()
    with pytest.raises(RunError) as caught:
        run.check_is_free()
    assert "`resume`" in caught.value.hint


def test_clear_removes_the_files_of_a_run_and_no_others(tmp_path):
    run = RunFolder(tmp_path)
    for file in run.files:
        file.touch()
    (run.path / f".model.safetensors.{os.getpid()}.tmp").write_bytes(b"part")
    for name in ("notes.md", ".model.safetensors.bak", ".config.json.swp"):
        (run.path / name).write_text("mine")
    run.clear()
    assert sorted(path.name for path in run.path.iterdir()) == [
        ".config.json.swp",
        ".model.safetensors.bak",
        "notes.md",
    ]


def test_clear_removes_the_files_of_trackers_but_nothing_behind_a_link(tmp_path):
    run, elsewhere = RunFolder(tmp_path / "run"), tmp_path / "elsewhere"
    for folder in (run.logs / "wandb", elsewhere):
        folder.mkdir(parents=True)
        (folder / "run.wandb").write_text("figures")
    run.clear()
    assert not run.logs.exists()
    run.logs.symlink_to(elsewhere)
    run.clear()
    assert (elsewhere / "run.wandb").exists()


def test_the_text_of_a_run_is_a_file_and_nothing_else(tmp_path):
    run = RunFolder(tmp_path)
    assert not run.has_text
    run.text.write_text("text")
    assert run.has_text
    for make in (lambda: run.text.symlink_to(tmp_path / "other"), lambda: os.mkfifo(run.text)):
        run.text.unlink()
        make()
        with pytest.raises(RunError, match="is not a file that charlstm wrote"):
            assert run.has_text


def test_leftovers_of_earlier_versions_are_removed_too(tmp_path):
    run = RunFolder(tmp_path)
    kept = [".notes.txt.12.tmp", ".model.safetensors.tmp", ".model.safetensors.bak"]
    for name in (*kept, ".model.safetensors.12.tmp", ".charlstm-0123456789abcdef.tmp"):
        (tmp_path / name).touch()
    run.remove_leftovers()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)


def test_run_folder_cannot_be_made_where_a_file_is(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="is a file"):
        RunFolder(tmp_path / "file").create()
    with pytest.raises(RunError, match="cannot be written"):
        RunFolder(tmp_path / "file" / "run").create()


def test_run_with_the_newest_checkpoint_is_found_even_between_two_renames(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match="no run in"):
        find_run(None)
    for age, name in enumerate(("checkpoint.previous.safetensors", "checkpoint.safetensors")):
        (tmp_path / "runs" / str(age)).mkdir(parents=True)
        (tmp_path / "runs" / str(age) / name).touch()
        os.utime(tmp_path / "runs" / str(age) / name, (1e9 - age, 1e9 - age))
    assert find_run(None).path.name == "0"
    assert find_run("1").path == find_run("runs/1").path
    with pytest.raises(RunError, match="no run folder '2'"):
        find_run("2")
    with pytest.raises(RunError, match="has no checkpoint"):
        find_run(".")
