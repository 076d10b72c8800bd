import os
import subprocess
import sys
from pathlib import Path

import pytest

from charlstm.atomic_files import move, remove_leftovers, write_atomically, write_temporary
from charlstm.errors import RunError


def fail_to_flush(descriptor):
    raise OSError(28, "No space left on device")


@pytest.fixture
def finished_process():
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture
def running_process():
    """The id of another process that is running."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process.pid
    process.kill()
    process.communicate()


def test_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"old")
    monkeypatch.setattr(os, "fsync", fail_to_flush)
    with pytest.raises(RunError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_interrupted_write_leaves_nothing_behind(tmp_path, monkeypatch):
    def leave(descriptor):
        raise SystemExit(130)

    monkeypatch.setattr(os, "fsync", leave)
    with pytest.raises(SystemExit):
        write_atomically(tmp_path / "file", b"new")
    assert not list(tmp_path.iterdir())


def test_temporary_file_is_flushed_and_readable_even_if_the_writer_replaces_it(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: flushed.append(os.fstat(descriptor).st_ino))

    def replace(path):
        (tmp_path / "other").write_bytes(b"new")
        (tmp_path / "other").chmod(0o600)
        (tmp_path / "other").replace(path)

    temporary = write_temporary(tmp_path / "file", replace)
    assert flushed == [temporary.stat().st_ino]
    (tmp_path / "usual").touch()
    assert temporary.stat().st_mode == (tmp_path / "usual").stat().st_mode
    move(temporary, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"new"


def test_failed_write_to_a_temporary_file_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", fail_to_flush)
    with pytest.raises(RunError, match="file cannot be written: No space left"):
        write_temporary(tmp_path / "file", lambda path: None)
    assert not list(tmp_path.iterdir())


def test_leftovers_of_dead_processes_are_removed(tmp_path, finished_process):
    for process in (finished_process, os.getpid()):
        (tmp_path / f".file[1].{process}.tmp").touch()
    (tmp_path / "file[1]").touch()
    remove_leftovers(tmp_path, ["file[1]"])
    assert [path.name for path in tmp_path.iterdir()] == ["file[1]"]


def test_no_other_file_is_removed_as_a_leftover(tmp_path, finished_process, running_process):
    names = [
        *("g.png", ".g.png.bak", ".g.png.swp", ".g.png.tmp", ".g.png.1", f".g.png.{finished_process}"),
        *(f".g.png.{running_process}.tmp", f".h.png.{finished_process}.tmp", f"g.png.{finished_process}.tmp"),
        *(f".g.png.old.{finished_process}.tmp", f".gxpng.{finished_process}.tmp", ".g.png.99999999999999999999.tmp"),
    ]
    for name in names:
        (tmp_path / name).touch()
    remove_leftovers(tmp_path, ["g.png"])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_leftovers_in_a_missing_folder_are_no_error(tmp_path):
    remove_leftovers(tmp_path / "missing", ["file"])


def test_links_are_followed_and_devices_written_to(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "file")
    write_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"new"
    write_atomically(Path("/dev/null"), b"gone")
    assert not Path("/dev/null").is_file()


def test_a_folder_of_that_name_is_an_error_that_leaves_nothing_behind(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(RunError, match="cannot be written"):
        write_atomically(tmp_path / "folder", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
