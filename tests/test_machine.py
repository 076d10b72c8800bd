"""The machine: its cores, the cache, and what is known of its speed."""

import os

import pytest

from charlstm import machine
from charlstm.machine import (
    cache_folder,
    environment,
    load_throughput,
    num_cores,
    prefer_one_openblas_thread,
    save_throughput,
)


@pytest.fixture
def cgroups(tmp_path, monkeypatch):
    """A process on 8 cores, and a function that writes the files of its control groups."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(machine, "OWN_CGROUPS", tmp_path / "self")
    monkeypatch.setattr(machine, "CGROUPS", tmp_path / "fs")

    def write(own, files):
        (tmp_path / "self").write_text(own)
        for name, content in files.items():
            (tmp_path / "fs" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "fs" / name).write_text(content)

    return write


V1 = "12:cpuset:/docker/1a2b\n4:cpu,cpuacct:/docker/1a2b\n"


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "300000 100000\n"}, 3),
        ("0::/\n", {"cpu.max": "max 100000\n"}, 8),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 2),  # rounded up
        ("0::/\n", {"cpu.max": "10000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "1600000 100000\n"}, 8),
        ("0::/\n", {"cpu.max": "damaged\n"}, 8),
        ("0::/\n", {}, 8),
        ("0::/a.slice/b\n", {"a.slice/b/cpu.max": "max 100000\n", "a.slice/cpu.max": "250000 100000\n"}, 3),
        (V1, {"cpu/docker/1a2b/cpu.cfs_quota_us": "200000\n", "cpu/docker/1a2b/cpu.cfs_period_us": "100000\n"}, 2),
        (V1, {"cpu,cpuacct/cpu.cfs_quota_us": "50000\n", "cpu,cpuacct/cpu.cfs_period_us": "50000\n"}, 1),
        (V1, {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 8),
        (V1, {"cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "0\n"}, 8),
    ],
)
def test_a_quota_limits_the_cores(cgroups, own, files, expected):
    cgroups(own, files)
    assert num_cores() == expected


def test_without_control_groups_all_cores_are_used(cgroups):
    assert num_cores() == 8


def test_throughput_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("CHARLSTM_CACHE", str(tmp_path / "cache"))
    assert load_throughput("float32") is None
    save_throughput(1.5e11, precision="float32")
    assert load_throughput("float32") == 1.5e11
    assert load_throughput("bfloat16") is None
    save_throughput(2e11, precision="bfloat16")
    assert load_throughput("float32", "bfloat16") == 2e11
    cores = num_cores()
    monkeypatch.setattr(machine, "num_cores", lambda: cores + 1)
    assert load_throughput("float32") is None  # with other cores it was not measured
    monkeypatch.undo()
    monkeypatch.setenv("CHARLSTM_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache" / "speed.json").write_bytes(b'{"speed": 1}')  # of an earlier version
    assert load_throughput("float32") is None
    (tmp_path / "cache" / "speed.json").write_bytes(b"[")
    assert load_throughput("float32") is None
    monkeypatch.setenv("CHARLSTM_CACHE", "/proc/nowhere")
    save_throughput(1.0, precision="float32")


def test_the_cache_follows_the_users_settings(tmp_path, monkeypatch):
    monkeypatch.delenv("CHARLSTM_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "charlstm"
    monkeypatch.setenv("CHARLSTM_CACHE", str(tmp_path / "elsewhere"))
    assert cache_folder() == tmp_path / "elsewhere"


@pytest.mark.parametrize("variable", ["CHARLSTM_CACHE", "XDG_CACHE_HOME"])
def test_no_folder_called_tilde_is_made(tmp_path, monkeypatch, variable):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CHARLSTM_CACHE", raising=False)
    monkeypatch.setenv(variable, "~/cache")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    expected = {"CHARLSTM_CACHE": "cache", "XDG_CACHE_HOME": ".cache/charlstm"}
    assert cache_folder() == tmp_path / "home" / expected[variable]
    save_throughput(1.5e11, precision="float32")
    for home in ("", "~", "relative"):
        monkeypatch.setenv("HOME", home)
        assert cache_folder() is None
        save_throughput(1.0, precision="float32")
        assert load_throughput("float32") is None
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


@pytest.mark.parametrize("place", ["nested", "pipe"])
def test_a_damaged_file_of_speeds_counts_as_none(tmp_path, monkeypatch, place):
    monkeypatch.setenv("CHARLSTM_CACHE", str(tmp_path))
    if place == "pipe":
        os.mkfifo(tmp_path / machine.THROUGHPUT_FILE)
    else:
        (tmp_path / machine.THROUGHPUT_FILE).write_text("[" * 50_000)
    assert load_throughput("float32") is None


def test_the_environment_names_all_that_results_depend_on():
    names = {"processor", "threads", "python", "charlstm", "tensorflow", "keras", "llvmlite", "numpy"}
    assert environment().keys() == names


def test_a_description_of_the_processor_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "CPU_INFO", tmp_path / "cpuinfo")
    without = environment()["processor"]
    (tmp_path / "cpuinfo").write_text("model\t\t: 2\nmodel name\t: AMD EPYC\nflags\t\t: fpu avx512f\n")
    assert environment()["processor"] == "AMD EPYC" != without


@pytest.mark.parametrize(("set_by_user", "expected"), [(None, "1"), ("4", "4")])
def test_one_thread_unless_the_user_says_otherwise(monkeypatch, set_by_user, expected):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", set_by_user or "")
    if set_by_user is None:
        monkeypatch.delenv("OPENBLAS_NUM_THREADS")
    prefer_one_openblas_thread()
    assert os.environ["OPENBLAS_NUM_THREADS"] == expected
