"""What is shown on stderr, and how text is written to a terminal."""

import io
import json
import sys
import time
from collections import deque
from pathlib import Path

import pytest

from charlstm.cli.display import progress
from charlstm.cli.display.json_output import to_json
from charlstm.cli.display.messages import changes_line, clock, command_line, console, say, standing_alone, visible, warn
from charlstm.cli.display.progress import notice_if_slow
from charlstm.cli.display.results import ResultFormat, write_output
from charlstm.cli.display.rows import aligned


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_clock():
    assert [clock(seconds) for seconds in (0, 61, 3723)] == ["0:00", "1:01", "1:02:03"]


def test_control_characters_are_escaped():
    assert visible("a\x1b[2J\nb\u202e") == "a\\x1b[2J\\nb\\u202e"
    assert visible("a\nb", keep="\n") == "a\nb"
    assert visible("\x9b1m\x7f\u2066\u2028\ud800") == "\\x9b1m\\x7f\\u2066\\u2028\\ud800"


@pytest.mark.parametrize(
    "text",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian, with a zero-width non-joiner
        "\U0001f469\u200d\U0001f467 \u2764\ufe0f",  # joined emoji, a variation selector
        "\U0001f3f4\U000e0067\U000e0062\U000e007f",  # the tag characters of a flag
        "soft\u00adhyphen, \u0601\u06dd\u070f, \u200e\u200f\u061c",  # Arabic signs, directional marks
    ],
)
def test_joiners_and_marks_are_part_of_the_text(text):
    assert visible(text) == text


def test_json_is_in_the_script_of_the_text():
    value = {"text": "\u0645\u06cc\u200c\n\u00e9", "unsafe": "\x1b\x9b\u202e\u2028\ud800\x7f"}
    text = to_json(value)
    assert "\u0645\u06cc\u200c\\n\u00e9" in text
    assert "\\u001b\\u009b\\u202e\\u2028\\ud800\\u007f" in text
    assert json.loads(text) == json.loads(to_json(value, indent=2)) == value


def test_rows_are_wrapped_by_columns(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setattr("charlstm.cli.display.rows.terminal_width", lambda: 21)
    assert aligned([("name", "\u6f22\u5b57 " * 4)], name_width=6).splitlines() == [
        "name  \u6f22\u5b57 \u6f22\u5b57 \u6f22\u5b57",
        "      \u6f22\u5b57",
    ]


def test_combining_mark_alone_stands_on_a_circle():
    assert standing_alone("\u0301") == "\u25cc\u0301"
    assert standing_alone("e") == "e"


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


def test_parts_longer_than_a_line_are_broken_at_spaces(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setattr("charlstm.cli.display.rows.terminal_width", lambda: 26)
    lines = aligned([("name", ["1.2345 nats (1.7810 bits)", "epoch 2"])], name_width=6).splitlines()
    assert [line.split() for line in lines] == [["name", "1.2345", "nats", "(1.7810"], ["bits)", "epoch", "2"]]


@pytest.mark.parametrize("width", [80, 40, 20])
def test_messages_are_broken_at_spaces_on_a_terminal_only(monkeypatch, capsys, width):
    line = "1x16 units, dropout 0.36, learning rate 0.008, chosen for 92,857 characters in texts/" + "a" * 30
    say(line)
    assert capsys.readouterr().err == line + "\n"
    terminal = Terminal()
    monkeypatch.setattr(console, "_file", terminal)
    monkeypatch.setattr(console, "_width", width)
    say(line)
    warn(line)
    lines = terminal.getvalue().splitlines()
    assert " ".join(lines) == f"{line} warning: {line}"
    assert all(len(line) <= width or " " not in line for line in lines)


def test_array_is_written_piece_by_piece_and_valid_after_ctrl_c():
    class Generated:
        def __init__(self, number):
            self.number = number

    class Format(ResultFormat):
        def to_json(self, result):
            return {"text": f"\u00e9{result.number}"}

    array = Format(name="json", echo=False, separator="", models=[])

    def numbers(interrupted_at):
        for number in range(3):
            if number == interrupted_at:
                raise KeyboardInterrupt
            yield Generated(number)

    expected = [{"text": f"\u00e9{number}"} for number in range(3)]
    assert "".join(array.join(numbers(9))) == json.dumps(expected, ensure_ascii=False, indent=2) + "\n"
    assert "".join(array.join([])) == "[]\n"
    for number in range(3):
        parts: list[str] = []
        with pytest.raises(KeyboardInterrupt):
            deque(map(parts.append, array.join(numbers(number))))
        assert json.loads("".join(parts)) == expected[:number]


@pytest.mark.parametrize(
    ("path", "words"),
    [("runs/cats", "runs/cats"), ("my run", "'my run'"), ("$(x)'s", "'$(x)'\"'\"'s'"), ("-x", "./-x")],
)
def test_commands_can_be_pasted_into_a_shell(path, words):
    assert command_line("resume", Path(path)) == f"charlstm resume {words}"
