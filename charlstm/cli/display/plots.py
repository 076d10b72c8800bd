"""Line plots: in the terminal with plotext, in an image file with matplotlib."""

import io
import math
import string
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.cells import cell_len

from charlstm.atomic_files import write_atomically
from charlstm.cli.display.messages import draws_ascii
from charlstm.errors import RunError, SettingError

IMAGE_FORMATS = (".png", ".svg", ".pdf")
COLOURS = (
    33,
    202,
    34,
    163,
    37,
    136,
    99,
    244,
    160,
    64,
    95,
    67,
)  # of 256; visible on black and on white
MARKERS = (*"\u2022x+*o#%@&=", *string.ascii_uppercase)  # of lines without colours
ASCII = str.maketrans(  # the first marker, and frames
    "\u2022\u2502\u2500\u250c\u2510\u2514\u2518\u2524\u251c\u252c\u2534\u253c", ".|-+++++++++"
)
MILLION = 1e6  # from here on Matplotlib would write an exponent at the axis
PICTURE_DPI = 150  # of a .png file
FOREGROUND, BACKGROUND = "#e6e6e6", "#111111"  # of a dark picture
DARK: dict[Any, Any] = {  # settings of matplotlib
    **dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor", "legend.facecolor"), BACKGROUND),
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), FOREGROUND),
    "grid.color": FOREGROUND,
}


@dataclass(frozen=True)
class Line:
    """A named line; lines with the same name have the same colour, and all but the first are thin."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    marked: int | None = None  # index of a point that a picture marks with a dot


@dataclass(frozen=True)
class Panel:
    """Lines in one pair of axes."""

    lines: Sequence[Line]
    title: str
    x_label: str
    y_label: str
    log_y: bool = False

    @property
    def names(self) -> list[str]:
        """The names of the lines, each once."""
        return list(dict.fromkeys(line.name for line in self.lines))


def check_image_format(path: Path | None) -> None:
    """Raise SettingError if the ending of a file is not that of an image format."""
    if path is not None and path.suffix.lower() not in IMAGE_FORMATS:
        raise SettingError(
            f"{path} is not the name of an image file", hint=f"use one of these endings: {', '.join(IMAGE_FORMATS)}"
        )


def check_folder_of(path: Path) -> None:
    """Raise RunError if there is no folder for a picture: it is drawn when all the work is done."""
    if not path.parent.is_dir():
        raise RunError(f"there is no folder {path.parent} for the plot", hint="create it first")


def terminal_plot(panel: Panel, *, width: int, height: int = 18, colours: bool = True) -> str:
    """Draw a panel with characters; the labels of a logarithmic axis are powers of ten.

    The names of the lines stand above it: plotext would write them over the beginning of the lines.
    """
    import plotext

    panel = _in_millions(panel)
    heading = _heading(panel, width=width, colours=colours)
    plotext.clear_figure()
    plotext.plot_size(width, height - len(heading))
    plotext.theme("clear")
    for line in panel.lines:
        points = [
            (x, y) for x, y in zip(line.x, line.y, strict=True) if math.isfinite(y) and (not panel.log_y or y > 0)
        ]
        heights = [math.log10(y) if panel.log_y else y for _, y in points]
        number = panel.names.index(line.name)
        marker = "braille" if colours and not draws_ascii() else MARKERS[number % len(MARKERS)]
        colour = COLOURS[number % len(COLOURS)] if colours else None
        plotext.plot([x for x, _ in points], heights, marker=marker, color=colour)
    plotext.xlabel(panel.x_label)
    plotext.ylabel(f"{panel.y_label}, log10" if panel.log_y else panel.y_label)
    plot: str = plotext.build().rstrip("\n")
    plot = "\n".join([*heading, plot if colours else plotext.uncolorize(plot)])
    return plot.translate(ASCII) if draws_ascii() else plot


def _heading(panel: Panel, *, width: int, colours: bool) -> list[str]:
    """Return the title and the names of the lines with their markers or in their colours."""
    import plotext

    rows, columns = [panel.title], cell_len(panel.title)
    for number, name in enumerate(panel.names):
        entry = f"{MARKERS[0] if colours else MARKERS[number % len(MARKERS)]} {name}"
        if columns + 2 + cell_len(entry) > width:
            rows, columns = [*rows, ""], -2
        columns += 2 + cell_len(entry)
        entry = plotext.colorize(entry, COLOURS[number % len(COLOURS)]) if colours else entry
        rows[-1] += f"  {entry}" if rows[-1] else entry
    return rows


def save_plot(path: Path, panels: Sequence[Panel], *, dark: bool = False) -> None:
    """Draw panels side by side into an image file; raises RunError, and leaves no part of it, if that fails."""
    import matplotlib as mpl
    from matplotlib.figure import Figure  # pyplot and matplotlib.style take longer to import

    image = io.BytesIO()
    with mpl.rc_context(DARK if dark else {}):
        figure = Figure(figsize=(7 * len(panels), 4.5), dpi=PICTURE_DPI, layout="tight")
        for panel, axes in zip(panels, figure.subplots(1, len(panels), squeeze=False)[0], strict=True):
            _draw(_in_millions(panel), axes)
        figure.savefig(image, format=path.suffix[1:].lower())
    write_atomically(path, image.getvalue(), follow_links=True)


def _in_millions(panel: Panel) -> Panel:
    """Return the panel with positions in millions, if there are so large ones."""
    largest = max((x for line in panel.lines for x in line.x), default=0)
    if largest < MILLION:
        return panel
    lines = [replace(line, x=[x / MILLION for x in line.x]) for line in panel.lines]
    return replace(panel, lines=lines, x_label=f"million {panel.x_label}")


def _draw(panel: Panel, axes: Any) -> None:
    labelled: set[str] = set()
    for line in panel.lines:
        number, is_first = panel.names.index(line.name), line.name not in labelled
        labelled.add(line.name)
        axes.plot(
            line.x,
            line.y,
            color=f"C{number % 10}",
            linestyle=("-", "--", ":")[number // 10 % 3],
            label=line.name if is_first else None,
            linewidth=1.6 if is_first else 0.8,
            marker=None if line.marked is None else "o",
            markevery=None if line.marked is None else [line.marked],
        )
    axes.set(title=panel.title, xlabel=panel.x_label, ylabel=panel.y_label)
    axes.set_yscale("log" if panel.log_y else "linear")
    axes.ticklabel_format(axis="x" if panel.log_y else "both", style="plain", useOffset=False)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
