"""Line plots in the terminal, with plotext; `pictures` draws the same into image files."""

import math
import string
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len

from charlstm.cli.display.messages import draws_ascii

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


def terminal_plot(panel: Panel, *, width: int, height: int = 18, colours: bool = True) -> str:
    """Draw a panel with characters; the labels of a logarithmic axis are powers of ten.

    The names of the lines stand above it: plotext would write them over the beginning of the lines.
    """
    import plotext

    panel = in_millions(panel)
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


def in_millions(panel: Panel) -> Panel:
    """Return the panel with positions in millions, if there are so large ones."""
    largest = max((x for line in panel.lines for x in line.x), default=0)
    if largest < MILLION:
        return panel
    lines = [replace(line, x=[x / MILLION for x in line.x]) for line in panel.lines]
    return replace(panel, lines=lines, x_label=f"million {panel.x_label}")
