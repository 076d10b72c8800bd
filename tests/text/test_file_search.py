"""Folders and patterns: what is read, what is skipped, and that the latter is said."""

import os
import random
import zipfile
from pathlib import Path

import pytest

from charlstm.errors import CorpusError
from charlstm.storage.run_folder import RunFolder
from charlstm.text.corpus import load_corpus
from charlstm.text.decoding_options import DecodingOptions
from charlstm.text.file_search import RUN_FILES, Skipped, describe_skipped

BINARY = random.Random(1).randbytes(3000) + bytes(100)


def read(*texts, **options):
    """Return the text and the messages."""
    messages: list[str] = []
    return load_corpus(texts, on_message=messages.append, **options).text, messages


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "songs").mkdir()
    for name in ("a", "b"):
        (tmp_path / "songs" / f"{name}.txt").write_text(f"{name}\n")
    return tmp_path / "songs"


def cut_gzip(path):
    import gzip

    path.write_bytes(gzip.compress(random.Random(1).randbytes(20_000).hex().encode())[:-20])


def unknown_method(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "text")
    content = path.read_bytes()
    for start in (content.index(b"PK\3\4") + 8, content.index(b"PK\1\2") + 10):
        content = content[:start] + b"\x63\0" + content[start + 2 :]
    path.write_bytes(content)


def encrypted(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "text")
    content = path.read_bytes()
    for start in (content.index(b"PK\3\4") + 6, content.index(b"PK\1\2") + 8):
        content = content[:start] + b"\1\0" + content[start + 2 :]
    path.write_bytes(content)


SKIPPED = {
    "photo.jpg": (lambda path: path.write_bytes(BINARY), "a binary file"),
    "late.txt": (lambda path: path.write_bytes(b"text\n" * 10_000 + bytes(10_000)), "a binary file"),
    "cut.gz": (cut_gzip, "cannot be decompressed"),
    "broken.zip": (lambda path: path.write_bytes(b"PK\3\4 broken"), "cannot be decompressed"),
    "old.zip": (encrypted, "encrypted"),
    "empty.txt": (lambda path: path.touch(), "empty"),
    "empty.gz": (lambda path: path.write_bytes(__import__("gzip").compress(b"")), "empty"),
    "pipe": (os.mkfifo, "not a regular file"),
    "gone.txt": (lambda path: path.symlink_to("nowhere"), "a broken link"),
    "again.txt": (lambda path: path.symlink_to("a.txt"), "the same file as one before"),
    "loop": (lambda path: path.symlink_to("."), "a linked folder"),
    "up": (lambda path: path.symlink_to(".."), "a linked folder"),
    ".hidden": (lambda path: path.write_text("h"), "hidden"),
}


@pytest.mark.parametrize("name", SKIPPED)
def test_what_holds_no_text_is_skipped_and_named(folder, name):
    make, reason = SKIPPED[name]
    make(folder / ("b2.txt" if name == "again.txt" else name))
    named = "b2.txt" if name == "again.txt" else name
    assert read(folder) == ("a\nb\n", [f"{folder}: 2 files, 1 skipped: {named} ({reason})"])
    for file in folder.glob("[ab].txt"):
        file.unlink()
    if name != "again.txt":
        with pytest.raises(CorpusError, match="has no text in it") as caught:
            read(folder)
        assert f"{named} ({reason})" in str(caught.value) or "(a broken link)" in str(caught.value)


def test_file_without_permission_is_skipped_and_named(folder, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, _: path.name != "a.txt")
    assert read(folder) == ("b\n", [f"{folder}: 1 file, 1 skipped: a.txt (no permission to read it)"])


def test_nothing_remains_of_a_file_that_is_damaged_late(folder):
    (folder / "a2.txt").write_bytes("é\n".encode() * 100 + b"\xff\n")
    text, messages = read(folder, options=DecodingOptions(encoding="utf-8"))
    assert text == "a\nb\n"
    assert messages == [f"{folder}: 2 files, 1 skipped: a2.txt (not utf-8)"]


def test_binary_file_is_skipped_with_any_encoding(folder):
    (folder / "photo.jpg").write_bytes(BINARY)
    text, messages = read(folder, options=DecodingOptions(encoding="latin-1"))
    assert (text, messages) == ("a\nb\n", [f"{folder}: 2 files, 1 skipped: photo.jpg (a binary file)"])


def test_members_are_skipped_and_named(folder):
    with zipfile.ZipFile(folder / "c.zip", "w") as archive:
        for name, content in (("x.txt", b"x\n"), ("picture.png", BINARY), ("deep/empty", b"")):
            archive.writestr(name, content)
    reasons = "deep/empty (empty), picture.png (a binary file)"
    assert read(folder / "c.zip") == ("x\n", [f"{folder / 'c.zip'}: 1 file, 2 skipped: {reasons}"])
    inside = "c.zip:deep/empty (empty), c.zip:picture.png (a binary file)"
    assert read(folder) == ("a\nb\nx\n", [f"{folder}: 3 files, 2 skipped: {inside}"])
    unknown_method(folder / "d.zip")
    with pytest.raises(CorpusError, match=r"d\.zip has no text in it: a\.txt \(cannot be decompressed\)"):
        read(folder / "d.zip")


@pytest.mark.parametrize("name", ["photo.jpg", "cut.gz", "broken.zip", "old.zip", "late.txt"])
def test_named_file_that_cannot_be_read_is_an_error(folder, name):
    SKIPPED[name][0](folder / name)
    with pytest.raises(CorpusError, match=name):
        read(folder / "a.txt", folder / name)


def test_named_empty_file_is_said(folder):
    (folder / "empty.txt").touch()
    assert read(folder / "a.txt", folder / "empty.txt") == ("a\n", [f"{folder / 'empty.txt'} is empty"])


def test_links_in_a_circle_end(folder):
    (folder / "one").symlink_to(".")
    (folder / "two").symlink_to(".")
    assert read(folder / "**" / "*.txt")[0] == "a\nb\n"
    assert read(folder / "*" / "*.txt")[0] == "a\nb\n"
    assert read(folder / "**")[0] == "a\nb\n"


def test_recursive_pattern_matches_below_the_present_folder(folder, monkeypatch):
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "c.txt").write_text("c")
    (folder / ".git").mkdir()
    (folder / ".git" / "d.txt").write_text("d")
    monkeypatch.chdir(folder)
    assert read("**/*.txt")[0] == read("./**/*.txt")[0] == read("../**/*.txt")[0] == "a\nb\nc"


def test_runs_are_skipped_and_a_lock_is_not_a_run(folder):
    for name, file in (("run", "model.safetensors"), ("locked", ".lock")):
        (folder / name).mkdir()
        (folder / name / file).touch()
        (folder / name / "samples.txt").write_text(f"{name}\n")
    assert read(folder) == ("a\nb\nlocked\n", [f"{folder}: 3 files, 2 skipped: run (a run), locked/.lock (hidden)"])
    text, messages = read(folder / "*" / "*.txt")
    assert text == "locked\n"
    assert "run/samples.txt (in a run folder)" in messages[0]


def test_files_of_the_own_run_are_no_text_but_those_beside_it_are(folder):
    before = read(folder, own_run=folder)
    assert before == ("a\nb\n", [])
    for file in RunFolder(folder).files:
        file.write_text("of the run")
    assert read(folder, own_run=folder)[0] == read(folder.parent, own_run=folder)[0] == "a\nb\n"
    assert read(folder / "*.txt", own_run=folder)[0] == read(folder / "*.txt")[0] == "a\nb\n"
    assert read(folder)[0] == "a\nb\n"
    with pytest.raises(CorpusError, match=r"songs \(a run\)"):
        read(folder.parent)


def test_files_of_a_run_are_known():
    assert {file.name for file in RunFolder(Path()).files} == set(RUN_FILES)


def test_many_are_named_in_part_and_what_is_always_skipped_comes_last():
    skipped = [Skipped(".git", "hidden"), *(Skipped(str(number), "empty") for number in range(3))]
    assert describe_skipped(skipped, max_named=2) == "0 (empty), 1 (empty) and 2 more"
    assert describe_skipped(skipped) == "0 (empty), 1 (empty), 2 (empty), .git (hidden)"
