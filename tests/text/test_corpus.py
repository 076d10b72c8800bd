import hashlib
import json
import resource
from pathlib import Path

import numpy as np
import pytest

from charlstm.errors import CorpusError
from charlstm.text import corpus as corpus_module
from charlstm.text import encoded_text
from charlstm.text.catalogue import shipped_texts
from charlstm.text.corpus import load_corpus
from charlstm.text.decoding_options import DecodingOptions
from charlstm.text.vocabulary import Vocabulary

TEXT = "Grüße, Löwe!\nDas ist ein Text.\n"


def test_ids_are_indices_in_the_sorted_characters(tmp_path):
    (tmp_path / "text").write_text("banana")
    corpus = load_corpus([tmp_path / "text"])
    assert corpus.characters == "abn"
    assert corpus.counts == (3, 1, 2)
    assert corpus.ids.tolist() == [1, 0, 2, 0, 2, 0]
    assert corpus.ids.dtype == np.uint8
    assert corpus.text == "banana"
    assert corpus.head(2) == "ba"


def test_texts_are_joined_each_on_a_new_line(tmp_path):
    for name, text in (("a", "one"), ("b.txt", "two\n"), ("c", "three")):
        (tmp_path / name).write_text(text)
    corpus = load_corpus([tmp_path / "a", tmp_path / "b.txt", tmp_path / "c"])
    assert corpus.text == "one\ntwo\nthree"
    assert corpus.name == "a+b+c"
    assert corpus.sources == tuple(str(tmp_path / name) for name in ("a", "b.txt", "c"))


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf"])
def test_empty_text_is_refused(tmp_path, content):
    (tmp_path / "text").write_bytes(content)
    with pytest.raises(CorpusError, match="empty"):
        load_corpus([tmp_path / "text"])


def test_error_about_a_missing_text_names_those_that_ship():
    with pytest.raises(CorpusError, match=r"no text 'nowhere\.txt'") as caught:
        load_corpus(["nowhere.txt"])
    assert "macbeth.txt" in caught.value.hint


def test_error_about_a_text_that_can_be_fetched_says_how():
    with pytest.raises(CorpusError, match="not here yet") as caught:
        load_corpus(["enwik8"])
    assert caught.value.hint == "fetch it first: charlstm corpus fetch enwik8"


def test_shipped_text_is_read_by_name_unless_there_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_corpus(["macbeth"]).text.startswith("MACBETH\n")
    Path("macbeth.txt").write_text("mine")
    assert load_corpus(["macbeth.txt"]).text == "mine"
    assert load_corpus(["./macbeth.txt"]).text == "mine"
    assert load_corpus([tmp_path / "macbeth.txt"]).text == "mine"


@pytest.mark.parametrize("path", ["no/such/folder/macbeth.txt", "./macbeth.txt", "/no/such/folder/macbeth.txt"])
def test_missing_file_is_not_replaced_by_a_shipped_text(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CorpusError, match=f"there is no file '{path}'") as caught:
        load_corpus([path])
    assert "give only the name, macbeth.txt" in caught.value.hint
    with pytest.raises(CorpusError) as caught:
        load_corpus(["no/such/folder/other.txt"])
    assert caught.value.hint == "check the path"


def test_full_paths_are_recorded_so_that_a_run_can_be_resumed_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shipped = str(shipped_texts()["macbeth.txt"])
    assert load_corpus(["macbeth"]).sources == load_corpus(["macbeth.txt"]).sources == (shipped,)
    assert load_corpus([shipped]).sources == (shipped,)
    Path("macbeth.txt").write_text("mine")
    for text in ("macbeth.txt", "./macbeth.txt", str(tmp_path / "macbeth.txt")):
        assert load_corpus([text]).sources == (str(tmp_path / "macbeth.txt"),)


def test_fetched_text_is_read_by_name(tmp_path, monkeypatch):
    monkeypatch.setenv("CHARLSTM_CACHE", str(tmp_path))
    (tmp_path / "alice.txt").write_text("down")
    assert load_corpus(["alice"]).text == "down"


@pytest.fixture
def large(tmp_path, monkeypatch):
    """A text that counts as large, with a cache of its own."""
    monkeypatch.setenv("CHARLSTM_CACHE", str(tmp_path / "cache"))
    for module in (corpus_module, encoded_text):
        monkeypatch.setattr(module, "MAX_IN_MEMORY", 0)
    monkeypatch.setattr("charlstm.text.id_files.CHUNK_IDS", 7)
    (tmp_path / "text").write_text(TEXT * 3)
    return tmp_path / "text"


def are_equal(corpus, other):
    fields = ("name", "sources", "characters", "counts", "digest")
    return all(getattr(corpus, field) == getattr(other, field) for field in fields) and corpus.text == other.text


def test_large_text_is_cached(large, monkeypatch):
    first = load_corpus([large])
    files = {path: path.stat().st_ino for path in (large.parent / "cache").iterdir()}
    monkeypatch.setattr(encoded_text, "_encode", None)
    assert are_equal(load_corpus([large]), first)
    assert first.text == TEXT * 3
    assert {path: path.stat().st_ino for path in (large.parent / "cache").iterdir()} == files
    assert sorted(path.suffix for path in files) == [".ids", ".json"]


@pytest.mark.parametrize("damage", [b"", b"{}", b"[]", b"\xff"])
def test_damaged_cache_is_replaced(large, damage):
    first = load_corpus([large])
    for suffix in (".json", ".ids"):
        next((large.parent / "cache").glob(f"*{suffix}")).write_bytes(damage)
        assert are_equal(load_corpus([large]), first)


def test_ids_that_fit_the_digest_of_another_alphabet_are_not_taken(large):
    first = load_corpus([large])
    description = next((large.parent / "cache").glob("*.json"))
    stored = json.loads(description.read_text())
    stored["description"]["details"]["characters"] = first.characters[:-1] + "\uffff"
    description.write_text(json.dumps(stored))
    assert are_equal(load_corpus([large]), first)


DETAILS = [
    ("characters", ""),
    ("characters", "ba"),
    ("characters", 1),
    ("counts", [1.0, 2]),
    ("counts", [True] * 19),
    ("counts", None),
    ("digest", 1),
    ("skipped", []),
    ("skipped", {"7": "reason"}),
    ("skipped", {"0": 1}),
    ("skipped", {"x": "reason"}),
]


@pytest.mark.parametrize(("field", "value"), DETAILS)
def test_details_that_do_not_fit_the_ids_are_not_taken(large, field, value):
    first = load_corpus([large])
    path = next((large.parent / "cache").glob("*.json"))
    description = json.loads(path.read_text())["description"]
    description["details"][field] = value
    digest = hashlib.sha256(json.dumps(description).encode()).hexdigest()
    path.write_text(json.dumps({"description": description, "sha256": digest}))
    assert are_equal(load_corpus([large]), first)


def test_what_was_skipped_is_named_again_from_the_cache(large):
    (large.parent / "damaged.gz").write_bytes(b"damaged")
    messages: list[str] = []
    for _ in range(2):
        assert load_corpus([large.parent / "[td]*"], on_message=messages.append).text == TEXT * 3
    assert len(set(messages)) == 1
    assert "damaged.gz (cannot be decompressed)" in messages[0]


def make_file(cache: Path) -> None:
    cache.touch()


def make_full(_: Path) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


@pytest.mark.parametrize("make", [make_file, make_full])
def test_cache_that_cannot_be_written_is_not_needed(large, monkeypatch, make):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    messages: list[str] = []
    try:
        make(large.parent / "cache")
        corpus = load_corpus([large], on_message=messages.append)
        monkeypatch.setattr(encoded_text, "MAX_WITHOUT_CACHE", 3)
        with pytest.raises(CorpusError, match="cannot be written") as caught:
            load_corpus([large])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert corpus.text == TEXT * 3
    assert len(messages) == 1
    assert "cannot be written" in messages[0]
    assert "the text is kept in memory" in messages[0]
    assert "CHARLSTM_CACHE" in caught.value.hint


def test_no_home_is_needed(large, monkeypatch):
    monkeypatch.delenv("CHARLSTM_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "")
    messages: list[str] = []
    assert load_corpus([large], on_message=messages.append).text == TEXT * 3
    assert messages == ["there is no folder for the cache, since you have no home; the text is kept in memory"]
    with pytest.raises(CorpusError, match="there is no text 'missing'"):
        load_corpus(["missing"])


def test_other_text_and_other_options_are_not_taken_from_the_cache(large):
    load_corpus([large])
    assert load_corpus([large], DecodingOptions(lowercase=True)).text == (TEXT * 3).lower()
    large.write_text("other")
    assert load_corpus([large]).text == "other"


@pytest.mark.parametrize("max_in_memory", [0, 1 << 20])
def test_remap(large, monkeypatch, max_in_memory):
    for module in (corpus_module, encoded_text):
        monkeypatch.setattr(module, "MAX_IN_MEMORY", max_in_memory)
    corpus = load_corpus([large])
    vocabulary = Vocabulary.from_counts(corpus.characters, corpus.counts, lowercase=False, min_count=6)
    table = vocabulary.id_table(corpus.characters, "skip", keeps_rare=True)
    rare = {c for c, count in zip(corpus.characters, corpus.counts, strict=True) if count < 6}
    expected = "".join("\ufffd" if c in rare else c for c in TEXT * 3)
    for _ in range(2):  # from the corpus, and from the cache if there is one
        assert vocabulary.decode(corpus.remap(table.ids, size=len(vocabulary))) == expected
    without_first = np.where(np.arange(len(corpus.characters)) == 0, -1, np.arange(len(corpus.characters)))
    assert corpus.remap(without_first, size=len(corpus.characters)).tolist() == [i for i in corpus.ids if i]
    nothing = np.full(len(corpus.characters), -1)
    assert corpus.remap(nothing, size=1).tolist() == []
