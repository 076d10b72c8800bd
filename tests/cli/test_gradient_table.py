"""The plots and the table of gradient norms."""

from types import SimpleNamespace

import numpy as np
import pytest

from charlstm.cli.display.gradient_table import gradient_panels, table_lines


def halving_norms(length, *, has_cell_state=False):
    """Return norms of 0.5 ** n at n characters back."""
    back = np.arange(1, length + 1)
    return SimpleNamespace(characters_back=back, hidden=0.5**back, cell=2 * 0.5**back if has_cell_state else None)


def test_the_table_shows_norms_by_characters_back():
    _, heading, *lines = table_lines({"rnn": halving_norms(12), "lstm": halving_norms(12, has_cell_state=True)})
    assert heading.split() == ["1", "10"]
    assert [line.split() for line in lines] == [
        ["rnn,", "h", "5.0e-01", "9.8e-04"],
        ["lstm,", "h", "5.0e-01", "9.8e-04"],
        ["lstm,", "c", "1.0e+00", "2.0e-03"],
    ]


def test_plots_start_one_character_back():
    hidden, cell = gradient_panels({"rnn": halving_norms(3), "lstm": halving_norms(3, has_cell_state=True)})
    assert [line.name for line in hidden.lines] == ["rnn", "lstm"]
    assert [line.name for line in cell.lines] == ["lstm"]
    assert list(zip(hidden.lines[0].x, hidden.lines[0].y, strict=True)) == [(1, 0.5), (2, 0.25), (3, 0.125)]


@pytest.mark.parametrize("length", [1, 9])
def test_short_distances_give_one_column(length):
    assert len(table_lines({"rnn": halving_norms(length)})[2].split()) == 3


def test_the_table_is_divided_on_a_narrow_terminal(monkeypatch):
    monkeypatch.setattr("charlstm.cli.display.gradient_table.output_width", lambda: 30)
    lines = table_lines({"lstm": halving_norms(120, has_cell_state=True)})
    assert [line.split() for line in lines[1::3]] == [["1", "10"], ["50", "100"]]
    assert max(map(len, lines)) <= 30
    assert len({len(line) for line in lines[1:4]}) == 1, "figures stand below their distances"
