"""Networks of different cells with the same number of parameters."""

from dataclasses import replace

from charlstm.cells.shapes import num_parameters
from charlstm.config import MAX_UNITS as MAX_UNITS
from charlstm.config import ModelConfig
from charlstm.errors import SettingError

TOLERANCE = 0.02  # relative difference between numbers of parameters that count as the same


def match_parameter_count(config: ModelConfig, cell: str, vocabulary_size: int) -> ModelConfig:
    """Return the same network with another cell, and with the units that bring it closest in parameters.

    Raises SettingError if it cannot come within 2 %.
    """
    target = num_parameters(config, vocabulary_size)

    def size(units: int) -> int:
        return num_parameters(replace(config, cell=cell, units=units), vocabulary_size)

    low, high = 1, MAX_UNITS
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if size(middle) < target else (low, middle)
    units = min((units for units in (low - 1, low) if units), key=lambda units: abs(size(units) - target))
    if abs(size(units) - target) > TOLERANCE * target:
        raise SettingError(
            f"no {cell} network comes within {TOLERANCE:.0%} of {target:,} parameters: "
            f"one of {units} units has {size(units):,}",
            hint="give more `units`",
        )
    return replace(config, cell=cell, units=units)
