"""A list of runs: a table that fits the terminal, or JSON."""

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.filesize import decimal

from charlstm.cli.display.messages import clock, terminal_width, visible
from charlstm.storage.run_summary import RunSummary
from charlstm.storage.shipped_models import shipped_name

MIN_NAME_WIDTH = 8  # columns of a name that is shortened to fit the terminal
GAP = "  "


@dataclass(frozen=True)
class Column:
    """A column: its title, what it shows, and how early it is left out of a narrow terminal."""

    title: str
    show: Callable[[RunSummary], str]
    importance: int  # columns of low importance are left out first
    is_number: bool = False


def _bits(run: RunSummary) -> str:
    return "" if run.validation_nats is None else f"{run.validation_nats / math.log(2):.4f}"


def _network(run: RunSummary) -> str:
    members = f", {run.num_members} members" if run.num_members > 1 else ""
    return f"{run.cell} {run.num_layers}x{run.units}{members}" if run.cell else ""


def _time(run: RunSummary) -> str:
    return "" if run.seconds is None else clock(run.seconds)


def _date(run: RunSummary) -> str:
    return "" if run.started is None else f"{run.started:%Y-%m-%d %H:%M}"


def _started_from(run: RunSummary) -> str:
    """Return the name of the run that a run started from, or the name of the model file."""
    path = Path(run.start_from or "")
    if name := shipped_name(path):
        return name
    return path.parent.name if path.name == "model.safetensors" else path.name


COLUMNS = (
    Column("name", lambda run: run.name, 9),
    Column("state", lambda run: run.state, 7),
    Column("bits", _bits, 8, is_number=True),
    Column("text", lambda run: run.text or "", 6),
    Column("network", _network, 3),
    Column("time", _time, 4, is_number=True),
    Column("date", _date, 5),
    Column("size", lambda run: decimal(run.num_bytes), 2, is_number=True),
    Column("started from", _started_from, 1),
)


def table_lines(runs: Sequence[RunSummary]) -> list[str]:
    """Return a heading and a line per run. On a terminal they fit its width; elsewhere they have all columns."""
    columns = [(column, [column.title, *(visible(column.show(run)) for run in runs)]) for column in COLUMNS]
    columns = [(column, cells) for column, cells in columns if any(cells[1:])]
    width = terminal_width() if sys.stdout.isatty() else None
    while width and _total_width(columns) > width and len(columns) > 2:
        columns.remove(min(columns, key=lambda entry: entry[0].importance))
    widths = [max(map(cell_len, cells)) for _, cells in columns]
    if width:
        too_wide = sum(widths) + len(GAP) * (len(widths) - 1) - width
        widths[0] = max(min(widths[0], MIN_NAME_WIDTH), widths[0] - max(0, too_wide))
    rows = zip(*(cells for _, cells in columns), strict=True)
    return [
        GAP.join(
            _fitted(cell, size, is_number=column.is_number)
            for cell, size, (column, _) in zip(row, widths, columns, strict=True)
        ).rstrip()
        for row in rows
    ]


def _total_width(columns: Sequence[tuple[Column, Sequence[str]]]) -> int:
    widths = [MIN_NAME_WIDTH if column.title == "name" else max(map(cell_len, cells)) for column, cells in columns]
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _fitted(cell: str, width: int, *, is_number: bool) -> str:
    if cell_len(cell) > width:
        return set_cell_size(cell, width - 1) + "\u2026"
    padding = " " * (width - cell_len(cell))
    return padding + cell if is_number else cell + padding


def run_to_json(run: RunSummary) -> dict[str, Any]:
    """Return everything that is known of a run; the loss in bits as well."""
    bits = None if run.validation_nats is None else run.validation_nats / math.log(2)
    values = vars(run) | {"path": str(run.path), "validation_bits": bits}
    return values | {"started": run.started and run.started.isoformat(timespec="seconds")}
