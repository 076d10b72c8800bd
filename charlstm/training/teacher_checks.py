"""Which runs can have teachers."""

from collections.abc import Mapping
from typing import Any

from charlstm.cells.registry import get_cell
from charlstm.config import MAX_PROBABILITIES, ModelConfig
from charlstm.errors import SettingError


def reason_against_teachers(settings: Mapping[str, Any], num_probabilities: int) -> str | None:
    """Return why a run cannot have teachers, or None.

    `settings` are those of the network, by their names in ModelConfig. `num_probabilities` is the number of characters
    of the training text, times the size of the vocabulary.
    """
    if settings.get("window"):
        return "a network that reads windows of a fixed length cannot have `teachers`"
    if settings.get("attention"):
        return "a network with `attention` generates text too slowly to have `teachers`"
    cell = settings.get("cell", ModelConfig.cell)
    if not get_cell(cell).is_recurrent:
        return f"a network of the cell {cell} generates text too slowly to have `teachers`"
    if num_probabilities > MAX_PROBABILITIES:
        return (
            f"the text is too long for `teachers`: they would predict {num_probabilities:,} probabilities, and "
            f"{MAX_PROBABILITIES:,} can be kept"
        )
    return None


def check_teachers(settings: Mapping[str, Any], num_probabilities: int, workers: object | None) -> None:
    """Raise SettingError for a run that cannot have teachers."""
    if workers:
        raise workers_error()
    if reason := reason_against_teachers(settings, num_probabilities):
        raise SettingError(reason, hint="train with `teachers` 0")


def workers_error() -> SettingError:
    return SettingError("`workers` train one network, and the run has `teachers`", hint="train it on one machine")
