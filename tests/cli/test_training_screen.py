"""What is shown while a network trains: the screen on a terminal, lines elsewhere."""

import io
from unittest.mock import Mock

import pytest

from charlstm.analysis.evaluation import Scores
from charlstm.cli.display.live_display import MARGIN, LiveDisplay, extra_rows, status_line
from charlstm.cli.display.messages import can_redraw, console
from charlstm.cli.display.run_record import RunRecord
from charlstm.cli.display.training_screen import LineReporter, TrainingScreen, training_display
from charlstm.storage.run_folder import RunFolder
from charlstm.training.history import Evaluation, Progress
from tests.run_folders import make_run_folder, write_evaluations

OVERFITTING = [(2.0, 2.1), (1.5, 1.8), (1.3, 1.9), (1.1, 2.0), (0.9, 2.1)]  # training and validation loss


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def record(tmp_path):
    return RunRecord(RunFolder(tmp_path))


@pytest.fixture
def terminal(monkeypatch):
    """Make stderr a terminal of 80 columns."""
    stderr = Terminal()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(console, "_file", stderr)
    monkeypatch.setattr(console, "_force_terminal", True)
    monkeypatch.setattr(console, "is_interactive", True)
    monkeypatch.setattr(console, "_width", 80)
    monkeypatch.setattr(console, "_height", 24)
    return stderr


def progress(seconds=100.0, fraction_done=0.25):
    return Progress(
        fraction_done=fraction_done,
        step=12345,
        epoch=9.31,
        seconds=seconds,
        characters_per_second=192774.0,
        train_nats=2.387,
    )


def evaluation(number=1, train=2.4, validation=2.2, sample="to be\tor\x1b not"):
    return Evaluation(
        step=10 * number,
        epoch=float(number),
        seconds=5.0 * number,
        train_nats=train,
        validation=Scores(100 * validation, 50, 100),
        characters_per_second=1000.0,
        learning_rate=0.001,
        sample=sample,
        is_best=number == 1,
    )


def drawn(screen, width, height):
    options = console.options.update(width=width, height=None)
    rows = console.render_lines(screen.render(width, height), options, pad=False)
    return ["".join(segment.text for segment in row) for row in rows]


@pytest.mark.parametrize(("width", "height"), [(197, 50), (77, 24), (37, 15), (27, 12)])
def test_the_screen_fits_and_breaks_no_number(record, width, height):
    screen = TrainingScreen(record)
    screen.on_step(progress())
    screen.on_evaluation(evaluation(sample="word " * 60))
    rows = drawn(screen, width, height)
    assert max(map(len, rows)) <= width
    assert len(rows) < height
    text = "\n".join(rows)
    words = ["25%", "5:00", "2.3870", "(3.4437", "2.2000", "9.31", "12,345", "192,774", "characters/s"]
    assert all(word in text for word in words)
    assert ("latest sample" in text) == (height >= 15)


def test_tabs_and_controls_of_a_sample_do_not_break_its_frame(record):
    screen = TrainingScreen(record)
    screen.on_step(progress())
    screen.on_evaluation(evaluation(sample="a\tb\x1b[2J\n"))
    rows = drawn(screen, 60, 24)
    assert any("a   b\\x1b[2J" in row for row in rows)
    assert not any("\t" in row or "\x1b" in row for row in rows)


def test_a_terminal_that_is_not_utf_8_gets_ascii(record, monkeypatch):
    monkeypatch.setattr("charlstm.cli.display.messages.TERMINAL_ENCODING", "ascii")
    screen = TrainingScreen(record)
    screen.on_step(progress())
    screen.on_evaluation(evaluation(sample="to be"))
    assert "\n".join(drawn(screen, 77, 24)).isascii()


def test_a_long_evaluation_is_named(record, monkeypatch):
    now = 100.0
    monkeypatch.setattr("charlstm.cli.display.training_screen.time.monotonic", lambda: now)
    screen = TrainingScreen(record)
    screen.on_step(progress())
    screen.on_evaluation_start()
    assert "evaluating" not in "\n".join(drawn(screen, 77, 24))
    now += 1.5
    assert "step 12,345  evaluating on the validation text" in "\n".join(drawn(screen, 77, 24))
    screen.on_evaluation(evaluation())
    assert "evaluating" not in "\n".join(drawn(screen, 77, 24))


def test_overfitting_is_named_on_the_screen(record):
    screen = TrainingScreen(record)
    screen.on_step(progress())
    for number, (train, validation) in enumerate(OVERFITTING, start=1):
        screen.on_evaluation(evaluation(number, train, validation))
    assert "note        overfitting since epoch 2.00: the training loss" in "\n".join(drawn(screen, 77, 24))
    assert "note        overfitting since epoch 2.00" in drawn(screen, 40, 30)


def test_a_resumed_run_knows_its_earlier_evaluations(tmp_path):
    folder = make_run_folder(tmp_path / "run", validation=(2.0, 1.5, 1.75))
    screen = TrainingScreen(RunRecord(folder))
    screen.on_step(progress())
    text = "\n".join(drawn(screen, 77, 24))
    assert "validation  1.7500 nats (2.5247 bits)  best 1.5000 at epoch" in text


def test_an_evaluation_that_is_on_disk_already_counts_once(tmp_path):
    folder = make_run_folder(tmp_path / "run", validation=(2.0,), train=(2.5,))
    record = RunRecord(folder)
    record.add(evaluation(1))
    assert [figures.step for figures in record.evaluations] == [10]
    record.add(evaluation(2))
    write_evaluations(folder, validation=(2.0, 1.9), train=(2.5, 2.4))
    assert [figures.step for figures in record.evaluations] == [10, 20]


def test_lines_come_less_often_the_longer_a_run_takes(record, capsys):
    reporter = LineReporter(record)
    for seconds in range(3600):
        reporter.on_step(progress(seconds=float(seconds)))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("step 12,345  25%  0:10 elapsed  0:30 left  training 2.3870 nats")
    assert 30 < len(lines) < 100


def test_lines_name_overfitting_once(record, capsys):
    reporter = LineReporter(record)
    for number, (train, validation) in enumerate(OVERFITTING, start=1):
        reporter.on_evaluation(evaluation(number, train, validation))
    reporter.on_evaluation(evaluation(6, 0.8, 2.2))
    lines = capsys.readouterr().err.splitlines()
    assert [index for index, line in enumerate(lines) if line.startswith("overfitting since epoch 2.00")] == [5]


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_a_dumb_terminal_gets_lines_without_codes(record, terminal, monkeypatch, term):
    monkeypatch.setitem(console._environ, "TERM", term)
    assert not can_redraw()
    with status_line("starting") as show:
        show("compiling")
    with training_display(record, quiet=False) as reporter:
        assert isinstance(reporter, LineReporter)
        reporter.on_evaluation(evaluation())
    assert terminal.getvalue().startswith("starting\ncompiling\nstep 10  epoch 1.00")
    assert "\x1b" not in terminal.getvalue()


def test_a_file_gets_no_cursor_codes_though_colours_are_forced(record, monkeypatch, capsys):
    monkeypatch.setattr(console, "_force_terminal", True)  # as FORCE_COLOR does
    with status_line("starting"), training_display(record, quiet=False) as reporter:
        assert isinstance(reporter, LineReporter)
    assert capsys.readouterr().err == ""


def test_a_terminal_is_left_as_it_was(record, terminal):
    with training_display(record, quiet=False) as reporter:
        reporter.on_step(progress())
        reporter.on_evaluation(evaluation())
        reporter.on_warning("the disk is full")
    assert "warning: " in terminal.getvalue()
    assert terminal.getvalue().endswith("\x1b[2K")


def test_rows_that_a_narrower_terminal_has_broken_are_erased(terminal, monkeypatch):
    moves = []
    monkeypatch.setattr(console, "control", lambda control: moves.append(control.segment.text))
    display = LiveDisplay(lambda width, _: "x" * width + "\nshort\n" + "y" * width)
    display._draw()
    assert moves == []
    monkeypatch.setattr(console, "_width", 30)
    display._draw()
    assert extra_rows([80 - MARGIN, 5, 80 - MARGIN], 30) == 4
    assert moves == ["\r" + "\x1b[2K\x1b[1A" * 4]
    monkeypatch.setattr(console, "_width", 90)
    display._draw()
    assert len(moves) == 1, "a wider terminal breaks nothing"


def test_a_terminal_that_is_gone_ends_no_run():
    gone = OSError(5, "Input/output error")
    display = LiveDisplay(lambda *_: "text")
    display._live = Mock(stop=Mock(side_effect=gone), refresh=Mock(side_effect=gone))
    display.refresh()
    display.__exit__(None, None, None)
