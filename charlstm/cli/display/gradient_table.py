"""Gradient norms over distance: plots, a table of some distances, and a sentence on what is seen."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from charlstm.cli.display import plots
from charlstm.cli.display.messages import shows_colours, terminal_size
from charlstm.cli.display.rows import output_width
from charlstm.figures import plain

if TYPE_CHECKING:
    from charlstm.analysis.gradient_probe import GradientNorms, Norms

DISTANCES = (1, 10, 50, 100, 200, 300)  # characters back
MAX_PLOT_WIDTH = 100  # columns
MIN_PLOT_HEIGHT, MAX_PLOT_HEIGHT = 10, 20  # rows
ROWS_BELOW = 2  # for the next prompt, and a line above the plot
NORM_WIDTH = 9  # columns
STEADY = 1.0  # orders of magnitude; a gradient that changes by less is said to stay

Results = Mapping[str, "GradientNorms"]


def gradient_panels(results: Results, title: str) -> list[plots.Panel]:
    """Return a panel for the hidden state, and one for the cell state if a network has one."""
    panels = []
    for field, state in (("hidden", "hidden state"), ("cell", "cell state")):
        lines = [
            plots.Line(name, result.characters_back.tolist(), getattr(result, field).tolist())
            for name, result in results.items()
            if getattr(result, field) is not None
        ]
        if lines:
            panels.append(plots.Panel(lines, f"{title}, {state}", "characters back", "norm", log_y=True))
    return panels


def gradient_report(results: Results, title: str, finding: str, *, with_cell_state: bool = True) -> str:
    """Return one terminal plot of all states, the table, and what is seen; together they fit the terminal."""
    if not with_cell_state:
        results = {name: replace(result, cell=None) for name, result in results.items()}
    columns, rows = terminal_size()
    width = min(MAX_PLOT_WIDTH, columns)
    below = [*table_lines(results), *textwrap.wrap(finding, width)]
    height = min(MAX_PLOT_HEIGHT, max(MIN_PLOT_HEIGHT, rows - len(below) - ROWS_BELOW))
    plot = plots.terminal_plot(_joint_panel(results, title), width=width, height=height, colours=shows_colours())
    return "\n".join([plot, *below])


def fall_line(results: Results) -> str:
    """Say by how many orders of magnitude the gradient of each network falls or grows; nothing for one distance."""
    distances = next(iter(results.values())).characters_back
    if len(distances) < 2:
        return ""
    orders = {name: result.orders_lost for name, result in results.items() if not math.isnan(result.orders_lost)}
    falls = {name: lost for name, lost in orders.items() if lost >= STEADY}
    grows = {name: -lost for name, lost in orders.items() if lost <= -STEADY}
    stays = [name for name, lost in orders.items() if abs(lost) < STEADY]
    parts = [f"falls by {_orders(falls)}"] if falls else []
    parts += [f"grows by {_orders(grows)}"] if grows else []
    parts += [f"stays within one order of magnitude in {_listed(stays)}"] if stays else []
    return (
        f"From {distances[0]} to {distances[-1]} characters back the gradient {'; it '.join(parts)}." if parts else ""
    )


def growth_line(results: Results) -> str:
    """Say how the gradient at the last distance differs between the first network and the last."""
    steps = list(results)
    first, last = steps[0], steps[-1]
    before, after = results[first], results[last]
    one, other = float(before.hidden[-1]), float(after.hidden[-1])
    line = f"{after.characters_back[-1]} characters back the gradient is {one:.1e} at {first}"
    if len(results) == 1:
        return f"{line}."
    line += f" and {other:.1e} at {last}"
    if not (0 < one < math.inf and 0 < other < math.inf):
        return f"{line}."
    factor = max(one, other) / min(one, other)
    return f"{line}: it has {'grown' if other > one else 'fallen'} {plain(factor, digits=2)} times."


def table_lines(results: Results) -> list[str]:
    """Return a line per network and state with the norms at DISTANCES; on a narrow terminal one table below another."""
    reached = max(int(result.characters_back[-1]) for result in results.values())
    distances = [distance for distance in DISTANCES if distance <= reached]
    name_width = max(len("back"), max(map(len, results)) + 4)
    per_table = max(1, ((output_width() or MAX_PLOT_WIDTH) - name_width) // NORM_WIDTH)
    lines = []
    for first in range(0, len(distances), per_table):
        lines += _table(results, distances[first : first + per_table], name_width)
    return lines


def _joint_panel(results: Results, title: str) -> plots.Panel:
    """Return one panel with a line for each network and state, named as in the table."""
    lines = [
        plots.Line(name, result.characters_back.tolist(), norms.tolist())
        for network, result in results.items()
        for name, norms in _named_norms(network, result)
    ]
    return plots.Panel(lines, title, "characters back", "norm", log_y=True)


def _named_norms(network: str, result: "GradientNorms") -> "list[tuple[str, Norms]]":
    return [
        (f"{network}, {state}", norms)
        for state, norms in (("h", result.hidden), ("c", result.cell))
        if norms is not None
    ]


def _table(results: Results, distances: Sequence[int], name_width: int) -> list[str]:
    lines = ["back".ljust(name_width) + "".join(f"{distance:>{NORM_WIDTH}}" for distance in distances)]
    for network, result in results.items():
        for name, norms in _named_norms(network, result):
            by_distance = dict(zip(result.characters_back.tolist(), norms.tolist(), strict=True))
            columns = "".join(f"{by_distance[distance]:>{NORM_WIDTH}.1e}" for distance in distances)
            lines.append(f"{name:<{name_width}}{columns}")
    return lines


def _orders(by_network: Mapping[str, float]) -> str:
    """Return orders of magnitude with the networks that they belong to."""
    unit, items = " orders of magnitude", []
    for name, orders in by_network.items():
        if math.isfinite(orders):
            items.append(f"{orders:.1f}{unit} in {name}")
            unit = ""
        else:
            items.append(f"more than a number can hold in {name}")
    return _listed(items)


def _listed(items: Sequence[str]) -> str:
    return " and ".join([*filter(None, [", ".join(items[:-1])]), items[-1]])
