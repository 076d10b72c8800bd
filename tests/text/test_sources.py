"""Files, folders, archives, globs and streams, read through `load_corpus`."""

import bz2
import gzip
import lzma
import zipfile
from typing import Any

import pytest

from charlstm.errors import CorpusError
from charlstm.text.corpus import load_corpus
from charlstm.text.sources import corpus_name

TEXT = "Grüße, Löwe!\nDas ist ein Text.\n"
COMPRESSED: dict[str, Any] = {
    "text.gz": gzip.compress,
    "text.xz": lzma.compress,
    "text.bz2": bz2.compress,
    "text.txt": lambda content: content,
}


@pytest.mark.parametrize("name", COMPRESSED)
def test_compressed_text_is_decompressed(tmp_path, name):
    (tmp_path / name).write_bytes(COMPRESSED[name](TEXT.encode()))
    assert load_corpus([tmp_path / name]).text == TEXT
    assert load_corpus([tmp_path / name]).name == "text"


@pytest.mark.parametrize("name", ["text.gz", "text.xz", "text.bz2"])
def test_damaged_compressed_text_is_one_error(tmp_path, name):
    content = COMPRESSED[name](TEXT.encode() * 100)
    for damaged in (content[:-9], content[:20] + b"\0\0\0\0" + content[24:], b"not compressed at all"):
        (tmp_path / name).write_bytes(damaged)
        with pytest.raises(CorpusError, match=name):
            load_corpus([tmp_path / name])


def test_archives_and_folders_are_read_in_order_without_other_files(tmp_path):
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


def test_globs(tmp_path):
    for name in ("b.txt", "a.txt", "c.md", "[1].txt"):
        (tmp_path / name).write_text(name)
    assert load_corpus([tmp_path / "?.txt"]).text == "a.txt\nb.txt"
    assert load_corpus([tmp_path / "[1].txt"]).text == "[1].txt", "a file takes precedence over a glob"
    with pytest.raises(CorpusError, match="no file matches"):
        load_corpus([tmp_path / "*.csv"])


def test_files_of_a_run_are_not_read_as_text(tmp_path):
    (tmp_path / "a.txt").write_text("mine")
    (tmp_path / "runs" / "x").mkdir(parents=True)
    for name in ("model.safetensors", "samples.txt", "history.jsonl"):
        (tmp_path / "runs" / "x" / name).write_text("generated")
    assert load_corpus([tmp_path]).text == "mine"
    assert load_corpus([tmp_path / "**" / "*.txt"]).text == "mine"


@pytest.mark.parametrize(
    ("texts", "name"),
    [
        (["macbeth.txt"], "macbeth"),
        (["songs/a.txt.gz", "b.md", "c/a.txt"], "a+b"),
        (["-"], "stdin"),
        (["lyrics/*.txt"], "text"),
        (["songs.zip", ".hidden.txt"], "songs+hidden"),
        (["/dev/stdin"], "stdin"),
        (["/dev/fd/63"], "stdin"),
        (["x" * 100], "x" * 80),
        (["ж" * 100 + ".txt"], "ж" * 40),
        (["a" + "語" * 100], "a" + "語" * 26),
        (["x" * 79 + "."], "x" * 79),
        (["x" * 79 + " y"], "x" * 79),
        ([f"{letter}" * 9 + ".txt" for letter in "abcdefghij"], "+".join(letter * 9 for letter in "abcdefgh")),
        ([".", "..", "/"], None),
        (["/"], "text"),
        (["a\nb\x1b[2J\u202ec\udcff"], "ab2Jc"),
        (["a\\b"], "ab"),
        (["-v.txt"], "v"),
        (["...txt"], "text"),
        (["name . .txt"], "name"),
    ],
)
def test_corpus_is_named_after_its_files(texts, name):
    found = corpus_name(texts)
    assert found == name or name is None
    assert 0 < len(found.encode()) <= 80
    assert found.strip(". ") == found
    assert "/" not in found


@pytest.mark.parametrize("text", ["", " ", "\t\n"])
def test_argument_of_nothing_is_an_error(text):
    for use in (load_corpus, corpus_name):
        with pytest.raises(CorpusError, match="the name of the text is empty") as caught:
            use([text])
        assert "variable" in caught.value.hint


@pytest.mark.parametrize("text", ["a\0b", "x" * 300, "x/" * 3000, "\udcff"])
def test_impossible_path_is_one_error(text):
    with pytest.raises(CorpusError):
        load_corpus([text])
