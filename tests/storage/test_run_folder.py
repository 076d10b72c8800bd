import os

import pytest

from charlstm.errors import RunError
from charlstm.storage.run_folder import RunFolder, find_model, find_run


def make_model(folder, age):
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"")
    os.utime(folder / "model.safetensors", (1e9 - age, 1e9 - age))


def test_the_newest_run_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_model(tmp_path / "runs/old", age=20)
    make_model(tmp_path / "runs/new", age=10)
    make_model(tmp_path / "runs/.being-made", age=0)
    assert find_model(None).parent.name == "new"


def test_a_run_is_found_by_its_folder_its_file_and_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_model(tmp_path / "runs/one", age=0)
    expected = tmp_path / "runs/one/model.safetensors"
    for given in ("runs/one", "runs/one/model.safetensors", "one"):
        assert find_model(given).resolve() == expected


def test_an_unknown_run_is_refused_and_the_known_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match="no run in"):
        find_model(None)
    make_model(tmp_path / "runs/one", age=0)
    with pytest.raises(RunError, match="'two'") as caught:
        find_model("two")
    assert "runs/one" in caught.value.hint
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match=r"holds no model\.safetensors"):
        find_model("empty")


def test_a_run_is_not_replaced_unless_told_to(tmp_path):
    run = RunFolder(tmp_path / "run")
    run.create()
    run.check_is_free()
    run.model.write_bytes(b"precious")
    (run.path / "notes.md").write_text("mine")
    with pytest.raises(RunError, match="already holds a run") as caught:
        run.check_is_free()
    assert "--overwrite" in caught.value.hint
    assert run.model.read_bytes() == b"precious"
    (run.path / ".model.safetensors.123").write_bytes(b"half")
    run.clear()
    assert [path.name for path in run.path.iterdir()] == ["notes.md"]


def test_a_run_cannot_be_made_where_a_file_is(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="is a file"):
        RunFolder(tmp_path / "file").create()
    with pytest.raises(RunError, match="cannot be written"):
        RunFolder(tmp_path / "file" / "run").create()


def test_the_run_trained_in_last_is_found_even_in_the_middle_of_a_checkpoint(tmp_path, monkeypatch):
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
    with pytest.raises(RunError, match="holds no checkpoint"):
        find_run(".")
