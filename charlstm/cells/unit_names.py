"""Units by the names that people give them: `2:117` is unit 117 of the second layer. Both count from 1."""

import re
from typing import NamedTuple, Self

from charlstm.config import ModelConfig
from charlstm.errors import SettingError, shown

NUMBER = r"[1-9]\d{0,8}"


class UnitName(NamedTuple):
    """A unit of a network, by the indices of its layer and of its column in the layer's arrays; they count from 0."""

    layer: int
    unit: int

    def __str__(self) -> str:
        return f"{self.layer + 1}:{self.unit + 1}"

    @classmethod
    def parse(cls, name: str, config: ModelConfig, *, setting: str = "unit") -> Self:
        """Return the unit of a name. Raises SettingError if it is no name, or the network has no such unit.

        `setting` is what the error calls the setting that it is given in.
        """
        match = re.fullmatch(f"({NUMBER}):({NUMBER})", name, re.ASCII)
        if not match:
            raise SettingError(
                f"`{setting}` is {shown(name)}, but it must be a layer and a unit with a colon between",
                hint="give 1:1 for the first unit of the first layer",
            )
        layer, unit = map(int, match.groups())
        check_layer(layer, config)
        if unit > config.units:
            raise SettingError(
                f"`{setting}` is {name}, but the layers have {config.units:,} units",
                hint=f"give {layer}:1 to {layer}:{config.units}",
            )
        return cls(layer - 1, unit - 1)


def check_layer(layer: int, config: ModelConfig) -> None:
    """Raise SettingError for the number of a layer, from 1, that the network does not have."""
    if not 1 <= layer <= config.num_layers:
        count = "one layer" if config.num_layers == 1 else f"{config.num_layers} layers"
        raise SettingError(
            f"there is no layer {layer}: the network has {count}", hint="layers count from 1, the lowest"
        )
