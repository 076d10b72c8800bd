"""The help of commands: panels, one screen for what most people need, and no word cut at any width."""

import os
import re
from unittest import mock

import pytest

from charlstm.cli.help import CommandHelp, Panel
from charlstm.cli.help_text import help_text
from tests.cli.reference import COMMANDS, WITH_MORE_OPTIONS

ROWS, NARROW, USUAL = 24, 40, 80
TRAINING = ["Network", "Optimization and regularisation", "Text", "Validation and checkpoints", "Output"]
PANELS = {
    "train": [*TRAINING[:-1], "Several machines", "Output"],
    "repeat": TRAINING,
    "sweep": ["Search", *TRAINING],
    "generate": ["Prompt", "Sampling", "Where it stops", "Output"],
}


def titles(text):
    return re.findall(r"^(\S.*):$", text, re.MULTILINE)


@pytest.mark.parametrize("command", [" ".join(command) for command in WITH_MORE_OPTIONS])
def test_common_options_fit_a_screen_and_the_others_are_in_panels(charlstm, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", str(USUAL))
    short, whole = charlstm(command, "--help")[1], charlstm(command, "--help-all")[1]
    assert len(short.splitlines()) < ROWS
    assert titles(short) == ["Arguments", "Common"]
    assert titles(whole)[:2] == ["Arguments", "Common"]
    assert titles(whole)[2:] == PANELS[command]
    assert "--help-all" in short


@pytest.mark.parametrize("width", [NARROW, USUAL, 200])
@pytest.mark.parametrize("command", ["", *COMMANDS, "train --help-all", "generate --help-all"])
def test_help_fits_the_width_without_cutting_words(charlstm, monkeypatch, command, width):
    arguments = command.split() if command.endswith("--help-all") else [*command.split(), "--help"]
    texts = {}
    for columns in (width, 1000):
        monkeypatch.setenv("COLUMNS", str(columns))
        code, texts[columns], _ = charlstm(*arguments)
        assert code == 0
    assert texts[width].replace("\\\n", "").split() == texts[1000].replace("\\\n", "").split()
    longest_word = max(map(len, re.findall(r'"[^"]*"|\S+', texts[width])))
    assert max(map(len, texts[width].splitlines())) <= max(min(width, 100), longest_word + 6)
    assert not re.search(r"[a-z]\.\.\.", texts[width])
    assert "<" not in texts[width]


def test_an_example_is_broken_so_that_it_can_be_pasted():
    example = 'charlstm generate --seed "Tomorrow, and tomorrow" --length 20'
    described = CommandHelp("charlstm generate", "[RUN]", ("Generate.",), (example,), (Panel("Options", ()),))
    with mock.patch.dict(os.environ, COLUMNS=str(NARROW)):
        text = help_text(described)
    pasted = text.split("Generate.\n\n")[1].split("\n\nOptions")[0].replace("\\\n", "")
    assert " ".join(pasted.split()) == example
    assert '"Tomorrow, and tomorrow"' in text


def test_sizes_of_presets_are_said(charlstm):
    assert "small 1x256, medium 2x384, large 2x640, tutorial 2x300" in " ".join(charlstm("train", "--help")[1].split())


@pytest.mark.parametrize(
    ("command", "usage"),
    [
        ("train", "TEXT..."),
        ("generate", "[RUN]"),
        ("evaluate", "[RUN] [TEXT]"),
        ("plot", "[RUN]..."),
        ("info", "[RUN]"),
    ],
)
def test_usage_is_plain(charlstm, command, usage):
    assert charlstm(command, "--help")[1].splitlines()[0] == f"Usage: charlstm {command} [OPTIONS] {usage}"


def test_commands_are_in_groups(charlstm):
    assert titles(charlstm("--help")[1]) == ["Options", "Train", "Write", "Look", "Share", "Keep house"]
