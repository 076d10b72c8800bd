"""Line plots in image files, with matplotlib: one style for all of them.

Names stand at the ends of the lines. Lines differ in colour and in their dashes, so that they can be told apart in
grey and with any colour vision.
"""

import io
import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from charlstm.atomic_files import write_atomically
from charlstm.cli.display.plots import Line, Panel, in_millions
from charlstm.errors import RunError, SettingError
from charlstm.libraries import library_imports

IMAGE_FORMATS = (".png", ".svg", ".pdf")
PICTURE_DPI = 150  # of a .png file
PANEL_SIZE = 7.0, 4.5  # inches
MIN_FONT_SIZE, MAX_FONT_SIZE = 4.0, 40.0  # points
TITLE_WIDTH = 660.0  # characters of a title above a panel, times the font size
LINE_HEIGHT = 1.3  # of a label, in font sizes
LABEL_GAP = 0.03  # between a panel and its labels, as a share of its width
DASHES: tuple[Any, ...] = ("-", (0, (6, 2)), (0, (1, 1.2)), (0, (6, 2, 1, 2)), (0, (3, 1.5)), (0, (6, 2, 1, 2, 1, 2)))
# Okabe and Ito 2008, without those that cannot be seen on the background
LIGHT_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#000000", "#cc79a7", "#56b4e9")
DARK_COLOURS = ("#56b4e9", "#e69f00", "#009e73", "#f0e442", "#cc79a7", "#ffffff")
FOREGROUND, BACKGROUND = "#e6e6e6", "#111111"  # of a dark picture
DARK: dict[Any, Any] = {  # settings of matplotlib
    **dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor", "legend.facecolor"), BACKGROUND),
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), FOREGROUND),
    "grid.color": FOREGROUND,
}


Looks = Mapping[str, dict[str, Any]]  # how matplotlib draws the lines of each name


@dataclass(frozen=True)
class PictureStyle:
    """What a user may choose about a picture."""

    dark: bool = False
    font_size: float = 10.0  # points, of all text; the picture stays as large as it is

    def __post_init__(self) -> None:
        if not MIN_FONT_SIZE <= self.font_size <= MAX_FONT_SIZE:
            raise SettingError(
                f"`font_size` is {self.font_size:g}, but it must be from {MIN_FONT_SIZE:g} to {MAX_FONT_SIZE:g}",
                hint="10 is the usual size, 18 is legible from afar",
            )

    @property
    def settings(self) -> dict[Any, Any]:
        """The settings of matplotlib."""
        return {"font.size": self.font_size} | (DARK if self.dark else {})

    def line(self, number: int) -> dict[str, Any]:
        """Return how the line of a number is drawn: 36 different ways."""
        colours = DARK_COLOURS if self.dark else LIGHT_COLOURS
        return {
            "color": colours[number % len(colours)],
            "linestyle": DASHES[(number + number // len(colours)) % len(DASHES)],
        }


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


@contextmanager
def new_picture(path: Path, style: PictureStyle, *, columns: int, rows: int = 1) -> Iterator[Any]:
    """Yield a figure of matplotlib, as large as so many panels, that is written into an image file at the end.

    Raises RunError, and leaves no part of the file, if that fails.
    """
    with library_imports("Matplotlib", "matplotlib", without="plot draws in the terminal without it"):
        import matplotlib as mpl
        from matplotlib.figure import Figure  # pyplot and matplotlib.style take longer to import

    image = io.BytesIO()
    width, height = PANEL_SIZE
    with mpl.rc_context(style.settings):
        figure = Figure(figsize=(width * columns, height * rows), dpi=PICTURE_DPI, layout="tight")
        yield figure
        figure.savefig(image, format=path.suffix[1:].lower())
    write_atomically(path, image.getvalue(), follow_links=True)


def save_plot(path: Path, panels: Sequence[Panel], style: PictureStyle | None = None) -> None:
    """Draw panels side by side into an image file; raises RunError, and leaves no part of it, if that fails.

    A name is drawn in the same way in all of them, and panels of the same unit have the same vertical axis.
    """
    style = style or PictureStyle()
    with new_picture(path, style, columns=len(panels)) as figure:
        has_one_unit = len({(panel.y_label, panel.log_y) for panel in panels}) == 1
        all_axes = figure.subplots(1, len(panels), squeeze=False, sharey=has_one_unit)[0]
        panels = [in_millions(panel) for panel in panels]
        names = list(dict.fromkeys(name for panel in panels for name in panel.names))
        looks = {name: style.line(number) for number, name in enumerate(names)}
        for panel, axes in zip(panels, all_axes, strict=True):
            _draw(panel, axes, looks, title_width=int(TITLE_WIDTH / style.font_size))
        figure.draw_without_rendering()  # the labels need the size of the axes
        for panel, axes in zip(panels, all_axes, strict=True):
            _label(panel, axes, looks, font_size=style.font_size)


def clear_frame(axes: Any) -> None:
    """Draw a pair of axes in the style of all pictures: two sides, and a faint grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)


def _draw(panel: Panel, axes: Any, looks: Looks, *, title_width: int) -> None:
    drawn: set[str] = set()
    for line in panel.lines:
        is_first = line.name not in drawn
        drawn.add(line.name)
        axes.plot(
            line.x,
            line.y,
            **looks[line.name],
            label=line.name if is_first else None,
            linewidth=1.8 if is_first else 0.8,
            marker=None if line.marked is None else "o",
            markevery=None if line.marked is None else [line.marked],
        )
    axes.set(title=textwrap.fill(panel.title, title_width), xlabel=panel.x_label, ylabel=panel.y_label)
    axes.set_yscale("log" if panel.log_y else "linear")
    axes.ticklabel_format(axis="x" if panel.log_y else "both", style="plain", useOffset=False)
    clear_frame(axes)


def _label(panel: Panel, axes: Any, looks: Looks, *, font_size: float) -> None:
    """Write each name beside the end of its line; of more names than fit there, a legend."""
    height = axes.get_window_extent().height * 72 / axes.figure.dpi  # points
    gap = LINE_HEIGHT * font_size / height
    ends = {name: _end(panel, next(line for line in panel.lines if line.name == name)) for name in panel.names}
    if len(ends) * gap > 1 or None in ends.values():
        axes.legend(fontsize="small")
        return
    to_axes = axes.transData + axes.transAxes.inverted()
    wanted = [float(to_axes.transform(end)[1]) for end in ends.values()]
    for (name, end), place in zip(ends.items(), spread(wanted, gap), strict=True):
        colour = looks[name]["color"]
        axes.annotate(
            name,
            xy=end,
            xytext=(1 + LABEL_GAP, place),
            textcoords="axes fraction",
            color=colour,
            verticalalignment="center",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": colour,
                "linewidth": 0.6,
                "alpha": 0.5,
                "relpos": (0, 0.5),
                "shrinkA": 2,
                "shrinkB": 2,
            },
        )


def _end(panel: Panel, line: Line) -> tuple[float, float] | None:
    """Return the last point of a line that can be drawn, if there is one."""
    points = [(x, y) for x, y in zip(line.x, line.y, strict=True) if math.isfinite(y) and (y > 0 or not panel.log_y)]
    return points[-1] if points else None


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Move places within 0 to 1 as little as possible until each is at least `gap` from the next, in the same order.

    Neighbours that would overlap form a group around the mean of their places (pool adjacent violators).
    """
    order = sorted(range(len(places)), key=lambda index: places[index])
    groups: list[list[float]] = []  # of places, each less the gaps below it
    for number, index in enumerate(order):
        groups.append([places[index] - number * gap])
        while len(groups) > 1 and mean(groups[-2]) >= mean(groups[-1]):
            last = groups.pop()
            groups[-1] += last
    moved = [mean(group) for group in groups for _ in group]
    moved = [min(max(place, 0.0), 1 - gap * (len(places) - 1)) + number * gap for number, place in enumerate(moved)]
    return [place for _, place in sorted(zip(order, moved, strict=True))]
