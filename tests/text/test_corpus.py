import bz2
import gzip
import io
import lzma
import os
import threading
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charlstm.errors import CorpusError
from charlstm.text import corpus as corpus_module
from charlstm.text.corpus import load_corpus, shipped_texts
from charlstm.text.decoding import DecodingOptions
from charlstm.text.vocabulary import Vocabulary

TEXT = "Grüße, Löwe!\nDas ist ein Text.\n"


def test_ids_are_places_in_the_sorted_alphabet_and_counts_add_up(tmp_path):
    (tmp_path / "text").write_text("banana")
    corpus = load_corpus([tmp_path / "text"])
    assert corpus.characters == "abn"
    assert corpus.counts == (3, 1, 2)
    assert corpus.ids.tolist() == [1, 0, 2, 0, 2, 0]
    assert corpus.ids.dtype == np.uint8
    assert corpus.text == "banana"
    assert corpus.beginning(2) == "ba"


def test_several_texts_are_joined_each_on_a_new_line(tmp_path):
    for name, text in (("a", "one"), ("b.txt", "two\n"), ("c", "three")):
        (tmp_path / name).write_text(text)
    corpus = load_corpus([tmp_path / "a", tmp_path / "b.txt", tmp_path / "c"])
    assert corpus.text == "one\ntwo\nthree"
    assert corpus.name == "a+b+c"
    assert corpus.sources == tuple(str(tmp_path / name) for name in ("a", "b.txt", "c"))


PACKED: dict[str, Any] = {
    "text.gz": gzip.compress,
    "text.xz": lzma.compress,
    "text.bz2": bz2.compress,
    "text.txt": lambda content: content,
}


@pytest.mark.parametrize("name", PACKED)
def test_compressed_texts_are_unpacked(tmp_path, name):
    (tmp_path / name).write_bytes(PACKED[name](TEXT.encode()))
    assert load_corpus([tmp_path / name]).text == TEXT
    assert load_corpus([tmp_path / name]).name == "text"


@pytest.mark.parametrize("name", ["text.gz", "text.xz", "text.bz2"])
def test_what_is_packed_and_damaged_is_one_error(tmp_path, name):
    whole = PACKED[name](TEXT.encode() * 100)
    for content in (whole[:-9], whole[:20] + b"\0\0\0\0" + whole[24:], b"not packed at all"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(CorpusError, match=name):
            load_corpus([tmp_path / name])


def test_archives_and_folders_are_read_in_order_without_what_is_no_text(tmp_path):
    (tmp_path / "songs" / "deep").mkdir(parents=True)
    for name, content in (("b.txt", b"b\n"), ("a.txt", b"a\n"), ("deep/c", b"c\n"), (".hidden", b"h"), ("x", b"\0\1")):
        (tmp_path / "songs" / name).write_bytes(content)
    assert load_corpus([tmp_path / "songs"]).text == "a\nb\nc\n"
    with zipfile.ZipFile(tmp_path / "songs.zip", "w") as archive:
        for name in ("songs/b.txt", "songs/a.txt", "__MACOSX/songs/a.txt"):
            archive.writestr(name, f"{name}\n")
        archive.writestr("picture.png", b"\x89PNG\0\0")
    assert load_corpus([tmp_path / "songs.zip"]).text == "songs/a.txt\nsongs/b.txt\n"
    (tmp_path / "songs" / "d.zip").write_bytes((tmp_path / "songs.zip").read_bytes())
    assert load_corpus([tmp_path / "songs"]).text == "a\nb\nsongs/a.txt\nsongs/b.txt\nc\n"


def test_globs_and_standard_input(tmp_path, monkeypatch):
    for name in ("b.txt", "a.txt", "c.md", "[1].txt"):
        (tmp_path / name).write_text(name)
    assert load_corpus([tmp_path / "?.txt"]).text == "a.txt\nb.txt"
    assert load_corpus([tmp_path / "[1].txt"]).text == "[1].txt", "a file that exists wins over a glob"
    with pytest.raises(CorpusError, match="no file matches"):
        load_corpus([tmp_path / "*.csv"])
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
    corpus = load_corpus(["-"])
    assert (corpus.name, corpus.text, corpus.sources) == ("stdin", TEXT, ("-",))


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf"])
def test_an_empty_text_is_refused(tmp_path, content):
    (tmp_path / "text").write_bytes(content)
    with pytest.raises(CorpusError, match="empty"):
        load_corpus([tmp_path / "text"])


def test_a_missing_text_is_told_with_the_names_there_are():
    with pytest.raises(CorpusError) as caught:
        load_corpus(["nowhere.txt"])
    assert "macbeth.txt" in caught.value.hint
    with pytest.raises(CorpusError, match="not here yet"):
        load_corpus(["enwik8"])


def test_shipped_texts_are_found_by_name_and_files_win(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "macbeth.txt" in shipped_texts()
    assert load_corpus(["macbeth"]).text.startswith("MACBETH\n")
    assert load_corpus(["macbeth"]).sources == (str(shipped_texts()["macbeth.txt"]),)
    Path("macbeth.txt").write_text("mine")
    assert load_corpus(["macbeth.txt"]).text == "mine"


def test_a_fetched_text_is_found_by_name(tmp_path, monkeypatch):
    monkeypatch.setenv("CHARLSTM_CACHE", str(tmp_path))
    (tmp_path / "alice.txt").write_text("down")
    assert load_corpus(["alice"]).text == "down"


@pytest.fixture
def large(tmp_path, monkeypatch):
    """Every text counts as large."""
    monkeypatch.setenv("CHARLSTM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(corpus_module, "IN_MEMORY", 0)
    monkeypatch.setattr(corpus_module, "AT_ONCE", 7)
    (tmp_path / "text").write_text(TEXT * 3)
    return tmp_path / "text"


def same(corpus, other):
    fields = ("name", "sources", "characters", "counts", "digest")
    return all(getattr(corpus, field) == getattr(other, field) for field in fields) and corpus.text == other.text


def test_a_large_text_lies_in_a_cache_that_is_reused(large, monkeypatch):
    first = load_corpus([large])
    files = {path: path.stat().st_mtime_ns for path in (large.parent / "cache").iterdir()}
    monkeypatch.setattr(corpus_module, "_read", None)
    assert same(load_corpus([large]), first)
    assert first.text == TEXT * 3
    assert {path: path.stat().st_mtime_ns for path in (large.parent / "cache").iterdir()} == files
    assert sorted(path.suffix for path in files) == [".ids", ".json"]


@pytest.mark.parametrize("damage", [b"", b"{}", b"[]", b"\xff"])
def test_a_damaged_cache_is_made_again(large, damage):
    first = load_corpus([large])
    for ending in (".json", ".ids"):
        next((large.parent / "cache").glob(f"*{ending}")).write_bytes(damage)
        assert same(load_corpus([large]), first)


def test_another_text_or_reading_has_a_cache_of_its_own(large):
    load_corpus([large])
    assert load_corpus([large], DecodingOptions(lowercase=True)).text == (TEXT * 3).lower()
    large.write_text("other")
    assert load_corpus([large]).text == "other"


def test_a_translated_text_leaves_out_and_joins(large, monkeypatch):
    for limit in (0, 1 << 20):
        monkeypatch.setattr(corpus_module, "IN_MEMORY", limit)
        corpus = load_corpus([large])
        vocabulary = Vocabulary.from_counts(corpus.characters, corpus.counts, lowercase=False, min_count=6)
        table = vocabulary.map_characters(corpus.characters, "skip").table
        ids = corpus.remapped(table, size=len(vocabulary))
        rare = {c for c, count in zip(corpus.characters, corpus.counts, strict=True) if count < 6}
        assert vocabulary.decode(ids) == "".join("\ufffd" if c in rare else c for c in TEXT * 3)
        table = np.where(np.arange(len(corpus.characters)) == 0, -1, np.arange(len(corpus.characters)))
        assert corpus.remapped(table, size=len(corpus.characters)).tolist() == [i for i in corpus.ids if i]


def test_what_a_training_wrote_is_no_text_to_learn_from(tmp_path):
    (tmp_path / "a.txt").write_text("mine")
    (tmp_path / "runs" / "x").mkdir(parents=True)
    for name in ("model.safetensors", "samples.txt", "history.jsonl"):
        (tmp_path / "runs" / "x" / name).write_text("written")
    assert load_corpus([tmp_path]).text == "mine"
    assert load_corpus([tmp_path / "**" / "*.txt"]).text == "mine"


def test_a_pipe_is_read_whole(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_text(TEXT * 10_000))
    writer.start()
    corpus = load_corpus([tmp_path / "pipe"])
    writer.join()
    assert corpus.text == TEXT * 10_000
    assert corpus.sources == ("-",)
