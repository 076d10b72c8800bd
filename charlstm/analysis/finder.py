"""Which units of a network follow which features of a text.

Every output and every cell state is compared with every feature: with flags by the area under the ROC curve, with
numbers by Pearson's correlation. Of a thousand units the best follows any feature a little. So each feature also has
the highest score of any unit when the feature is cut into blocks and these are shuffled: what is reached by chance.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from charlstm.analysis.features import Feature, Flags
from charlstm.analysis.trace import Trace
from charlstm.arrays import FloatArray
from charlstm.cells.unit_names import UnitName
from charlstm.errors import CorpusError, SettingError
from charlstm.figures import counted

MIN_CHARACTERS = 200
NUM_SHUFFLES = 19  # by chance alone, one feature in 20 has a unit above all of them
NUM_BLOCKS, MIN_BLOCK = 40, 50  # blocks that are shuffled, but not more than one per 50 characters
UNITS_AT_ONCE = 64  # so that ranks take some megabytes
NUM_BEST = 5  # units of each feature
NUM_PASSAGES = 5
CHARACTERS_BEFORE, CHARACTERS_AFTER = 40, 20  # of a passage, around the place where the unit is most extreme


class Unit(NamedTuple):
    """One of the numbers that a network holds: a unit's output or its cell state."""

    name: UnitName
    array: str  # output or cell_state, as in LayerTrace


@dataclass(frozen=True)
class UnitScore:
    """How well a unit follows a feature: the area under the ROC curve, 0.5 to 1, or the correlation, 0 to 1."""

    unit: Unit
    score: float
    rises: bool  # the unit is high where the feature is; else it is low there, and the score is that of its negative


@dataclass(frozen=True)
class Passage:
    """Part of the text, around a place where a unit is extreme."""

    start: int
    text: str
    peak: int  # place in the whole text
    values: FloatArray  # of the unit, one for each character

    @property
    def value(self) -> float:
        return float(self.values[self.peak - self.start])


@dataclass(frozen=True)
class Finding:
    """The units that follow one feature best, and the score that the best of all units has by chance."""

    feature: Feature
    best: tuple[UnitScore, ...]
    chance: float
    passages: tuple[Passage, ...]  # of the best unit, where it is highest if it rises, else lowest

    @property
    def is_above_chance(self) -> bool:
        return self.best[0].score > self.chance


@dataclass(frozen=True)
class Findings:
    """What was found, and which features could not be looked for."""

    num_characters: int
    num_units: int  # outputs and cell states that vary
    found: tuple[Finding, ...]
    left_out: tuple[Feature, ...]  # the same at every place of the text


def find_units(trace: Trace, text: str, features: Sequence[Feature], *, random_seed: int = 0) -> Findings:
    """Compare all units with all features of the text that was traced, one character for each of its ids.

    Raises CorpusError if the text is shorter than MIN_CHARACTERS, and SettingError if no unit ever changes.
    """
    if len(text) < MIN_CHARACTERS:
        raise CorpusError(
            f"the text has {counted(len(text), 'character')}, but units are only found with {MIN_CHARACTERS} or more",
            hint="give a longer text; the more, the surer: 20,000 characters are good",
        )
    varying = [feature for feature in features if feature.varies]
    units, agreement, chance = _compare_all(trace, varying, np.random.default_rng(random_seed))
    if not units:
        raise SettingError("no unit of the network changes over the text", hint="train the network first")
    found = []
    for feature, row, level in zip(varying, agreement, chance.tolist(), strict=True):
        best = _best_units(feature, units, row)
        values = values_of(trace, best[0].unit)
        passages = _passages(text, values, rises=best[0].rises)
        found.append(Finding(feature, best, _score(feature, level), passages))
    return Findings(len(text), len(units), tuple(found), tuple(feature for feature in features if not feature.varies))


def values_of(trace: Trace, unit: Unit) -> FloatArray:
    """Return what a unit is at each place, (characters,)."""
    values: FloatArray = getattr(trace.layers[unit.name.layer], unit.array)[:, unit.name.unit]
    return values


def _blocks(trace: Trace) -> Iterator[tuple[list[Unit], FloatArray]]:
    """Yield some units at a time, with their values (units, characters); those that never change are left out."""
    for layer, layer_trace in enumerate(trace.layers):
        for name, array in (("output", layer_trace.output), ("cell_state", layer_trace.cell_state)):
            if array is None:
                continue
            for start in range(0, array.shape[1], UNITS_AT_ONCE):
                values = np.ascontiguousarray(array[:, start : start + UNITS_AT_ONCE].T)
                is_usable = np.isfinite(values).all(axis=1) & (values != values[:, :1]).any(axis=1)
                numbers = (start + np.flatnonzero(is_usable)).tolist()
                if numbers:
                    yield [Unit(UnitName(layer, number), name) for number in numbers], values[is_usable]


def _compare_all(
    trace: Trace, features: Sequence[Feature], rng: np.random.Generator
) -> tuple[list[Unit], FloatArray, FloatArray]:
    """Return all units, their agreement (features, units), and the greatest with each feature when it is shuffled."""
    length = len(trace.ids)
    weights = np.array([_weights(feature) for feature in features], np.float32).reshape(len(features), length)
    is_binary = np.array([feature.is_binary for feature in features], np.bool_)
    shuffled = np.concatenate([weights[:, _shuffled_blocks(length, rng)] for _ in range(NUM_SHUFFLES)])
    units: list[Unit] = []
    agreements, chance = [np.empty((len(features), 0), np.float32)], np.zeros(len(features), np.float32)
    for block_units, values in _blocks(trace):
        units += block_units
        inputs = _centred_ranks(values), _standardized(values)
        agreements.append(_agreement(inputs, weights, is_binary))
        by_chance = np.abs(_agreement(inputs, shuffled, np.tile(is_binary, NUM_SHUFFLES)))
        chance = np.maximum(chance, by_chance.reshape(NUM_SHUFFLES, *agreements[-1].shape).max(axis=(0, 2)))
    return units, np.concatenate(agreements, axis=1), chance


def _agreement(inputs: tuple[FloatArray, FloatArray], weights: FloatArray, is_binary: Flags) -> FloatArray:
    """Return how far units agree with features (features, characters), from -1 to 1.

    That is the correlation, or 2 a - 1 for an area a under the ROC curve. Both are sums over the text: of the units'
    standardized values, or of their centred ranks where the flag is set (Mann and Whitney 1947). The inputs are these
    ranks and values (units, characters).
    """
    ranks, standardized = inputs
    agreement = np.empty((len(weights), len(ranks)), np.float32)
    agreement[is_binary] = weights[is_binary] @ ranks.T
    agreement[~is_binary] = weights[~is_binary] @ standardized.T
    return agreement


def _weights(feature: Feature) -> FloatArray:
    """Return the factors (characters,) by which a unit's ranks or standardized values are summed."""
    length = len(feature.values)
    if feature.is_binary:
        num_inside = int(feature.values.sum())
        return feature.values.astype(np.float32) * np.float32(2 / (num_inside * (length - num_inside)))
    return _standardized(feature.values) / np.float32(length)


def _standardized(values: npt.NDArray[np.floating | np.bool_]) -> FloatArray:
    """Return values with mean 0 and standard deviation 1 along the last axis."""
    centred = values.astype(np.float64)
    centred -= centred.mean(axis=-1, keepdims=True)
    centred /= np.sqrt(np.square(centred).mean(axis=-1, keepdims=True))
    return centred.astype(np.float32)


def _centred_ranks(values: FloatArray) -> FloatArray:
    """Return the ranks within each row minus their mean; equal values share the mean of their ranks."""
    rows, length = values.shape
    order = np.argsort(values, axis=1)
    ordered = np.take_along_axis(values, order, axis=1)
    begins = np.ones((rows, length), np.bool_)  # a run of equal values
    begins[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    starts = np.append(np.flatnonzero(begins), rows * length)
    middles = (starts[:-1] + starts[1:] - 1) / 2  # in all rows, one after the other
    ranks = np.empty((rows, length), np.float32)
    places = np.repeat(middles, np.diff(starts)).reshape(rows, length)
    np.put_along_axis(ranks, order, places - np.arange(rows)[:, None] * length - (length - 1) / 2, axis=1)
    return ranks


def _shuffled_blocks(length: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Return the places of a text with its blocks shuffled.

    Blocks keep what lies within them, such as whole lines. They are cut anywhere, so that lines of equal length do not
    end up in step with each other again.
    """
    num_blocks = min(NUM_BLOCKS, length // MIN_BLOCK)
    cuts = np.sort(rng.choice(np.arange(1, length), num_blocks - 1, replace=False))
    blocks = np.split(np.arange(length), cuts)
    return np.concatenate([blocks[block] for block in rng.permutation(num_blocks)])


def _best_units(feature: Feature, units: Sequence[Unit], agreement: FloatArray) -> tuple[UnitScore, ...]:
    best = np.argsort(-np.abs(agreement), kind="stable")[:NUM_BEST].tolist()
    return tuple(
        UnitScore(units[index], _score(feature, float(agreement[index])), bool(agreement[index] > 0)) for index in best
    )


def _score(feature: Feature, agreement: float) -> float:
    """Return the area under the ROC curve, or the correlation, of a unit or of its negative, whichever is greater."""
    return min(1.0, (1 + abs(agreement)) / 2 if feature.is_binary else abs(agreement))


def _passages(text: str, values: FloatArray, *, rises: bool) -> tuple[Passage, ...]:
    """Return passages from different places, around the highest values of a unit that rises, else the lowest."""
    apart = max(CHARACTERS_BEFORE + CHARACTERS_AFTER, len(text) // (4 * NUM_PASSAGES))
    heights = values.astype(np.float64) * (1 if rises else -1)
    passages: list[Passage] = []
    while len(passages) < NUM_PASSAGES and np.isfinite(heights).any():
        peak = int(heights.argmax())
        start, end = max(0, peak - CHARACTERS_BEFORE), peak + 1 + CHARACTERS_AFTER
        passages.append(Passage(start, text[start:end], peak, values[start:end]))
        heights[max(0, peak - apart) : peak + apart + 1] = -np.inf
    return tuple(passages)
