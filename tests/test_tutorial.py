"""docs/tutorial.md: its commands work, its program runs, and the code it shows is that of the program."""

import re
import runpy
import sys
from pathlib import Path

import pytest

from tests.printed_commands import DOCUMENTATION, indented_blocks, put_short_macbeth, run_printed

PAGE = DOCUMENTATION / "docs" / "tutorial.md"
PROGRAM = DOCUMENTATION / "docs" / "tutorial.py"


def test_code_is_that_of_the_program():
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) >= 6
    assert [block for block in blocks if block not in PROGRAM.read_text()] == []


def test_files_options_and_texts_exist():
    options = (DOCUMENTATION / "docs" / "cli.md").read_text()
    page = PAGE.read_text()
    assert [name for name in re.findall(r"`(--[a-z-]+)", page) if name not in options] == []


@pytest.mark.tensorflow
def test_program_trains_and_generates(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("cats.txt").write_text("The cat sat on the mat and the dog sat on the log.\n" * 2)
    short = PROGRAM.read_text().replace("range(500)", "range(3)")
    Path("short.py").write_text(short)
    monkeypatch.setattr(sys, "argv", ["short.py", "cats.txt"])
    variables = runpy.run_path("short.py")
    assert variables["x"].shape == (52, 50, 1)
    assert set(capsys.readouterr().out[-3:]) <= set(variables["characters"])


@pytest.mark.tensorflow
def test_every_command_works_as_printed(tmp_path, monkeypatch, charlstm):
    monkeypatch.chdir(tmp_path)
    put_short_macbeth(tmp_path)
    Path("docs").mkdir()
    for block in indented_blocks(PAGE):
        for line in block:
            run_printed(line, charlstm)
    assert (tmp_path / "docs" / "learning_curve.svg").exists()
