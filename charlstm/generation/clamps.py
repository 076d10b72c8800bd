"""Fix the outputs of units while a network reads and writes: an experiment on what they do."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from charlstm.arrays import FloatArray
from charlstm.cells.equations import CellStep
from charlstm.cells.unit_names import UnitName
from charlstm.config import ModelConfig
from charlstm.errors import SettingError, shown

MAX_VALUE = 100.0  # of a clamp; outputs of most cells are from -1 to 1


@dataclass(frozen=True)
class Clamps:
    """Units by layer and column, and the values that their outputs have after every step.

    The layer above, the next step of the same layer (its h) and the prediction see the fixed value. The cell state is
    not changed. In a grid LSTM both outputs are fixed, along time and along depth.
    """

    values: Mapping[UnitName, float]

    @classmethod
    def parse(cls, texts: Sequence[str], config: ModelConfig) -> Self:
        """Return clamps such as `2:117=1.0`, units as `UnitName` names them.

        Raises SettingError for one that is none, a unit that the network does not have or that is named twice.
        """
        values = dict[UnitName, float]()
        for text in texts:
            name, equals, number = text.partition("=")
            try:
                value = float(number)
            except ValueError:
                value = math.nan
            if not equals or math.isnan(value):
                raise SettingError(
                    f"`clamp` is {shown(text)}, but it must be a unit and a number",
                    hint="give 2:117=1.0 for unit 117 of layer 2, for example",
                )
            unit = UnitName.parse(name, config, setting="clamp")
            if unit in values:
                raise SettingError(f"`clamp` names unit {unit} twice", hint="give it one value")
            values[unit] = value
        return cls(values)

    def __post_init__(self) -> None:
        for unit, value in self.values.items():
            if not -MAX_VALUE <= value <= MAX_VALUE:
                raise SettingError(
                    f"`clamp` fixes unit {unit} at {value:g}, but a value must be from {-MAX_VALUE:g} to {MAX_VALUE:g}",
                    hint="outputs of most cells are from -1 to 1",
                )

    def __str__(self) -> str:
        return ", ".join(f"{unit} = {value:g}" for unit, value in self.values.items())

    def of_layer(self, layer: int) -> "LayerClamps | None":
        """Return the clamps of one layer, or None if it has none."""
        values = {unit.unit: value for unit, value in self.values.items() if unit.layer == layer}
        if not values:
            return None
        return LayerClamps(np.array(list(values)), np.array(list(values.values()), np.float32))


@dataclass(frozen=True)
class LayerClamps:
    """The columns of a layer's output that are fixed, and their values."""

    columns: npt.NDArray[np.intp]
    values: FloatArray

    def apply(self, step: CellStep, *, is_recurrent: bool) -> CellStep:
        """Return a step with its output fixed, and the h that the next step reads if the cell has one."""
        states = step.states
        if is_recurrent:
            states = (self._fixed(states[0]), *states[1:])
        return step._replace(output=self._fixed(step.output), states=states)

    def _fixed(self, outputs: FloatArray) -> FloatArray:
        fixed = outputs.copy()
        fixed[..., self.columns] = self.values
        return fixed
