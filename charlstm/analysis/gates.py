"""How the gates of a network behave over a text: how often they are shut or open, and how long its cells remember."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from charlstm.analysis.trace import LayerTrace
from charlstm.arrays import FloatArray

SHUT, OPEN = 0.1, 0.9  # a gate below or above is saturated (Karpathy, Johnson and Li 2015, section 4)


@dataclass(frozen=True)
class GateStatistics:
    """One gate of a layer over a text; arrays are (units,)."""

    mean: FloatArray
    shut: FloatArray  # the fraction of characters at which it is below SHUT
    open: FloatArray  # the fraction of characters at which it is above OPEN


def gate_names(layer: LayerTrace) -> list[str]:
    """Return the activations of a layer that are gates, between 0 and 1: not its candidates."""
    return [name for name in layer.activations if name.endswith("_gate") or name == "update"]


def gate_statistics(layer: LayerTrace) -> dict[str, GateStatistics]:
    """Return the statistics of each gate of a layer; none for a cell without gates, or an empty text."""
    if not len(layer.output):
        return {}
    statistics = {}
    for name in gate_names(layer):
        values = layer.activations[name]
        shut, opened = ((saturated.mean(axis=0, dtype=np.float32)) for saturated in (values < SHUT, values > OPEN))
        statistics[name] = GateStatistics(values.mean(axis=0), shut, opened)
    return statistics


def half_lives(statistics: Mapping[str, GateStatistics]) -> FloatArray | None:
    """Return after how many characters half of the state of each cell is gone, (units,); None if no gate keeps it.

    In one step a cell keeps the share k of its state: its forget gate, the update gate of a GRU, whose form keeps the
    old state with it, or 1 - the update of a clockwork RNN. With the mean of k over the text this takes
    ln 0.5 / ln k characters: 1 for k = 0.5, 69 for k = 0.99. It is the half-life that the cell has if its gate stays at
    its mean. A cell that is reset at the end of each line holds its state for longer between two resets.
    """
    kept = _kept_share(statistics)
    if kept is None:
        return None
    with np.errstate(divide="ignore"):  # 0 of it is kept: gone at once; all of it: never
        lives: FloatArray = np.float32(np.log(0.5)) / np.log(kept.clip(0, 1))
    return np.abs(lives)


def _kept_share(statistics: Mapping[str, GateStatistics]) -> FloatArray | None:
    if "forget_gate" in statistics:
        return statistics["forget_gate"].mean
    if "update_gate" in statistics:
        return statistics["update_gate"].mean
    return 1 - statistics["update"].mean if "update" in statistics else None
