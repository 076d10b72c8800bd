"""What the page of `charlstm inspect --html` shows first."""

from charlstm.cells.unit_names import UnitName
from charlstm.config import ModelConfig
from charlstm.export.page import Look


def look_of(config: ModelConfig, *, view: str, unit: str | None, layer: int | None, state: str, at: int | None) -> Look:
    """Return what the same options show in the terminal, in so far as a page has it."""
    name = None if unit is None else UnitName.parse(unit, config)
    shows_numbers = name is not None or state == "cell"
    return Look(
        view="reach" if view == "reach" else "unit" if view == "unit" or shows_numbers else None,
        layer=name.layer if name else layer - 1 if layer else None,
        unit=name.unit if name else None,
        quantity="cell_state" if state == "cell" else None,
        strips="layer" if layer else None,
        place=None if at is None else at - 1,
    )
