"""Standard input, pipes and devices, read through `load_corpus`."""

import io
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from charlstm.errors import CorpusError
from charlstm.text import streams
from charlstm.text.corpus import load_corpus
from charlstm.text.streams import is_stream

TEXT = "Grüße, Löwe!\nDas ist ein Text.\n"
IN_PROCESS = "import sys; from charlstm.text.corpus import load_corpus; corpus = load_corpus(sys.argv[1:]); "


@pytest.fixture
def standard_input(monkeypatch):
    def give(content: bytes) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))

    return give


@pytest.mark.parametrize("name", ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0", "/dev/../dev/stdin"])
def test_standard_input_has_many_names(standard_input, name):
    standard_input(TEXT.encode())
    corpus = load_corpus([name])
    assert (corpus.name, corpus.text, corpus.sources) == ("stdin", TEXT, ("-",))


def test_standard_input_from_a_file_is_still_standard_input(tmp_path):
    (tmp_path / "text").write_text(TEXT)
    code = IN_PROCESS + "assert (corpus.name, len(corpus), corpus.sources) == ('stdin', int(len(corpus)), ('-',))"
    with (tmp_path / "text").open("rb") as file:
        subprocess.run([sys.executable, "-c", code, "/dev/stdin"], stdin=file, check=True)


def test_descriptor_of_a_pipe():
    reading, writing = os.pipe()
    os.write(writing, TEXT.encode())
    os.close(writing)
    corpus = load_corpus([f"/dev/fd/{reading}"])
    os.close(reading)
    assert (corpus.name, corpus.text, corpus.sources) == ("stdin", TEXT, ("-",))


def test_pipe_is_read_to_its_end(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_text(TEXT * 10_000))
    writer.start()
    corpus = load_corpus([tmp_path / "pipe"])
    writer.join()
    assert (corpus.name, corpus.text, corpus.sources) == ("pipe", TEXT * 10_000, ("-",))


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/full", "/dev/urandom"])
def test_devices_are_refused(device):
    with pytest.raises(CorpusError, match=f"{device} is a device"):
        load_corpus([device])
    with Path(device).open("rb") as file, pytest.raises(CorpusError, match="is a device"):
        load_corpus([f"/dev/fd/{file.fileno()}"])


def test_null_device_is_empty():
    with pytest.raises(CorpusError, match="/dev/null is empty"):
        load_corpus(["/dev/null"])


def test_endless_stream_has_a_bound_and_leaves_nothing(standard_input, monkeypatch, tmp_path):
    monkeypatch.setattr(streams, "MAX_STREAM_BYTES", 1000)
    monkeypatch.setattr(streams, "MAX_IN_MEMORY", 100)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    standard_input(b"x" * 1000)
    assert len(load_corpus(["-"])) == 1000
    standard_input(b"x" * 1001)
    with pytest.raises(CorpusError, match="standard input has more than 1,000 bytes"):
        load_corpus(["-"])
    assert list(tmp_path.iterdir()) == []


def test_temporary_file_has_no_name_while_it_is_written(monkeypatch, tmp_path):
    monkeypatch.setattr(streams, "MAX_IN_MEMORY", 100)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_text(TEXT * 100))
    writer.start()
    with streams.copy_stream(tmp_path / "pipe") as copy:
        writer.join()
        assert copy.seek(0, os.SEEK_END) == len(TEXT.encode()) * 100
        assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_short_text_needs_no_temporary_folder(standard_input, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    standard_input(TEXT.encode())
    assert load_corpus(["-"]).text == TEXT
    monkeypatch.setattr(streams, "MAX_IN_MEMORY", 1)
    standard_input(TEXT.encode())
    with pytest.raises(CorpusError, match="cannot be kept in a temporary file") as caught:
        load_corpus(["-"])
    assert "TMPDIR" in caught.value.hint


@pytest.mark.parametrize("text", ["-", "/dev/stdin", "/dev/fd/3", "/dev/zero", "/dev/null", "/proc/self/fd/1", "pipe"])
def test_recorded_text_is_never_read_from_a_stream(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    with pytest.raises(CorpusError, match="is not a file"):
        load_corpus([text], is_recorded=True)


def test_recorded_file_of_the_kernel_is_not_read():
    with pytest.raises(CorpusError, match="/proc/version is empty"):
        load_corpus(["/proc/version"], is_recorded=True)


def test_closed_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(CorpusError, match="standard input is closed"):
        load_corpus(["-"])


def test_terminal_is_refused():
    terminal, other = os.openpty()
    try:
        with pytest.raises(CorpusError, match="is a terminal"):
            load_corpus([f"/dev/fd/{other}"])
    finally:
        os.close(terminal)
        os.close(other)


def test_streams_are_told_from_files(tmp_path):
    assert not is_stream(tmp_path)
    assert not is_stream(tmp_path / "missing")
    assert not is_stream("/dev/fd/x")
    assert is_stream("/dev/fd/63")
