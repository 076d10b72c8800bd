import contextlib
import json
import os
import subprocess
import sys
import time

import pytest

from charlstm.errors import RunError
from charlstm.storage.lock import LOCK_FILE, OWNER_FILE, _read_owner, exclusive_lock, is_owner

HOLD_LOCK = """
import sys
from pathlib import Path
from charlstm.storage.lock import exclusive_lock
with exclusive_lock(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def owner(tmp_path):
    """Another process that holds the lock of the folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD_LOCK, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout
    assert process.stdout.readline() == b"locked\n"
    yield process
    process.kill()
    process.communicate()


def test_second_process_is_refused_with_the_id_of_the_first(tmp_path, owner):
    with pytest.raises(RunError, match=f"(?m)is in use by process {owner.pid}$") as caught, exclusive_lock(tmp_path):
        pass
    assert caught.value.hint == "wait for it, stop it, or give another folder with `output`"
    assert owner.poll() is None


def test_killed_owner_does_not_block_the_folder(tmp_path, owner):
    owner.kill()
    owner.wait()
    assert (tmp_path / OWNER_FILE).exists()
    with exclusive_lock(tmp_path):
        assert json.loads((tmp_path / OWNER_FILE).read_text())["process"] == os.getpid()
    assert not (tmp_path / OWNER_FILE).exists()


def test_owner_on_another_machine_counts_while_its_heart_beats(tmp_path):
    (tmp_path / OWNER_FILE).write_text(json.dumps({"process": 12, "machine": "elsewhere", "boot": "other"}))
    with pytest.raises(RunError, match="process 12 on elsewhere") as caught, exclusive_lock(tmp_path):
        pass
    assert "if it is dead, wait 120 seconds" in caught.value.hint
    os.utime(tmp_path / OWNER_FILE, (1e9, 1e9))
    with exclusive_lock(tmp_path):
        pass


def test_owner_keeps_up_its_heartbeat(tmp_path, monkeypatch):
    monkeypatch.setattr("charlstm.storage.lock.HEARTBEAT_INTERVAL", 0.01)
    with exclusive_lock(tmp_path):
        os.utime(tmp_path / OWNER_FILE, (1e9, 1e9))
        time.sleep(0.2)
        assert (tmp_path / OWNER_FILE).stat().st_mtime > 1e9 + 1


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"{}", b'{"process": 1}', b"[" * 4000, b" " * 10**6])
def test_malformed_owner_file_is_overwritten(tmp_path, content):
    (tmp_path / OWNER_FILE).write_bytes(content)
    with exclusive_lock(tmp_path):
        pass


def test_nothing_is_written_through_links_in_the_folder(tmp_path):
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / OWNER_FILE).symlink_to(tmp_path / "precious")
    with exclusive_lock(tmp_path / "run"):
        assert is_owner(tmp_path / "run")
    (tmp_path / "run" / LOCK_FILE).symlink_to(tmp_path / "precious")
    with pytest.raises(RunError, match=r"\.lock cannot be written: .*symbolic links"), exclusive_lock(tmp_path / "run"):
        pass
    assert (tmp_path / "precious").read_bytes() == b"precious"


def test_no_lock_file_stays_in_a_folder_that_nothing_was_written_to(tmp_path):
    with exclusive_lock(tmp_path):
        assert (tmp_path / LOCK_FILE).exists()
    assert not list(tmp_path.iterdir())
    (tmp_path / "model").touch()
    with exclusive_lock(tmp_path):
        pass
    assert (tmp_path / LOCK_FILE).exists()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
@pytest.mark.parametrize("name", [LOCK_FILE, OWNER_FILE])
def test_a_pipe_or_a_folder_in_the_place_of_its_files_ends_in_an_error_at_most(tmp_path, make, name):
    make(tmp_path / name)
    with contextlib.suppress(RunError), exclusive_lock(tmp_path):
        assert (make, name) == (os.mkfifo, LOCK_FILE)


def test_the_owner_of_a_new_folder_of_the_same_name_stays(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    with exclusive_lock(folder):
        folder.rename(tmp_path / "moved")
        assert not is_owner(folder)
        folder.mkdir()
        (folder / OWNER_FILE).write_text(json.dumps({"process": 1, "machine": "elsewhere", "boot": "other"}))
        assert not is_owner(folder)
    assert (folder / OWNER_FILE).exists()


def test_a_file_cannot_be_locked_as_a_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be written"), exclusive_lock(tmp_path / "file"):
        pass


def test_a_pipe_in_place_of_the_owner_file_does_not_block(tmp_path):
    os.mkfifo(tmp_path / OWNER_FILE)
    assert _read_owner(tmp_path) is None
