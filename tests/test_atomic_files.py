"""Files that are replaced as a whole, by whatever name or kind of file they are reached."""

import fcntl
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from charlstm.atomic_files import append, open_atomically, read_regular_file, remove_leftovers, write_atomically
from charlstm.errors import RunError

WRITE_AND_WAIT = """
import sys
from pathlib import Path
from charlstm.atomic_files import open_atomically
with open_atomically(Path(sys.argv[1])) as file:
    print("writing", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def writer(tmp_path):
    """Another process that is writing `file`."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITE_AND_WAIT, str(tmp_path / "file")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout
    assert process.stdout.readline() == b"writing\n"
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def full_disk(monkeypatch):
    def fail_to_flush(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail_to_flush)


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_failed_write_keeps_the_old_file(tmp_path, full_disk):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(RunError, match="file cannot be written: No space left"):
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


def test_a_file_is_flushed_before_it_takes_its_name_and_the_folder_after(tmp_path, monkeypatch):
    calls: list[tuple[object, ...]] = []
    fsync, replace = os.fsync, os.replace

    def record_fsync(descriptor):
        calls.append(("fsync", os.fstat(descriptor).st_ino))
        fsync(descriptor)

    def record_replace(source, target):
        calls.append(("replace", os.stat(source).st_ino, Path(target).name))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(os, "replace", record_replace)
    write_atomically(tmp_path / "file", b"one")
    first, folder = (tmp_path / "file").stat().st_ino, tmp_path.stat().st_ino
    assert calls == [("fsync", first), ("replace", first, "file"), ("fsync", folder)]
    calls.clear()
    with open_atomically(tmp_path / "file", keep_old_as=tmp_path / "old") as file:
        file.write(b"two")
    second = (tmp_path / "file").stat().st_ino
    assert calls == [
        ("fsync", second),
        ("replace", first, "old"),
        ("fsync", folder),
        ("replace", second, "file"),
        ("fsync", folder),
    ]
    assert (tmp_path / "old").read_bytes() == b"one"
    calls.clear()
    assert append(tmp_path / "file", b"+", length=3)
    assert calls == [("fsync", second)]


def test_leftovers_of_killed_processes_are_removed_by_the_next_write(tmp_path, writer):
    assert len(names_in(tmp_path)) == 1
    remove_leftovers(tmp_path)
    assert len(names_in(tmp_path)) == 1, "it is still being written"
    writer.kill()
    writer.wait()
    write_atomically(tmp_path / "other", b"")
    assert names_in(tmp_path) == ["other"]


def test_where_files_have_no_locks_only_old_leftovers_are_removed(tmp_path, monkeypatch):
    def refuse(descriptor, operation):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", refuse)
    write_atomically(tmp_path / "file", b"new")
    for digit in "12":
        (tmp_path / f".charlstm-{16 * digit}.tmp").touch()
    os.utime(tmp_path / f".charlstm-{16 * '2'}.tmp", (1e9, 1e9))
    remove_leftovers(tmp_path)
    assert names_in(tmp_path) == [f".charlstm-{16 * '1'}.tmp", "file"]


def test_no_other_file_is_removed_as_a_leftover(tmp_path):
    ours = ".charlstm-0123456789abcdef.tmp"
    names = [".g.png.bak", ".g.png.tmp", f"x{ours}", f"{ours}.bak", ".charlstm-notes.tmp", "g.png"]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / ours.replace("0", "1")).symlink_to("g.png")
    (tmp_path / ours.replace("0", "2")).mkdir()
    kept = names_in(tmp_path)
    (tmp_path / ours).touch()
    (tmp_path / ".old.12.tmp").touch()
    remove_leftovers(tmp_path, also=re.compile(r"\.old\.12\.tmp"))
    assert names_in(tmp_path) == kept
    remove_leftovers(tmp_path / "missing")


def test_new_files_follow_the_umask_and_existing_ones_keep_their_mode(tmp_path):
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "file", b"one")
        assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640
        for mode in (0o600, 0o664, 0o400):
            (tmp_path / "file").chmod(mode)
            write_atomically(tmp_path / "file", b"two")
            assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode
    finally:
        os.umask(before)


@pytest.mark.parametrize("target", ["file", "missing", "folder"])
def test_a_link_is_replaced_and_what_it_points_to_left_alone(tmp_path, target):
    (tmp_path / "file").write_bytes(b"precious")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / target)
    write_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "file").read_bytes() == b"precious"
    assert names_in(tmp_path) == ["file", "folder", "link"]
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "link").read_bytes() == b"new"


def test_anything_else_in_the_place_of_a_file_is_refused_and_left_alone(tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("folder", "pipe"):
        with pytest.raises(RunError, match=f"{name} cannot be written"):
            write_atomically(tmp_path / name, b"new")
    with pytest.raises(RunError, match="null cannot be written"):
        write_atomically(Path("/dev/null"), b"new")
    assert names_in(tmp_path) == ["folder", "pipe"]
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_links_that_the_user_names_are_followed(tmp_path):
    for target in ("file", "missing"):
        (tmp_path / f"to {target}").symlink_to(tmp_path / target)
        (tmp_path / "file").write_bytes(b"old")
        write_atomically(tmp_path / f"to {target}", b"new", follow_links=True)
        assert (tmp_path / f"to {target}").is_symlink()
        assert (tmp_path / target).read_bytes() == b"new"


@pytest.mark.parametrize("path", ["/dev/null", "/dev/fd/{}", "/proc/self/fd/{}", "link"])
def test_devices_and_descriptors_that_the_user_names_are_written_to(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    reader, descriptor = os.pipe()
    os.symlink(f"/dev/fd/{descriptor}", "link")
    write_atomically(Path(path.format(descriptor)), b"new", follow_links=True)
    os.close(descriptor)
    with os.fdopen(reader, "rb") as pipe:
        assert pipe.read() == (b"" if path == "/dev/null" else b"new")


def test_a_redirected_descriptor_is_written_where_it_stands(tmp_path):
    """As in `charlstm generate -o /dev/stdout >> log`."""
    with (tmp_path / "log").open("wb") as log:
        log.write(b"first\n")
        log.flush()
        write_atomically(Path(f"/dev/fd/{log.fileno()}"), b"second\n", follow_links=True)
    assert (tmp_path / "log").read_bytes() == b"first\nsecond\n"


def test_outputs_that_cannot_be_written_are_errors(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()
    reasons = {
        tmp_path / "loop": "symbolic links",
        tmp_path / "missing" / "file": "No such file",
        tmp_path / "file" / "file": "Not a directory",
        tmp_path / ("n" * 256): "name too long",
        tmp_path: "Is a directory",
        Path("/dev/full"): "No space left",
        Path("/dev/fd/999"): "Bad file descriptor",
    }
    for path, reason in reasons.items():
        with pytest.raises(RunError, match=f"cannot be written: .*{reason}"):
            write_atomically(path, b"new", follow_links=True)
    assert names_in(tmp_path) == ["file", "loop"]


def test_the_longest_name_can_be_written(tmp_path):
    write_atomically(tmp_path / ("n" * 255), b"new")
    assert names_in(tmp_path) == ["n" * 255]


def test_append_refuses_a_file_that_is_not_the_one_it_knows(tmp_path):
    write_atomically(tmp_path / "file", b"one\n")
    assert append(tmp_path / "file", b"two\n", length=4)
    assert (tmp_path / "file").read_bytes() == b"one\ntwo\n"
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    for name, length in (("file", 4), ("file", 9), ("link", 8), ("missing", 0), ("pipe", 0), (".", 0)):
        assert not append(tmp_path / name, b"three\n", length=length)
    os.link(tmp_path / "file", tmp_path / "backup")
    assert not append(tmp_path / "file", b"three\n", length=8)
    assert (tmp_path / "file").read_bytes() == b"one\ntwo\n"


def test_only_a_small_regular_file_is_read(tmp_path):
    (tmp_path / "file").write_bytes(b"1234")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    assert read_regular_file(tmp_path / "file", max_bytes=4) == b"1234"
    for path, max_bytes in ((tmp_path / "file", 3), (tmp_path / "link", 9), (tmp_path / "pipe", 9), (tmp_path, 9)):
        with pytest.raises(OSError, match=r".+"):
            read_regular_file(path, max_bytes=max_bytes)
