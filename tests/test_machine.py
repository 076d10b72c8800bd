from typing import Any

from charlstm.machine import cache_folder, environment, load_throughput, save_throughput


def test_the_speed_of_the_machine_is_remembered(tmp_path, monkeypatch):
    monkeypatch.setenv("CHARLSTM_CACHE", str(tmp_path / "cache"))
    assert load_throughput() is None
    save_throughput(1.5e11)
    assert load_throughput() == 1.5e11
    (tmp_path / "cache" / "speed.json").write_bytes(b"[")
    assert load_throughput() is None
    monkeypatch.setenv("CHARLSTM_CACHE", "/proc/nowhere")
    save_throughput(1.0)


def test_the_cache_can_be_put_elsewhere(tmp_path, monkeypatch):
    monkeypatch.delenv("CHARLSTM_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "charlstm"


def test_the_environment_names_what_results_hang_on():
    assert {
        "processor",
        "threads",
        "python",
        "charlstm",
        "tensorflow",
        "keras",
        "numba",
        "numpy",
    } == environment().keys()


def test_functions_are_compiled_even_where_nothing_can_be_kept(monkeypatch):
    import numba

    from charlstm.kernels.jit import compiled

    def njit(*, cache, **settings):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: (function, settings["nogil"])

    monkeypatch.setattr(numba, "njit", njit)
    found: Any = compiled(len)
    assert found == (len, True)


def test_a_disk_that_is_full_does_not_stop_compiled_code(monkeypatch):
    from numba.core import caching

    from charlstm.kernels.jit import compiled

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(caching.IndexDataCacheFile, "save", full)

    @compiled
    def twice(number):
        return 2 * number

    assert twice(21) == 42
