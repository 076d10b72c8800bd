import pytest

from charlstm.cells.registry import CELLS, get_cell
from charlstm.errors import SettingError, shown


@pytest.mark.parametrize(
    "name",
    [
        "lstmm",
        "lstm:2",
        "peephole:",
        "peephole:x",
        "peephole:ii",
        "clockwork:0",
        "grid:3",
        "mogrifier:-1",
        "feedforward:1",
        "feedforward:x",
        *(f"{cell}:{digit * 5000}" for cell in ("clockwork", "grid", "mogrifier", "feedforward") for digit in "09"),
        "l" * 100_000,
    ],
)
def test_unknown_cells_and_variants_are_refused(name):
    with pytest.raises(SettingError) as error:
        get_cell(name)
    assert f"unknown cell {shown(name)}" in str(error.value)
    assert len(str(error.value)) < 200
    assert error.value.hint


def test_cells_that_have_a_cell_state():
    assert [name for name in CELLS if not get_cell(name).has_cell_state] == [
        "rnn",
        "gru",
        "clockwork",  # its second state is a clock
        "feedforward",
        "echo-state",
    ]
