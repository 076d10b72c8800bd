"""Lines of a stream are handed over as they come."""

import io
import os

import pytest

from charlstm.errors import CorpusError
from charlstm.text import waiting_lines as module
from charlstm.text.cleaning import INVALID
from charlstm.text.waiting_lines import waiting_lines


@pytest.fixture
def pipe(monkeypatch):
    """Return the writing end of a pipe whose other end is standard input."""
    reading, writing = os.pipe()
    with open(reading, encoding="utf-8") as stdin, open(writing, "wb", buffering=0) as writer:
        monkeypatch.setattr("sys.stdin", stdin)
        yield writer


def all_lines(monkeypatch, content: bytes, encoding: str | None = None) -> list[str]:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    return [line for lines in waiting_lines("-", encoding) for line in lines]


def test_each_line_comes_before_the_next_one_is_written(pipe):
    lines = waiting_lines("-")
    pipe.write(b"one\n")
    assert next(lines) == ["one"]
    pipe.write(b"two\nthree\nfo")
    assert next(lines) == ["two", "three"]
    pipe.write(b"ur\n")
    assert next(lines) == ["four"]
    pipe.write(b"\nthe last one")
    assert next(lines) == [""]
    pipe.close()
    assert list(lines) == [["the last one"]]


def test_a_named_pipe_is_a_stream_as_well(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    keeper = os.open(path, os.O_RDWR)  # or opening one end would wait for the other
    lines = waiting_lines(path)
    os.write(keeper, b"a\nb\n")
    assert next(lines) == ["a", "b"]
    os.close(keeper)
    assert list(lines) == []


@pytest.mark.parametrize(
    ("content", "encoding", "expected"),
    [
        (b"a\r\nb\rc\r\n", None, ["a", "b", "c"]),
        ("\ufeffé\n".encode(), None, ["é"]),
        (b"caf\xe9\nb", None, [f"caf{INVALID}", "b"]),
        (b"caf\xe9\nb", "latin-1", ["café", "b"]),
        ("é\nb\n".encode("utf-16"), "utf-16", ["é", "b"]),
        (b"", None, []),
    ],
)
def test_line_ends_and_encodings(monkeypatch, content, encoding, expected):
    assert all_lines(monkeypatch, content, encoding) == expected


def test_a_line_without_an_end_is_refused(monkeypatch):
    monkeypatch.setattr(module, "MAX_LINE_LENGTH", 10)
    monkeypatch.setattr(module, "CHUNK_BYTES", 4)
    with pytest.raises(CorpusError, match="standard input has a line of more than 10 characters"):
        all_lines(monkeypatch, b"short\n" + 100 * b"a")


def test_devices_and_closed_descriptors_are_refused():
    descriptor = os.dup(0)
    os.close(descriptor)
    for path in ("/dev/zero", f"/dev/fd/{descriptor}"):
        with pytest.raises(CorpusError, match=path):
            next(waiting_lines(path))


def test_closed_standard_input_is_said(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(CorpusError, match="standard input is closed"):
        next(waiting_lines("-"))
