"""Gradient norms over distance: plots, and a table of some distances."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from charlstm.cli.display import plots
from charlstm.cli.display.messages import shows_colours, terminal_width
from charlstm.cli.display.rows import output_width

if TYPE_CHECKING:
    from charlstm.analysis.gradient_probe import GradientNorms

DISTANCES = (1, 10, 50, 100, 200, 300)  # characters back
MAX_PLOT_WIDTH = 100  # columns
NORM_WIDTH = 9  # columns


def gradient_panels(results: "Mapping[str, GradientNorms]") -> list[plots.Panel]:
    """Return a panel for the hidden state, and one for the cell state if a network has one."""
    panels = []
    for field, state in (("hidden", "hidden state"), ("cell", "cell state")):
        lines = [
            plots.Line(name, result.characters_back.tolist(), getattr(result, field).tolist())
            for name, result in results.items()
            if getattr(result, field) is not None
        ]
        if lines:
            title = f"gradient with respect to the {state}"
            panels.append(plots.Panel(lines, title, "characters back", "norm", log_y=True))
    return panels


def gradient_report(results: "Mapping[str, GradientNorms]") -> str:
    """Return the panels as terminal plots, and the table."""
    width = min(MAX_PLOT_WIDTH, terminal_width())
    panels = [plots.terminal_plot(panel, width=width, colours=shows_colours()) for panel in gradient_panels(results)]
    return "\n\n".join([*panels, "\n".join(table_lines(results))])


def table_lines(results: "Mapping[str, GradientNorms]") -> list[str]:
    """Return a line per network and state with the norms at DISTANCES; on a narrow terminal one table below another."""
    reached = max(int(result.characters_back[-1]) for result in results.values())
    distances = [distance for distance in DISTANCES if distance <= reached]
    name_width = max(map(len, results)) + 4
    per_table = max(1, ((output_width() or MAX_PLOT_WIDTH) - name_width) // NORM_WIDTH)
    lines = ["norm, by characters back:"]
    for first in range(0, len(distances), per_table):
        lines += _table(results, distances[first : first + per_table], name_width)
    return lines


def _table(results: "Mapping[str, GradientNorms]", distances: Sequence[int], name_width: int) -> list[str]:
    lines = [" " * name_width + "".join(f"{distance:>{NORM_WIDTH}}" for distance in distances)]
    for name, result in results.items():
        for state, norms in (("h", result.hidden), ("c", result.cell)):
            if norms is not None:
                by_distance = dict(zip(result.characters_back.tolist(), norms.tolist(), strict=True))
                columns = "".join(f"{by_distance[distance]:>{NORM_WIDTH}.1e}" for distance in distances)
                lines.append(f"{f'{name}, {state}':<{name_width}}{columns}")
    return lines
