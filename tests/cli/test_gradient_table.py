"""The plots and the table of gradient norms."""

import numpy as np
import pytest

from charlstm.analysis.gradient_probe import GradientNorms
from charlstm.cli.display.gradient_table import fall_line, gradient_panels, gradient_report, growth_line, table_lines


def halving_norms(length, *, has_cell_state=False):
    """Return norms of 0.5 ** n at n characters back."""
    back = np.arange(1, length + 1)
    return norms_of(0.5**back, cell=2 * 0.5**back if has_cell_state else None)


def norms_of(hidden, cell=None):
    return GradientNorms(np.arange(1, len(hidden) + 1), np.asarray(hidden, np.float64), cell)


def test_the_table_shows_norms_by_characters_back():
    heading, *lines = table_lines({"rnn": halving_norms(12), "lstm": halving_norms(12, has_cell_state=True)})
    assert heading.split() == ["back", "1", "10"]
    assert [line.split() for line in lines] == [
        ["rnn,", "h", "5.0e-01", "9.8e-04"],
        ["lstm,", "h", "5.0e-01", "9.8e-04"],
        ["lstm,", "c", "1.0e+00", "2.0e-03"],
    ]


def test_plots_start_one_character_back():
    hidden, cell = gradient_panels({"rnn": halving_norms(3), "lstm": halving_norms(3, has_cell_state=True)}, "gradient")
    assert [line.name for line in hidden.lines] == ["rnn", "lstm"]
    assert [line.name for line in cell.lines] == ["lstm"]
    assert list(zip(hidden.lines[0].x, hidden.lines[0].y, strict=True)) == [(1, 0.5), (2, 0.25), (3, 0.125)]


@pytest.mark.parametrize("length", [1, 9])
def test_short_distances_give_one_column(length):
    assert len(table_lines({"rnn": halving_norms(length)})[1].split()) == 3


def test_the_table_is_divided_on_a_narrow_terminal(monkeypatch):
    monkeypatch.setattr("charlstm.cli.display.gradient_table.output_width", lambda: 30)
    lines = table_lines({"lstm": halving_norms(120, has_cell_state=True)})
    assert [line.split() for line in lines[::3]] == [["back", "1", "10"], ["back", "50", "100"]]
    assert max(map(len, lines)) <= 30
    assert len({len(line) for line in lines[:3]}) == 1, "figures stand below their distances"


def test_a_sentence_says_what_is_seen():
    results = {
        "rnn": norms_of([1, 1e-5, 1e-10]),
        "deep": norms_of([1, 0.1, 3e-3]),
        "big": norms_of([1, 10, 1e3]),
        "gru": norms_of([1, 0.9, 0.8]),
        "lstm": norms_of([0.1, 0.2, 0.3]),
    }
    assert fall_line(results) == (
        "From 1 to 3 characters back the gradient falls by 10.0 orders of magnitude in rnn and 2.5 in deep; it grows "
        "by 3.0 orders of magnitude in big; it stays within one order of magnitude in gru and lstm."
    )


def test_a_gradient_beyond_all_numbers():
    line = fall_line({"rnn": norms_of([1, 0.0]), "big": norms_of([1, np.inf]), "none": norms_of([0.0, 0.0])})
    assert "falls by more than a number can hold in rnn; it grows by more than a number can hold in big." in line
    assert fall_line({"rnn": norms_of([1])}) == ""


def test_a_sentence_says_how_reach_has_grown():
    networks = {"step 0": norms_of([1, 1e-8]), "step 500": norms_of([1, 1e-4]), "step 900": norms_of([1, 2e-5])}
    assert growth_line(networks) == (
        "2 characters back the gradient is 1.0e-08 at step 0 and 2.0e-05 at step 900: it has grown 2,000 times."
    )
    assert growth_line({"step 0": norms_of([1, 1e-8])}) == "2 characters back the gradient is 1.0e-08 at step 0."
    assert growth_line({"step 0": norms_of([1, 0.0]), "step 9": norms_of([1, 0.5])}).endswith("5.0e-01 at step 9.")


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (60, 24)])
def test_the_report_fits_the_terminal_with_a_prompt_below(monkeypatch, columns, rows):
    monkeypatch.setattr("charlstm.cli.display.gradient_table.terminal_size", lambda: (columns, rows))
    monkeypatch.setattr("charlstm.cli.display.gradient_table.output_width", lambda: columns)
    norms = {"rnn": halving_norms(100), "gru": halving_norms(100), "lstm": halving_norms(100, has_cell_state=True)}
    lines = gradient_report(norms, "gradient (recurrent weights x 0.75, forget bias 5)", fall_line(norms)).splitlines()
    assert len(lines) < rows
    assert max(map(len, lines)) <= columns
