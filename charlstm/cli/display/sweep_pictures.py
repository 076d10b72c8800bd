"""The picture of a sweep: its trials, the importance of the settings, and the loss over one or two of them."""

import math
from collections.abc import Sequence
from contextlib import suppress
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charlstm.cli.display.pictures import PictureStyle, clear_frame, new_picture
from charlstm.cli.display.sweep_table import setting_name, setting_value
from charlstm.experiments.sweep_outcomes import COMPLETE

if TYPE_CHECKING:
    from charlstm.experiments.search_space import Dimension
    from charlstm.experiments.sweep import SweepResult
    from charlstm.experiments.sweep_outcomes import Trial

MAX_COLUMNS = 3
LOSS = "bits per character"
MIN_FOR_CONTOURS = 6  # complete trials, below which areas say nothing
NUM_LEVELS = 12  # of the contours
BEST, DONE, GIVEN_UP = 1, 0, 2  # colours of the style, and markers
MARKERS = {BEST: "*", DONE: "o", GIVEN_UP: "x"}


def save_sweep_picture(path: Path, result: "SweepResult", style: PictureStyle) -> None:
    """Draw a sweep into an image file; raises RunError, and leaves no part of it, if that fails."""
    done = [trial for trial in result.trials if trial.is_done and trial.bits is not None]
    dimensions = result.plan.dimensions
    pair = _most_important_pair(dimensions, result.importances, done)
    num_panels = 1 + bool(result.importances) + len(dimensions) + bool(pair)
    columns = min(MAX_COLUMNS, num_panels)
    rows = math.ceil(num_panels / columns)
    with new_picture(path, style, columns=columns, rows=rows) as figure:
        all_axes = iter(figure.subplots(rows, columns, squeeze=False).flatten())
        _draw_trials(next(all_axes), done, result.best, style)
        if result.importances:
            _draw_importances(next(all_axes), result.importances, style)
        for dimension in dimensions:
            _draw_slice(next(all_axes), dimension, done, result.best, style)
        if pair:
            _draw_contours(next(all_axes), pair, done)
        for axes in all_axes:
            axes.set_visible(False)


def _draw_trials(axes: Any, done: "Sequence[Trial]", best: "Trial | None", style: PictureStyle) -> None:
    """Draw the losses of all trials, and the lowest one so far as a line."""
    _scatter(axes, [trial.number for trial in done], done, best, style)
    complete = [trial for trial in done if trial.state == COMPLETE]
    lowest = list(accumulate((trial.bits or 0.0 for trial in complete), min))
    axes.step([trial.number for trial in complete], lowest, where="post", label="lowest so far", **style.line(3))
    axes.set(title="trials", xlabel="trial", ylabel=LOSS)
    axes.legend(fontsize="small")
    clear_frame(axes)


def _draw_importances(axes: Any, importances: dict[str, float], style: PictureStyle) -> None:
    names = [setting_name(field) for field in reversed(importances)]
    axes.barh(names, [100 * share for share in reversed(importances.values())], color=style.line(0)["color"])
    axes.set(title="importance of the settings", xlabel="percent")
    clear_frame(axes)


def _draw_slice(
    axes: Any, dimension: "Dimension", done: "Sequence[Trial]", best: "Trial | None", style: PictureStyle
) -> None:
    """Draw the losses over one setting, whatever the others were."""
    _scatter(axes, _places(axes, "x", dimension, done), done, best, style)
    axes.set(title=f"loss over {setting_name(dimension.field)}", xlabel=setting_name(dimension.field), ylabel=LOSS)
    clear_frame(axes)


def _draw_contours(axes: Any, pair: "tuple[Dimension, Dimension]", done: "Sequence[Trial]") -> None:
    """Draw the losses of complete trials over two settings as areas between the trials, which are points."""
    from matplotlib.tri import Triangulation

    complete = [trial for trial in done if trial.state == COMPLETE]
    x, y = (_places(axes, direction, one, complete) for direction, one in zip("xy", pair, strict=True))
    with suppress(RuntimeError):  # all points are on a line
        triangles = Triangulation(_evenly(x, pair[0]), _evenly(y, pair[1])).triangles
        areas = axes.tricontourf(Triangulation(x, y, triangles), [trial.bits for trial in complete], levels=NUM_LEVELS)
        axes.figure.colorbar(areas, ax=axes, label=LOSS)
    axes.scatter(x, y, color="white", edgecolors="black", s=20)
    names = [setting_name(dimension.field) for dimension in pair]
    axes.set(title=f"loss over {names[0]} and {names[1]}", xlabel=names[0], ylabel=names[1])


def _scatter(axes: Any, x: Sequence[float], done: "Sequence[Trial]", best: "Trial | None", style: PictureStyle) -> None:
    """Draw trials as points: complete ones, those that were given up, and the best one."""
    for kind, name in ((DONE, "complete"), (GIVEN_UP, "given up"), (BEST, "best")):
        points = [(place, trial.bits) for place, trial in zip(x, done, strict=True) if _kind(trial, best) == kind]
        if points:
            size = 90 if kind == BEST else 24
            look = {"color": style.line(kind)["color"], "marker": MARKERS[kind], "s": size, "zorder": 3}
            axes.scatter(*zip(*points, strict=True), label=name, **look)


def _kind(trial: "Trial", best: "Trial | None") -> int:
    if trial == best:
        return BEST
    return DONE if trial.state == COMPLETE else GIVEN_UP


def _places(axes: Any, direction: str, dimension: "Dimension", trials: "Sequence[Trial]") -> list[float]:
    """Return where the values of trials are on the axis x or y, and set its ticks; choices have equal distances."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis = getattr(axes, f"{direction}axis")
    values = [trial.values[dimension.field] for trial in trials]
    if dimension.choices is not None:
        axis.set_ticks(range(len(dimension.choices)), [setting_value(choice) for choice in dimension.choices])
        return [float(dimension.choices.index(value)) for value in values]
    if dimension.log:
        axes.set(**{f"{direction}scale": "log"})
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: setting_value(float(f"{value:.2g}"))))
        axis.set_minor_formatter(NullFormatter())
    return [float(value) for value in values]


def _evenly(places: Sequence[float], dimension: "Dimension") -> list[float]:
    """Return places between 0 and 1, as far apart as they look."""
    seen = [math.log(place) for place in places] if dimension.log else list(places)
    low, high = min(seen), max(seen)
    return [(place - low) / (high - low) for place in seen]


def _most_important_pair(
    dimensions: "Sequence[Dimension]", importances: dict[str, float], done: "Sequence[Trial]"
) -> "tuple[Dimension, Dimension] | None":
    """Return the two most important settings whose values span an area; None if there are too few trials."""
    complete = [trial for trial in done if trial.state == COMPLETE]
    by_field = {dimension.field: dimension for dimension in dimensions}
    varied = [field for field in importances if len({trial.values.get(field) for trial in complete}) > 2]
    if len(complete) < MIN_FOR_CONTOURS or len(varied) < 2:
        return None
    return by_field[varied[0]], by_field[varied[1]]
