"""Names of units."""

import pytest

from charlstm.cells.unit_names import UnitName
from charlstm.config import ModelConfig
from charlstm.errors import SettingError

CONFIG = ModelConfig(num_layers=2, units=8)


def test_names_count_from_1_and_indices_from_0():
    assert UnitName.parse("2:8", CONFIG) == (1, 7)
    assert str(UnitName(1, 7)) == "2:8"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("3:1", "there is no layer 3: the network has 2 layers"),
        ("1:9", "the layers have 8 units"),
        *(
            (name, "a layer and a unit with a colon between")
            for name in ("", "1", "0:1", "1:0", "1:-1", "\u0661:1", "1:1:1")
        ),
    ],
)
def test_other_names_are_refused(name, message):
    with pytest.raises(SettingError, match=message):
        UnitName.parse(name, CONFIG)
