"""Names of texts, and where fetched ones are kept."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from charlstm.errors import CorpusError
from charlstm.text import catalogue
from charlstm.text.catalogue import (
    Entry,
    fetch,
    find_entry,
    find_fetched,
    find_named_text,
    relocate_shipped_text,
    shipped_texts,
)
from charlstm.text.corpus import load_corpus
from tests.text.test_download import RecordingBar


@pytest.fixture
def tale(tmp_path):
    """A text that has been fetched; its address answers nothing."""
    (tmp_path / "tale.txt").write_bytes(b"Once")
    return Entry("tale", "A tale", "http://127.0.0.1:9/tale.txt", hashlib.sha256(b"Once").hexdigest())


def test_a_fetched_text_is_not_fetched_again(tmp_path, tale):
    assert fetch(tale, tmp_path, RecordingBar()) == tmp_path / "tale.txt" == find_fetched("tale", tmp_path)
    assert fetch(replace(tale, sha256=None), tmp_path, RecordingBar()) == tmp_path / "tale.txt"


def test_a_fetched_text_with_another_digest_is_fetched_again_and_kept_until_then(tmp_path, tale):
    with pytest.raises(CorpusError, match="cannot be reached"):
        fetch(replace(tale, sha256="0" * 64), tmp_path, RecordingBar())
    assert (tmp_path / "tale.txt").read_bytes() == b"Once"


def test_what_killed_downloads_left_is_removed_by_the_next_one(tmp_path, tale):
    leftovers = [tmp_path / ".charlstm-0123456789abcdef.tmp", tmp_path / ".other.txt.123.tmp"]
    foreign = tmp_path / ".other.txt.swp"
    for path in (*leftovers, foreign):
        path.touch()
    with pytest.raises(CorpusError, match="cannot be reached"):
        fetch(replace(tale, name="another"), tmp_path, RecordingBar())
    assert {path.name for path in tmp_path.iterdir()} == {foreign.name, "tale.txt"}


def test_digest_is_required_of_a_text_known_by_name():
    assert find_entry("alice", "A" * 64).sha256 == "a" * 64
    known = str(find_entry("text8").sha256)
    assert find_entry("text8", known.upper()).sha256 == known
    with pytest.raises(CorpusError, match=f"text8 has the SHA-256 {known}, not 0000"):
        find_entry("text8", "0" * 64)


def test_every_address_is_encrypted_or_its_digest_is_known():
    assert all(entry.url.startswith("https://") or entry.sha256 for entry in catalogue.ENTRIES)


def test_entry_is_found_by_name_or_address():
    assert find_entry("alice").url.endswith("/11/pg11.txt")
    assert find_entry("https://example.org/a/../.tale.txt?x=1").file_name.startswith("tale-")
    assert find_entry("https://a.org/x.txt").name != find_entry("https://b.org/x.txt").name
    assert len(find_entry(f"https://a.org/{'x' * 300}.txt").file_name) < 60
    with pytest.raises(CorpusError, match="'nobody'"):
        find_entry("nobody")


@pytest.mark.parametrize("name", ["macbeth", "macbeth.txt"])
def test_bare_name_names_a_shipped_text(name):
    assert find_named_text(name) == shipped_texts()["macbeth.txt"]


@pytest.mark.parametrize(
    "path", ["no/such/folder/macbeth.txt", "./macbeth.txt", "../macbeth", "/macbeth.txt", "MACBETH.TXT", "macbeth.md"]
)
def test_path_or_another_spelling_names_no_text(path):
    assert find_named_text(path) is None


def test_a_path_object_is_never_a_name():
    assert find_named_text(Path("macbeth.txt")) is None
    with pytest.raises(CorpusError, match=r"there is no file 'macbeth\.txt'"):
        load_corpus([Path("macbeth.txt")])


def test_bare_name_names_a_fetched_text(tmp_path, monkeypatch):
    monkeypatch.setenv("CHARLSTM_CACHE", str(tmp_path))
    (tmp_path / "alice.txt").write_text("down")
    assert find_named_text("alice") == tmp_path / "alice.txt"
    assert find_named_text("./alice") is None
    assert find_named_text(f"{tmp_path}/alice") is None


def test_shipped_text_of_an_installation_that_is_gone_is_found_in_this_one(tmp_path):
    here = str(shipped_texts()["macbeth.txt"])
    assert relocate_shipped_text("/gone/python3.11/site-packages/charlstm/data/macbeth.txt") == here
    assert relocate_shipped_text(here) == here


def test_no_other_path_is_relocated(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "macbeth.txt").write_text("mine")
    for path in (f"{tmp_path}/data/macbeth.txt", "/gone/macbeth.txt", "/gone/data/other.txt", "-"):
        assert relocate_shipped_text(path) == path
