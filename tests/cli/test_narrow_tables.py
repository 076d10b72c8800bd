"""Tables and lists on terminals of different widths."""

import shlex
import subprocess
from unittest.mock import Mock

import pytest

from charlstm.cli.display.comparison_table import comparison_lines
from charlstm.cli.display.messages import console
from charlstm.cli.display.rows import command_lines
from charlstm.cli.display.sample_list import RecordedSample, sample_list
from charlstm.cli.display.text_statistics import describe_text_list
from charlstm.experiments.outcomes import Summary
from charlstm.experiments.statistics import Estimate
from charlstm.storage.evaluations import EvaluationFigures

TEXTS = [
    {"name": "macbeth.txt", "title": "ships with charlstm", "here": True, "split": ""},
    {"name": "war-and-peace", "title": "Tolstoy, War and Peace, as in char-rnn", "here": False, "split": "80% / 20%"},
]


@pytest.fixture
def summaries(monkeypatch):
    names = ("lstm", "peephole:fi")
    bits = Estimate.of([2.34567])
    summaries = [Summary(name, 16, 1234567, 123456.0, 0.5, bits, "to be or not " * 20) for name in names]
    monkeypatch.setattr("charlstm.experiments.outcomes.summarize", Mock(return_value=summaries))


@pytest.mark.parametrize("width", [200, 80, 60, 40, 30])
def test_a_comparison_fits_the_terminal(summaries, width):
    lines = comparison_lines([], "equal time", width=width)
    assert lines.pop(0) == "equal time"
    assert max(map(len, lines)) <= width
    assert all("2.3457" in line for line in lines if "lstm" in line or "peephole:fi" in line)
    assert ("1,234,567" in "\n".join(lines)) == (width >= 80)
    assert ("best line" in lines[0]) == (width >= 100)
    assert sum("to be or not" in line for line in lines) == 2
    assert "+-" not in lines[0], "no cell was trained twice"


def test_the_budget_of_a_comparison_is_broken_at_spaces(summaries):
    budget = "equal characters: 984,284 for each network"
    assert comparison_lines([], budget, width=40)[:2] == ["equal characters: 984,284 for each", "network"]
    assert comparison_lines([], budget, width=None)[0] == budget


def test_a_comparison_in_a_file_has_everything_on_one_line(summaries):
    _, heading, *lines = comparison_lines([], "equal time", width=None)
    assert heading.split() == ["cell", "units", "parameters", "characters/s", "text", "read", "bits", "best", "line"]
    assert all(line.endswith("to be or not " * 20) for line in lines)


@pytest.mark.parametrize("width", [80, 60, 40, 30])
def test_a_list_of_texts_breaks_no_word(monkeypatch, width):
    monkeypatch.setattr("charlstm.cli.display.text_statistics.output_width", lambda: width)
    lines = describe_text_list(TEXTS).splitlines()
    assert max(map(len, lines)) <= width
    words = " ".join(str(text["title"]) for text in TEXTS).replace(",", "").split()
    assert set(words) <= set(" ".join(lines).replace(";", "").replace(",", "").split())
    assert lines[0].startswith("* macbeth.txt")


def test_the_heading_of_a_sample_breaks_no_number(monkeypatch):
    figures = EvaluationFigures(step=1285, epoch=14.17, seconds=9.0, train_nats=2.2937, validation_nats=2.1847)
    monkeypatch.setattr("sys.stdout", Mock(isatty=lambda: True))
    monkeypatch.setattr(console, "_width", 40)
    lines = sample_list([RecordedSample(1285, "to be", figures)]).splitlines()
    assert max(map(len, lines)) <= 40
    assert {"1,285,", "(3.3091", "(3.1519"} <= set(" ".join(lines).split())


def test_of_several_networks_the_heading_of_a_sample_names_its_own():
    figures = EvaluationFigures(step=5, epoch=1.5, seconds=9.0, train_nats=2.0, validation_nats=2.1, network=2)
    heading, _ = sample_list([RecordedSample(5, "to be", figures, names_network=True)]).splitlines()
    assert heading.startswith("--- step 5, network 2, epoch 1.50, ")
    assert "network" not in sample_list([RecordedSample(5, "to be", figures)])


def test_a_wrapped_command_is_one_command():
    arguments = ["printf", "%s.", "a b", "it's", "--units", "16", "--output", "runs/again"]
    lines = command_lines(arguments, indent="  ", width=20)
    assert len(lines.splitlines()) > 2
    assert max(map(len, lines.splitlines())) <= 20
    output = subprocess.run(["/bin/sh", "-c", lines], capture_output=True, text=True, check=True).stdout
    assert output == "a b.it's.--units.16.--output.runs/again."
    assert command_lines(arguments, indent="", width=None) == shlex.join(arguments)
