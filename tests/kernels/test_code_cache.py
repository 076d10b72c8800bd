"""Code on disk: used when it is right, compiled again when it is not, and never a reason to stop."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import charlstm
from charlstm.atomic_files import cannot_write
from charlstm.kernels import code_cache
from charlstm.kernels.code_cache import DIGEST_SIZE, MAX_CODE_BYTES, UNUSED_DAYS, CodeFolder, code_folder

DAY = 24 * 60 * 60
PACKAGE = Path(charlstm.__file__).parent
CODE = bytes(range(256)) * 3
DAMAGE = {
    "empty": lambda content: b"",
    "truncated digest": lambda content: content[: DIGEST_SIZE - 1],
    "digest alone": lambda content: content[:DIGEST_SIZE],
    "truncated": lambda content: content[: len(content) // 2],
    "too long": lambda content: content + b"\0",
    "far too long": lambda content: content + b"\0" * MAX_CODE_BYTES,
    "one flipped bit": lambda content: content[:-100] + bytes([content[-100] ^ 1]) + content[-99:],
    "another format": lambda content: b"\x7fELF" + bytes(1000),
}

# Prints a packed number, and the name of the folder of the code.
PACK = """
import numpy as np
from charlstm.kernels.code_cache import code_folder
from charlstm.kernels.isa.portable import PORTABLE
from charlstm.kernels.products import product_functions
panels = np.empty((1, 1, 32), np.float32)
product_functions(PORTABLE, PORTABLE.products[0])["pack"](
    weights=np.array([[2.5]], np.float32), panels=panels, rows=1, width=1, padded_width=16, num_blocks=1, columns=32,
    depth=1,
)
print(panels[0, 0, 0], code_folder("portable").path.name)
"""


@pytest.fixture
def folder(tmp_path):
    folder = CodeFolder(tmp_path / "kernels" / "0123456789abcdef")
    folder.save("a", CODE)
    return folder


@pytest.fixture
def file(folder):
    (file,) = folder.path.iterdir()
    return file


def test_code_is_kept_by_its_key(folder):
    folder.save("b", b"other")
    folder.save("key\n/../with [everything] " * 50, b"")
    again = CodeFolder(folder.path)
    assert (again.load("a"), again.load("b"), again.load("c")) == (CODE, b"other", None)
    assert again.load("key\n/../with [everything] " * 50) == b""
    assert len(list(folder.path.iterdir())) == 3


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_code_is_missing_and_overwritten(folder, file, damage):
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    assert folder.load("a") is None
    folder.save("a", CODE)
    assert folder.load("a") == CODE


def test_a_pipe_in_the_place_of_code_is_not_waited_for(folder, file):
    file.unlink()
    os.mkfifo(file)
    assert folder.load("a") is None


def test_code_under_the_name_of_another_key_is_missing(folder, file):
    folder.save("b", b"other")
    (other,) = set(folder.path.iterdir()) - {file}
    shutil.copy(file, other)
    assert folder.load("b") is None


def test_an_unreadable_file_is_missing(folder, monkeypatch):
    def refuse(path, **_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(code_cache, "read_regular_file", refuse)
    assert folder.load("a") is None


def test_a_folder_in_the_place_of_a_file_does_not_stop_the_program(folder, file):
    file.unlink()
    file.mkdir()
    assert folder.load("a") is None
    folder.save("a", CODE)
    assert folder.load("a") is None


def test_a_full_disk_does_not_stop_the_program(folder, monkeypatch):
    def refuse(path, content):
        raise cannot_write(path, OSError(28, "No space left on device"))

    monkeypatch.setattr(code_cache, "write_atomically", refuse)
    folder.save("b", CODE)
    assert folder.load("b") is None


@pytest.mark.parametrize("path", [None, Path("/proc/nowhere/0123456789abcdef"), Path("/dev/null/0123456789abcdef")])
def test_without_a_folder_nothing_is_kept(path):
    folder = CodeFolder(path)
    folder.save("a", CODE)
    assert folder.load("a") is None


def test_a_folder_that_cannot_be_written_can_be_read(folder, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    folder.save("b", CODE)
    assert (folder.load("a"), folder.load("b")) == (CODE, None)


def test_code_of_other_versions_is_removed_after_a_month(tmp_path):
    for name, days in {"a" * 16: UNUSED_DAYS + 1, "b" * 16: UNUSED_DAYS - 1, "notes": UNUSED_DAYS + 1}.items():
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - days * DAY,) * 2)
    CodeFolder(tmp_path / ("c" * 16)).save("name", b"code")
    assert {path.name for path in tmp_path.iterdir()} == {"b" * 16, "c" * 16, "notes"}


def test_what_a_killed_process_left_is_removed(tmp_path):
    (tmp_path / ".charlstm-0123456789abcdef.tmp").touch()
    CodeFolder(tmp_path)
    assert not list(tmp_path.iterdir())


def test_nothing_is_read_or_written_through_a_link(folder, file, tmp_path):
    (tmp_path / "precious").write_bytes(file.read_bytes())
    file.unlink()
    file.symlink_to(tmp_path / "precious")
    assert folder.load("a") is None
    folder.save("a", b"two")
    assert (tmp_path / "precious").read_bytes()[DIGEST_SIZE:] == CODE
    assert folder.load("a") == b"two"


def test_use_keeps_a_folder_young(tmp_path):
    path = tmp_path / ("a" * 16)
    path.mkdir()
    os.utime(path, (time.time() - 2 * UNUSED_DAYS * DAY,) * 2)
    CodeFolder(path)
    assert time.time() - path.stat().st_mtime < DAY


def test_two_processes_may_write_at_once(tmp_path):
    environment = os.environ | {"CHARLSTM_CACHE": str(tmp_path)}
    command = [sys.executable, "-c", PACK]
    processes = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for _ in range(2)]
    outputs = [process.communicate()[0].split() for process in processes]
    assert outputs[0] == outputs[1]
    (path,) = (tmp_path / "kernels").iterdir()
    assert [b"2.5", path.name.encode()] == outputs[0]
    assert len(list(path.iterdir())) == 1
    assert CodeFolder(path).load("products float32") is not None


def test_a_change_of_any_source_of_the_kernels_is_noticed(tmp_path):
    package = tmp_path / "copy" / "charlstm"
    shutil.copytree(PACKAGE / "kernels", package / "kernels", ignore=shutil.ignore_patterns("__pycache__"))
    for module in PACKAGE.glob("*.py"):
        shutil.copy(module, package)
    environment = os.environ | {"CHARLSTM_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(package.parent)}

    def run():
        done = subprocess.run([sys.executable, "-P", "-c", PACK], env=environment, check=True, capture_output=True)
        number, folder = done.stdout.split()
        return float(number), folder

    before = run()
    assert before[0] == 2.5
    source = package / "kernels" / "packing.py"
    changed = source.read_text().replace(
        "        return rows[0]\n", "        return e.builder.fadd(rows[0], rows[0])\n"
    )
    assert changed != source.read_text()
    source.write_text(changed)
    after = run()
    assert after[0] == 5
    assert after[1] != before[1]


@pytest.fixture
def fresh_folder():
    code_folder.cache_clear()
    yield
    code_folder.cache_clear()


@pytest.mark.usefixtures("fresh_folder")
def test_each_instruction_set_has_a_folder_in_the_cache_of_charlstm(tmp_path, monkeypatch):
    monkeypatch.setenv("CHARLSTM_CACHE", str(tmp_path))
    paths = [code_folder(name).path for name in ("portable", "avx2")]
    assert paths[0] != paths[1]
    assert [path and path.parent for path in paths] == [tmp_path / "kernels"] * 2


@pytest.mark.usefixtures("fresh_folder")
def test_a_user_without_a_home_has_no_folder(monkeypatch):
    for name in ("CHARLSTM_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def fail():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", fail)
    assert code_folder("portable").path is None
