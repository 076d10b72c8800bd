import os

import pytest

from charlstm.errors import RunError
from charlstm.runfolder import RunFolder, find_model, write_atomically


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
    run.model.write_bytes(b"precious")
    (run.path / "notes.md").write_text("mine")
    with pytest.raises(RunError, match="already holds a run") as caught:
        run.create()
    assert "--overwrite" in caught.value.hint
    assert run.model.read_bytes() == b"precious"
    run.create(overwrite=True)
    assert not run.model.exists()
    assert (run.path / "notes.md").exists()


def test_a_run_cannot_be_made_where_a_file_is(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="is a file"):
        RunFolder(tmp_path / "file").create()
    with pytest.raises(RunError, match="cannot be written"):
        RunFolder(tmp_path / "file" / "run").create()


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
