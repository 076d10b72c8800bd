"""Standard streams that are closed or full, and errors that nobody foresaw: one line, never a traceback."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a POSIX shell and /dev/full")
UNWRITABLE = "error: standard output cannot be written: "


def shell(line, **environment):
    """Run `charlstm` in a shell; returns exit code, stdout and stderr."""
    command = shlex.join([sys.executable, "-m", "charlstm"])
    settings = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    line = f"set -o pipefail; {line.replace('charlstm', command, 1)}"
    result = subprocess.run(["/bin/bash", "-c", line], env=settings, capture_output=True, text=True, timeout=60)
    return result.returncode, result.stdout, result.stderr


@pytest.mark.parametrize(("command", "unbuffered"), [("--help", ""), ("info", "1"), ("generate tiny --length 9", "")])
def test_stdout_that_cannot_be_written_is_an_error(run, command, unbuffered):
    for redirection, reason in ((">&-", "Bad file descriptor"), ("> /dev/full", "No space left on device")):
        code, out, err = shell(f"charlstm {command} {redirection}", PYTHONUNBUFFERED=unbuffered)
        assert (code, out) == (1, "")
        assert err.splitlines() == [f"{UNWRITABLE}{reason}", "hint: write to a file or a terminal"]


@pytest.mark.parametrize("redirection", ["2>&-", "2> /dev/full", "2> >(true)", "<&-"])
def test_messages_may_get_lost(charlstm, run, redirection):
    line = "generate --seed MACBETH --length 9 --random-seed 1"
    assert shell(f"charlstm {line} {redirection}")[:2] == charlstm(*line.split())[:2]
    assert shell(f"charlstm info nowhere {redirection}")[0] == 1


def test_reader_that_stops_reading_is_no_error(run):
    code, out, err = shell("charlstm generate tiny --length 3000 | head -c 1")
    assert code in (0, 1)
    assert (len(out), err) == (1, "")


def test_everything_may_be_closed(run):
    assert shell("charlstm info >&- 2>&- <&-") == (1, "", "")
    assert shell("charlstm info > /dev/full 2> /dev/full") == (1, "", "")


@pytest.mark.parametrize("setting", ["PYTHONIOENCODING=ascii", "LC_ALL=POSIX", "PYTHONWARNINGS=error", "COLUMNS=20"])
def test_terminal_settings_do_not_change_the_text(charlstm, run, setting):
    line = "generate --seed fa\u00e7ade --length 9 --random-seed 1"
    assert shell(f"{setting} charlstm {line}")[:2] == charlstm(*line.split())[:2]


def test_mistake_of_ours_is_one_line_and_a_traceback_for_debugging(tmp_path):
    code = "import charlstm.cli.app as app, sys\nfrom charlstm.__main__ import run\n"
    code += "def main(): raise TypeError('two\\nlines')\napp.main = main\nsys.exit(run())"
    for setting, lines in (("", 2), ("1", 9)):
        environment = os.environ | {"CHARLSTM_DEBUG": setting, "PYTHONPATH": str(ROOT)}
        result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
        assert result.returncode == 1
        assert ("error: unexpected TypeError: two\\nlines" in result.stderr) == (lines == 2)
        assert ("Traceback" in result.stderr) == (lines == 9)


def test_lack_of_memory_names_what_to_make_smaller(charlstm, run, monkeypatch):
    def fail(*arguments):
        raise MemoryError

    monkeypatch.setattr("charlstm.generation.load.load_model", fail)
    code, _, err = charlstm("generate")
    assert code == 1
    assert err.splitlines() == [
        "error: there is not enough memory",
        "hint: end other programs, or give a smaller --num-samples, --beam, --length",
    ]
