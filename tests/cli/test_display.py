"""What is shown on stderr, and how text is written to a terminal."""

import io
import sys
import time
from pathlib import Path

import pytest

from charlstm.cli.display import progress
from charlstm.cli.display.messages import changes_line, clock, command_line, console, visible
from charlstm.cli.display.progress import notice_if_slow
from charlstm.cli.display.results import write_output
from charlstm.cli.display.rows import aligned


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_clock():
    assert [clock(seconds) for seconds in (0, 61, 3723)] == ["0:00", "1:01", "1:02:03"]


def test_control_characters_are_escaped():
    assert visible("a\x1b[2J\nb\u202e") == "a\\x1b[2J\\nb\\u202e"
    assert visible("a\nb", keep="\n") == "a\nb"


def test_changes_are_named_in_one_line():
    assert changes_line({"\u00c9": "e", " ": "", "%": ""}).endswith(
        "replaced \u00c9 (U+00C9) with e (U+0065); skipped U+0020, % (U+0025)"
    )
    assert changes_line(dict.fromkeys("abcdefghijk", "")).endswith("h (U+0068) and 3 more")


def test_notice_is_shown_on_a_terminal_for_slow_work(capsys, monkeypatch):
    monkeypatch.setattr(progress, "NOTICE_AFTER", 0.05)
    with notice_if_slow("working"):
        time.sleep(0.2)
    assert capsys.readouterr().err == "", "stderr is not a terminal"
    monkeypatch.setattr(console, "_force_terminal", True)
    with notice_if_slow("working"):
        time.sleep(0.2)
    assert "working" in capsys.readouterr().err
    monkeypatch.setattr(progress, "NOTICE_AFTER", 5)
    with notice_if_slow("working"):
        pass
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("parts", "pipe", "terminal"),
    [
        (["ab", "c\n"], "abc\n", "abc\n"),
        (["a\x1b", "b"], "a\x1bb", "a\\x1bb\n"),
        ([], "", ""),
    ],
)
def test_terminal_gets_escaped_text_and_a_line_end(monkeypatch, parts, pipe, terminal):
    for stream, expected in ((io.StringIO(), pipe), (Terminal(), terminal)):
        monkeypatch.setattr(sys, "stdout", stream)
        write_output(iter(parts), None)
        assert stream.getvalue() == expected


def test_rows_are_wrapped_on_a_terminal_only(monkeypatch):
    rows = [("text", "some words " * 12), ("counts", [f"{letter} {number}" for number, letter in enumerate("ab" * 20)])]
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert [len(line) > 100 for line in aligned(rows, name_width=8).split("\n")] == [True, True]
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setattr(console, "_width", 40)
    lines = aligned(rows, name_width=8).split("\n")
    assert max(map(len, lines)) <= 40
    names = {line[:8] for line in lines}
    assert names == {"text    ", "counts  ", " " * 8}
    parts = [part for line in lines if "0" in line for part in line[8:].split("  ")]
    assert "a 20" in parts


@pytest.mark.parametrize(
    ("path", "words"),
    [("runs/cats", "runs/cats"), ("my run", "'my run'"), ("$(x)'s", "'$(x)'\"'\"'s'"), ("-x", "./-x")],
)
def test_commands_can_be_pasted_into_a_shell(path, words):
    assert command_line("resume", Path(path)) == f"charlstm resume {words}"
