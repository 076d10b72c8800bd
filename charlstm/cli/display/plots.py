"""Lines over an axis: in the terminal with plotext, in a file with matplotlib."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from charlstm.atomic_files import open_atomically
from charlstm.errors import SettingError

KINDS = (".png", ".svg", ".pdf")
COLOURS = ("blue", "red", "green", "magenta", "cyan", "orange", "gray", "black")


@dataclass(frozen=True)
class Line:
    """A named line; lines of one name have one colour, and all but the first are thin."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


@dataclass(frozen=True)
class Panel:
    """Lines in one pair of axes."""

    lines: Sequence[Line]
    title: str
    x_label: str
    y_label: str
    log_y: bool = False


def refuse_unknown_kind(path: Path | None) -> None:
    """Raises SettingError for a file that is no picture by its name."""
    if path is not None and path.suffix.lower() not in KINDS:
        raise SettingError(f"{path} is not a picture's name", hint=f"give it one of these endings: {', '.join(KINDS)}")


def terminal_plot(panel: Panel, *, width: int, height: int = 18, colours: bool = True) -> str:
    """The panel in characters; with a logarithmic axis the labels are powers of ten."""
    import plotext

    plotext.clear_figure()
    plotext.plot_size(width, height)
    plotext.theme("clear")
    names = list(dict.fromkeys(line.name for line in panel.lines))
    for line in panel.lines:
        points = [
            (x, y) for x, y in zip(line.x, line.y, strict=True) if math.isfinite(y) and (not panel.log_y or y > 0)
        ]
        heights = [math.log10(y) if panel.log_y else y for _, y in points]
        colour = COLOURS[names.index(line.name) % len(COLOURS)] if colours else None
        plotext.plot([x for x, _ in points], heights, label=line.name, marker="braille", color=colour)
    plotext.title(panel.title)
    plotext.xlabel(panel.x_label)
    plotext.ylabel(f"{panel.y_label}, log10" if panel.log_y else panel.y_label)
    drawn: str = plotext.build()
    return drawn if colours else plotext.uncolorize(drawn)


def save_plot(path: Path, panels: Sequence[Panel]) -> None:
    """Draw panels side by side into a picture, whole or not at all."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(panels), figsize=(7 * len(panels), 4.5), squeeze=False)
    for panel, axis in zip(panels, axes[0], strict=True):
        names = list(dict.fromkeys(line.name for line in panel.lines))
        seen: set[str] = set()
        for line in panel.lines:
            again = line.name in seen
            seen.add(line.name)
            axis.plot(
                line.x,
                line.y,
                color=f"C{names.index(line.name) % 10}",
                linestyle=("-", "--", ":")[names.index(line.name) // 10 % 3],
                label=None if again else line.name,
                linewidth=0.8 if again else 1.6,
            )
        axis.set(title=panel.title, xlabel=panel.x_label, ylabel=panel.y_label)
        axis.set_yscale("log" if panel.log_y else "linear")
        axis.grid(alpha=0.3)
        axis.legend(fontsize="small")
    figure.tight_layout()
    try:
        with open_atomically(path) as file:
            figure.savefig(file, format=path.suffix[1:].lower())
    finally:
        pyplot.close(figure)
