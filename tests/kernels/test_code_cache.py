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
from charlstm.kernels.code_cache import DIGEST_SIZE, UNUSED_DAYS, CodeFolder
from charlstm.kernels.jit import jit

DAY = 24 * 60 * 60
PACKAGE = Path(charlstm.__file__).parent
DAMAGE = {
    "empty": lambda content: b"",
    "truncated digest": lambda content: content[: DIGEST_SIZE - 1],
    "truncated": lambda content: content[: len(content) // 2],
    "one flipped bit": lambda content: content[:-100] + bytes([content[-100] ^ 1]) + content[-99:],
    "another format": lambda content: b"numba",
}

# Prints 1 + 2^-8 in bfloat16, which packing.py rounds for a function of lstm.py.
ROUND = """
import numpy as np
from charlstm.kernels import lstm
operands = np.zeros(1, np.uint16)
lstm.cast(np.array([1.00390625], np.float32), operands)
print(operands[0])
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    folder = CodeFolder(tmp_path / "kernels" / "0123456789abcdef")
    monkeypatch.setattr(code_cache, "code_folder", lambda: folder)
    return folder


def make_function():
    """Return a function that is not compiled yet, and always the same."""

    @jit
    def double(number):
        return 2 * number

    return double


def was_loaded(function):
    return sum(function.stats.cache_hits.values()) == 1


def saved_file(folder):
    (file,) = folder.path.iterdir()
    return file


def test_code_is_compiled_once_and_then_loaded(folder):
    first, second = make_function(), make_function()
    assert first(21) == second(21) == 42
    assert not was_loaded(first)
    assert was_loaded(second)


def test_each_combination_of_types_has_its_own_file(folder):
    function = make_function()
    assert (function(21), function(0.25)) == (42, 0.5)
    assert len(list(folder.path.iterdir())) == 2
    again = make_function()
    assert (again(0.25), again(21)) == (0.5, 42)
    assert sum(again.stats.cache_hits.values()) == 2


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_code_is_compiled_again_and_overwritten(folder, damage):
    make_function()(21)
    file = saved_file(folder)
    content = file.read_bytes()
    file.write_bytes(DAMAGE[damage](content))
    function = make_function()
    assert function(21) == 42
    assert not was_loaded(function)
    assert folder.load(file.name) is not None
    after = make_function()
    assert after(21) == 42
    assert was_loaded(after)


def test_a_pipe_in_the_place_of_code_is_not_waited_for(folder):
    make_function()(21)
    file = saved_file(folder)
    file.unlink()
    os.mkfifo(file)
    assert folder.load(file.name) is None


def test_code_under_the_name_of_another_function_is_not_loaded(folder):
    function = make_function()
    function(21)
    file = saved_file(folder)
    function(0.25)
    (other,) = set(folder.path.iterdir()) - {file}
    shutil.copy(file, other)
    assert make_function()(0.25) == 0.5


def test_an_unreadable_file_is_compiled_again_and_overwritten(folder, monkeypatch):
    make_function()(21)
    file = saved_file(folder)
    file.write_bytes(b"")

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert make_function()(21) == 42
    monkeypatch.undo()
    assert folder.load(file.name) is not None


def test_a_folder_in_the_place_of_a_file_does_not_stop_the_program(folder):
    make_function()(21)
    file = saved_file(folder)
    file.unlink()
    file.mkdir()
    assert make_function()(21) == 42


def test_a_full_disk_does_not_stop_the_program(folder, monkeypatch):
    def refuse(path, content):
        raise cannot_write(path, OSError(28, "No space left on device"))

    monkeypatch.setattr(code_cache, "write_atomically", refuse)
    assert make_function()(21) == 42
    assert not list(folder.path.iterdir())


@pytest.mark.parametrize("path", [None, Path("/proc/nowhere/0123456789abcdef"), Path("/dev/null/0123456789abcdef")])
def test_without_a_folder_code_stays_in_memory(path, monkeypatch):
    folder = CodeFolder(path)
    monkeypatch.setattr(code_cache, "code_folder", lambda: folder)
    assert not folder.is_writable()
    assert make_function()(21) == 42


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


def test_nothing_is_written_through_a_link(tmp_path):
    (tmp_path / "precious").write_bytes(b"precious")
    folder = CodeFolder(tmp_path / "kernels")
    folder.save("code", b"one")
    (tmp_path / "kernels" / "code").unlink()
    (tmp_path / "kernels" / "code").symlink_to(tmp_path / "precious")
    folder.save("code", b"two")
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert folder.load("code") == b"two"


def test_use_keeps_a_folder_young(tmp_path):
    path = tmp_path / ("a" * 16)
    path.mkdir()
    os.utime(path, (time.time() - 2 * UNUSED_DAYS * DAY,) * 2)
    CodeFolder(path)
    assert time.time() - path.stat().st_mtime < DAY


def test_two_processes_may_write_at_once(tmp_path):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    processes = [subprocess.Popen([sys.executable, "-c", ROUND], env=environment) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    (path,) = (tmp_path / "kernels").iterdir()
    folder = CodeFolder(path)
    assert all(folder.load(file.name) is not None for file in path.iterdir())


@pytest.fixture
def package(tmp_path):
    """A copy of the kernels and of the modules that they import."""
    copy = tmp_path / "copy" / "charlstm"
    shutil.copytree(PACKAGE / "kernels", copy / "kernels", ignore=shutil.ignore_patterns("__pycache__"))
    for module in PACKAGE.glob("*.py"):
        shutil.copy(module, copy)
    return copy


def test_a_change_of_a_called_function_in_another_file_is_noticed(package, tmp_path):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": str(package.parent)}

    def run():
        done = subprocess.run([sys.executable, "-P", "-c", ROUND], env=environment, check=True, capture_output=True)
        return int(done.stdout)

    assert run() == 0x3F80  # the tie goes to the even mantissa
    source = package / "kernels" / "packing.py"
    changed = source.read_text().replace("np.uint32(0x7FFF)", "np.uint32(0x8000)")
    assert changed != source.read_text()
    source.write_text(changed)
    assert run() == 0x3F81


@pytest.mark.parametrize(
    "environment", [{"NUMBA_CPU_NAME": "generic"}, {"NUMBA_OPT": "1"}, {"NUMBA_CPU_FEATURES": "+sse3"}]
)
def test_code_for_another_target_has_another_folder(environment, tmp_path):
    code = "from charlstm.kernels.code_cache import code_folder; print(code_folder().path.name)"
    names = [
        subprocess.run([sys.executable, "-c", code], env=variables, check=True, capture_output=True).stdout
        for variables in (os.environ, os.environ | environment)
    ]
    assert names[0] != names[1]


def test_numba_cache_dir_comes_before_the_cache_of_charlstm(tmp_path, monkeypatch):
    monkeypatch.setenv("CHARLSTM_CACHE", str(tmp_path / "charlstm"))
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "numba"))
    path = code_cache.find_code_folder()
    assert path is not None
    assert path.parent == tmp_path / "numba" / "kernels"
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    path = code_cache.find_code_folder()
    assert path is not None
    assert path.parent == tmp_path / "charlstm" / "kernels"


def test_a_user_without_a_home_has_no_folder(monkeypatch):
    for name in ("CHARLSTM_CACHE", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def fail():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", fail)
    assert code_cache.find_code_folder() is None
