"""What stays on the screen when a run ends."""

import signal
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest

from charlstm.cli.display.messages import console
from charlstm.cli.display.run_reporter import TerminalReporter
from charlstm.cli.options import set_current_command
from charlstm.storage.run_folder import RunFolder
from tests.cli.test_training_screen import OVERFITTING, Terminal, evaluation
from tests.conftest import random_model
from tests.run_folders import make_run_folder


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train, validation = zip(*OVERFITTING, strict=True)
    make_run_folder(tmp_path / "my songs", train=train, validation=validation)
    return RunFolder(Path("my songs"))


@pytest.fixture
def show(run, capsys, monkeypatch):
    """Show how a run ended, on a terminal of a size or in a file; returns the lines."""

    def show(size=None, *, signal_number=None, quiet=False, best=True, openings=()):
        stderr = Terminal()
        if size:
            monkeypatch.setattr(console, "_file", stderr)
            monkeypatch.setattr(console, "_width", size[0])
            monkeypatch.setattr(console, "_height", size[1])
        result = Mock(
            folder=run,
            best=evaluation(2, validation=1.8) if best else None,
            seconds=25.0,
            fraction_done=0.4,
            stopped_early=False,
            signal_number=signal_number,
            model=replace(random_model(), training={"openings": list(openings)}),
        )
        TerminalReporter(run, quiet=quiet).show_result(result)
        return (stderr.getvalue() if size else capsys.readouterr().err).splitlines()

    return show


@pytest.mark.parametrize("size", [(200, 50), (80, 24), (40, 15)])
def test_the_end_shows_curve_figures_sample_and_commands(show, size):
    lines = show(size)
    text = "\n".join(lines)
    assert max(map(len, lines)) <= size[0]
    assert len(lines) < size[1] + 4
    assert ("loss of my songs" in text) == (size[1] >= 24)
    assert "last sample" in text
    assert "sat 5" in text
    assert "trained for 0:25; the best model, after 2 epochs, is kept" in " ".join(text.split())
    assert "1.8000 nats (2.5969 bits)" in text
    assert "overfitting since epoch 1.00" in text
    commands = [line[line.index("charlstm") :] for line in lines if "charlstm " in line]
    assert commands == [f"charlstm {command} 'my songs'" for command in ("generate", "plot", "samples")]


def test_a_file_gets_the_figures_on_one_line_each(show):
    set_current_command(None)  # whatever command another test ran before: then settings keep their names
    lines = show()
    assert lines[0] == "trained for 0:25; the best model, after 2 epochs, is kept"
    assert lines[2].startswith("overfitting since epoch 1.00: the training loss falls from 1.5000 to 0.9000 nats")
    assert lines[3] == "model: my songs/model.safetensors"
    assert lines[4] == "more text, fewer `units`, more `dropout` or a shorter run may help against overfitting"
    assert lines[5:] == [
        "generate text: charlstm generate 'my songs'",
        "see the curve: charlstm plot 'my songs'",
        "see the text improve: charlstm samples 'my songs'",
    ]


def test_of_a_list_the_next_command_writes_lines(show):
    assert "generate text: charlstm generate -n 20 'my songs'" in show(openings=["Anna\nBerta\n"])
    assert "generate text: charlstm generate 'my songs'" in show(openings=["Tomorrow and"])


@pytest.mark.parametrize("size", [None, (80, 24)])
def test_an_interrupted_run_says_how_it_is_continued(show, size):
    lines = show(size, signal_number=signal.SIGINT)
    position = lines.index("warning: stopped after 40%; nothing is lost")
    assert lines[position + 1] == "continue: charlstm resume 'my songs'"
    assert ("last sample" in "\n".join(lines)) == (size is not None)
    assert show(size, signal_number=signal.SIGINT, quiet=True) == lines[position : position + 2]


def test_a_run_without_a_model_names_no_command_that_needs_one(show):
    assert show(signal_number=signal.SIGTERM, best=False)[-1] == "continue: charlstm resume 'my songs'"


def test_a_command_stays_whole_on_a_narrow_terminal(show):
    lines = show((20, 24))
    assert "charlstm generate 'my songs'" in lines
    assert "see the curve:" in lines
