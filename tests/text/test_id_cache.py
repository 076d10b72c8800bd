"""The cache of ids: found only as it was written, bounded, and not needed."""

import json
import os

import numpy as np
import pytest

from charlstm.errors import RunError
from charlstm.text import id_cache
from charlstm.text.id_cache import load_ids, store_ids

KEY, OTHER, THIRD = (digit * 64 for digit in "abc")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CHARLSTM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def store(key=KEY, *, ids=(0, 1, 2, 1)):
    return store_ids(key, [np.array(ids[:2]), np.array(ids[2:])], np.uint8, {"name": "é"})


def test_stored_ids_are_found(cache):
    assert load_ids(KEY) is None
    ids = store()
    assert ids.tolist() == [0, 1, 2, 1]
    assert ids.dtype == np.uint8
    cached = load_ids(KEY)
    assert cached is not None
    assert (cached.ids.tolist(), cached.details) == ([0, 1, 2, 1], {"name": "é"})
    assert cached.ids.dtype == np.uint8
    assert load_ids(OTHER) is None
    assert sorted(path.name for path in cache.iterdir()) == [f"{KEY}.ids", f"{KEY}.json"]


@pytest.mark.parametrize("content", [b"\0\1\2\2", b"\0\1\2", b"\0\1\2\1\1", b""])
def test_other_ids_are_not_taken(cache, content):
    store()
    (cache / f"{KEY}.ids").write_bytes(content)
    assert load_ids(KEY) is None
    store()
    assert load_ids(KEY) is not None


DESCRIPTIONS = [
    *("", "{", "null", "[]", "{}", "1", '"text"', "[" * 100_000, '{"description": 1, "sha256": 2}', "1" * 5000),
    *('{"description": {}, "sha256": ""}', '{"description": null}', '{"description": {"details": {}}}'),
]


@pytest.mark.parametrize("content", DESCRIPTIONS)
def test_description_of_any_content_is_refused(cache, content):
    store()
    (cache / f"{KEY}.json").write_text(content)
    assert load_ids(KEY) is None


@pytest.mark.parametrize("value", [None, 1, -1, [], {}, "u4", True])
@pytest.mark.parametrize("field", ["dtype", "sha256", "details", None])
def test_description_of_wrong_types_is_refused(cache, field, value):
    store()
    path = cache / f"{KEY}.json"
    description = json.loads(path.read_text())["description"]
    if field is None:
        description["details"]["name"] = value
        path.write_text(json.dumps({"description": description, "sha256": "0" * 64}))
    else:
        description[field] = value
        digest = id_cache._description_digest(description)
        path.write_text(json.dumps({"description": description, "sha256": digest}))
    cached = load_ids(KEY)
    assert cached is None or (field, cached.details) == ("details", {})


def test_links_and_pipes_in_the_cache_are_not_read(cache, tmp_path):
    for name in (f"{KEY}.ids", f"{KEY}.json"):
        store()
        (cache / name).rename(tmp_path / name)
        (cache / name).symlink_to(tmp_path / name)
        assert load_ids(KEY) is None
        (cache / name).unlink()
        os.mkfifo(cache / name)
        assert load_ids(KEY) is None
        (cache / name).unlink()


def test_oldest_entries_are_removed(cache, monkeypatch):
    store()
    size = sum(path.stat().st_size for path in cache.iterdir())
    monkeypatch.setattr(id_cache, "MAX_CACHED_BYTES", 2 * size)
    for age, key in ((2, KEY), (1, OTHER)):
        store(key)
        for suffix in ("ids", "json"):
            os.utime(cache / f"{key}.{suffix}", (1e9 - age, 1e9 - age))
    assert load_ids(KEY) is not None  # used now, so that the other one is older
    (cache / "alice.txt").write_text("x" * 1000)
    store(THIRD)
    found = [load_ids(key) is not None for key in (KEY, OTHER, THIRD)]
    assert found == [True, False, True]
    assert (cache / "alice.txt").exists()
    store(OTHER, ids=(0,) * 1000)
    assert [load_ids(key) is not None for key in (KEY, OTHER, THIRD)] == [False, True, False]


def test_temporary_files_of_dead_processes_are_removed(cache):
    cache.mkdir()
    dead = cache / f".{OTHER}.ids.999999999.tmp"
    dead.touch()
    foreign = cache / ".foreign.999999999.tmp"
    foreign.touch()
    store()
    assert not dead.exists()
    assert foreign.exists()


def test_no_home_no_cache(monkeypatch):
    monkeypatch.delenv("CHARLSTM_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "")
    assert load_ids(KEY) is None
    with pytest.raises(RunError, match="no folder for the cache"):
        store()
