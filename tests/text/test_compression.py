"""Compressed files and archives: bounds, and the time for archives of many members."""

import bz2
import gzip
import lzma
import os
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest

from charlstm import atomic_files
from charlstm.errors import CorpusError
from charlstm.text import compression
from charlstm.text.corpus import load_corpus

COMPRESS: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress}


@pytest.fixture
def _small_bounds(monkeypatch):
    monkeypatch.setattr(compression, "ALWAYS_ALLOWED_BYTES", 10_000)
    monkeypatch.setattr(compression, "MAX_EXPANDED_BYTES", 50_000)


@pytest.mark.usefixtures("_small_bounds")
@pytest.mark.parametrize("suffix", [".gz", ".xz", ".bz2", ".zip"])
@pytest.mark.parametrize(("text", "is_allowed"), [("a" * 10_000, True), ("a" * 60_000, False), (None, False)])
def test_expansion_has_a_bound(tmp_path, suffix, text, is_allowed):
    text = text or random.Random(1).randbytes(30_000).hex()  # 60,000 characters, hardly compressed
    path = tmp_path / f"text{suffix}"
    if suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("text", text)
    else:
        path.write_bytes(COMPRESS[suffix](text.encode()))
    if is_allowed:
        assert load_corpus([path]).text == text
        return
    with pytest.raises(CorpusError, match=r"expands to more than [\d,]+ bytes"):
        load_corpus([path])
    (tmp_path / "other.txt").write_text("other")
    messages: list[str] = []
    assert load_corpus([tmp_path], on_message=messages.append).text == "other"
    assert f"text{suffix} (cannot be decompressed)" in messages[0]


def test_members_of_an_archive_are_bounded_together(tmp_path, monkeypatch):
    monkeypatch.setattr(compression, "MAX_EXPANDED_BYTES", 1000)
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for number in range(11):
            archive.writestr(str(number), "x" * 100)
    with pytest.raises(CorpusError, match="expands to more than 1,000 bytes"):
        load_corpus([tmp_path / "many.zip"])


def test_archive_is_opened_and_digested_once(tmp_path, monkeypatch):
    monkeypatch.setattr("charlstm.text.encoded_text.MAX_IN_MEMORY", 0)
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for number in range(50):
            archive.writestr(f"{number:02}", f"{number}\n")
    opened: list[object] = []
    open_archive = zipfile.ZipFile.__init__
    open_file = atomic_files.open_regular

    def counting(self, *args, **kwargs):
        opened.append(args)
        open_archive(self, *args, **kwargs)

    with patch.object(zipfile.ZipFile, "__init__", counting):
        corpus = load_corpus([tmp_path / "many.zip"])
    assert corpus.text == "".join(f"{number}\n" for number in range(50))
    assert len(opened) == 1
    with patch("charlstm.text.sources.open_regular", side_effect=open_file) as digested:
        load_corpus([tmp_path / "many.zip"])
    assert digested.call_count == 1


def test_changed_archive_is_opened_again(tmp_path):
    for content in ("one", "another"):
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr("text", content)
        assert load_corpus([tmp_path / "a.zip"]).text == content


def test_member_of_the_same_name_is_read_once(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("text", "first\n")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("text", "second\n")
    assert load_corpus([tmp_path / "a.zip"]).text == "second\n"


def test_only_regular_files_are_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path / "link", tmp_path, Path("/dev/zero")):
        with pytest.raises(OSError, match=r"not a regular file|directory"):
            atomic_files.open_regular(path)
    (tmp_path / "text").write_text("x")
    (tmp_path / "link2").symlink_to(tmp_path / "text")
    atomic_files.open_regular(tmp_path / "link2").close()
    with pytest.raises(OSError, match="symbolic links"):
        atomic_files.open_regular(tmp_path / "link2", follow_links=False)
