"""The manual pages are those of the commands, and roff understands them."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli import manual
from tests.cli.reference import COMMANDS

FOLDER = Path(__file__).parents[2] / "docs" / "man" / "man1"
PAGES = manual.pages()


def test_pages_are_up_to_date():
    assert {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()} == PAGES, "run make docs"


def test_every_command_has_a_page():
    assert {f"charlstm-{command.replace(' ', '-')}.1" for command in COMMANDS} < PAGES.keys()


@pytest.mark.skipif(shutil.which("groff") is None, reason="needs groff")
@pytest.mark.parametrize("name", ["charlstm.1", "charlstm-train.1", "charlstm-generate.1"])
def test_a_page_is_shown_without_warnings(name):
    command = ["groff", "-man", "-ww", "-Tutf8", "-rLL=78n", "-P-cbou"]
    result = subprocess.run(command, input=PAGES[name], capture_output=True, text=True, check=True)
    assert result.stderr == ""
    for heading in ("NAME", "SYNOPSIS", "DESCRIPTION", "EXAMPLES", "EXIT STATUS"):
        assert f"\n{heading}\n" in result.stdout


@pytest.mark.skipif(shutil.which("groff") is None, reason="needs groff")
def test_options_and_backslashes_can_be_copied():
    command = ["groff", "-man", "-Tutf8", "-rLL=200n", "-P-cbou"]
    shown = subprocess.run(
        command, input=PAGES["charlstm-generate.1"], capture_output=True, text=True, check=True
    ).stdout
    assert "--num-samples N" in shown
    assert r"\n---\n" in shown
