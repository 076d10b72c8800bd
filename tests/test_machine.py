from charlstm.machine import cache_folder, environment, remember_speed, remembered_speed


def test_the_speed_of_the_machine_is_remembered(tmp_path, monkeypatch):
    monkeypatch.setenv("CHARLSTM_CACHE", str(tmp_path / "cache"))
    assert remembered_speed() is None
    remember_speed(1.5e11)
    assert remembered_speed() == 1.5e11
    (tmp_path / "cache" / "speed.json").write_bytes(b"[")
    assert remembered_speed() is None
    monkeypatch.setenv("CHARLSTM_CACHE", "/proc/nowhere")
    remember_speed(1.0)


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
