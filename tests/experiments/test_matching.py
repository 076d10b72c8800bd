"""Networks of different cells with the same number of parameters."""

import pytest

from charlstm.cells.registry import CELLS
from charlstm.cells.shapes import num_parameters
from charlstm.config import ModelConfig
from charlstm.errors import SettingError
from charlstm.experiments.matching import match_parameter_count


@pytest.mark.parametrize("cell", [*CELLS, "peephole:f", "mogrifier:2"])
@pytest.mark.parametrize("units", [64, 300])
def test_every_cell_comes_within_two_percent(cell, units):
    lstm = ModelConfig(num_layers=2, units=units)
    target = num_parameters(lstm, 65)
    assert num_parameters(match_parameter_count(lstm, cell, 65), 65) == pytest.approx(target, rel=0.02)


def test_a_cell_that_cannot_match_is_refused():
    with pytest.raises(SettingError, match="no mogrifier network comes within"):
        match_parameter_count(ModelConfig(num_layers=1, units=2, embedding_dim=64), "mogrifier", 3)
