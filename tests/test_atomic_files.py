import os
from pathlib import Path

import pytest

from charlstm.atomic_files import remove_leftovers, write_atomically
from charlstm.errors import RunError


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


def test_a_write_that_is_broken_off_leaves_nothing(tmp_path, monkeypatch):
    def leave(descriptor):
        raise SystemExit(130)

    monkeypatch.setattr(os, "fsync", leave)
    with pytest.raises(SystemExit):
        write_atomically(tmp_path / "file", b"new")
    assert not list(tmp_path.iterdir())


def test_leftovers_of_killed_processes_go_and_nothing_else(tmp_path):
    for name in (".file.123", ".file.9", "file", ".other.7", "file.123"):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path, ("file",))
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.7", "file", "file.123"]


def test_a_link_is_followed_and_a_device_written_to(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "file")
    write_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"new"
    write_atomically(Path("/dev/null"), b"gone")
    assert not Path("/dev/null").is_file()


def test_a_folder_in_the_way_is_told_and_nothing_left_behind(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(RunError, match="cannot be written"):
        write_atomically(tmp_path / "folder", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
