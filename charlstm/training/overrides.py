"""Settings that a user fixed, one by one or with a preset, and whether they agree with an existing run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from charlstm.cells.registry import get_cell
from charlstm.errors import SettingError
from charlstm.training.auto_config import make_configs
from charlstm.training.presets import preset_settings

LENGTH_FIELDS = frozenset({"epochs", "max_time", "evaluate_every"})  # these may change when a run is resumed


@dataclass(frozen=True)
class Overrides:
    """Settings by the names of ModelConfig and TrainingConfig; explicit ones win over those of the preset."""

    explicit: Mapping[str, Any] = field(default_factory=dict)
    preset: str | None = None

    def __post_init__(self) -> None:
        make_configs(self.settings)  # raises SettingError for an unknown preset and a value out of range
        _check_effects(self.explicit)

    @classmethod
    def from_options(cls, options: Mapping[str, Any], *, preset: str | None = None) -> Self:
        """Return the overrides of a command line on which options that were not given are None."""
        return cls({name: value for name, value in options.items() if value is not None}, preset)

    @property
    def settings(self) -> dict[str, Any]:
        """All settings that are fixed."""
        return preset_settings(self.preset) | dict(self.explicit)

    def check_agreement(self, settings: Mapping[str, Any], source: str, *, alternative: str) -> None:
        """Raise SettingError if one of these settings contradicts `settings`, those of the run or model `source`.

        Its hint is to leave that setting out, or the alternative. A setting is only named if it is explicit; a preset
        that does not fit is refused as a whole.
        """
        if name := _first_contradiction(self.explicit, settings):
            raise SettingError(
                f"`{name}` is {self.explicit[name]}, but {source} was trained with {settings[name]}",
                hint=f"leave `{name}` out, or {alternative}",
            )
        if name := _first_contradiction(self.settings, settings):
            raise SettingError(
                f"`preset` {self.preset} has {name.replace('_', ' ')} {self.settings[name]}, "
                f"but {source} was trained with {settings[name]}",
                hint=f"leave `preset` out, or {alternative}",
            )


def _check_effects(settings: Mapping[str, Any]) -> None:
    """Raise SettingError for a setting that would change nothing in a network of the given cell."""
    name = settings.get("cell")
    if name is None or not settings.get("recurrent_dropout"):
        return
    cell = get_cell(name)
    if not cell.may_have_recurrent_dropout:
        weights = "recurrent weights that are not trained" if cell.has_recurrent_kernel else "no recurrent weights"
        raise SettingError(
            f"`recurrent_dropout` has no effect: the cell {name} has {weights}", hint="use `dropout`, or another cell"
        )


def _first_contradiction(overrides: Mapping[str, Any], settings: Mapping[str, Any]) -> str | None:
    """Return the first override that differs from `settings`; settings that are not in there agree with anything."""
    for name, value in overrides.items():
        if name not in LENGTH_FIELDS and value != settings.get(name, value):
            return name
    return None
