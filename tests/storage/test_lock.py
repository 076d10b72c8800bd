import json
import os
import subprocess
import sys
import time

import pytest

from charlstm.errors import RunError
from charlstm.storage.lock import OWNER, exclusive_lock

HOLD = """
import sys
from pathlib import Path
from charlstm.storage.lock import exclusive_lock
with exclusive_lock(Path(sys.argv[1])):
    print("owned", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
    """Another process that owns the folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout
    assert process.stdout.readline() == b"owned\n"
    yield process
    process.kill()
    process.wait()


def test_a_second_owner_is_refused_with_the_process_of_the_first(tmp_path, other):
    with pytest.raises(RunError, match=f"process {other.pid}$"), exclusive_lock(tmp_path):
        pass
    assert other.poll() is None


def test_a_killed_owner_leaves_nothing_that_stands_in_the_way(tmp_path, other):
    other.kill()
    other.wait()
    assert (tmp_path / OWNER).exists()
    with exclusive_lock(tmp_path):
        assert json.loads((tmp_path / OWNER).read_text())["process"] == os.getpid()
    assert not (tmp_path / OWNER).exists()


def test_an_owner_on_another_machine_counts_while_it_shows_signs_of_life(tmp_path):
    (tmp_path / OWNER).write_text(json.dumps({"process": 12, "machine": "elsewhere", "boot": "other"}))
    with pytest.raises(RunError, match="process 12 on elsewhere"), exclusive_lock(tmp_path):
        pass
    os.utime(tmp_path / OWNER, (1e9, 1e9))
    with exclusive_lock(tmp_path):
        pass


def test_an_owner_gives_signs_of_life(tmp_path, monkeypatch):
    monkeypatch.setattr("charlstm.storage.lock.SIGN_EVERY", 0.01)
    with exclusive_lock(tmp_path):
        os.utime(tmp_path / OWNER, (1e9, 1e9))
        time.sleep(0.2)
        assert (tmp_path / OWNER).stat().st_mtime > 1e9 + 1


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"{}", b'{"process": 1}'])
def test_what_is_no_owner_is_overwritten(tmp_path, content):
    (tmp_path / OWNER).write_bytes(content)
    with exclusive_lock(tmp_path):
        pass


def test_a_folder_that_is_a_file_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be written"), exclusive_lock(tmp_path / "file"):
        pass
