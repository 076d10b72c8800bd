"""A table of text: columns that are as wide as their widest cell, numbers to the right, and the last one cut."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

GAP = "  "
MIN_LAST_WIDTH = 8  # columns of a last column that is cut; narrower, it is left out


@dataclass(frozen=True)
class Column:
    """The title and the cells of a column."""

    title: str
    cells: Sequence[str]
    is_number: bool = True


def table(columns: Sequence[Column], *, width: int | None, cuts_last: bool = False) -> list[str]:
    """Return a heading and a line for each row, for a width in columns; None: lines may have any length.

    Columns that do not fit are left out, the last ones first. With `cuts_last` the last one has what the others leave.
    """
    last = columns[-1] if cuts_last else None
    aligned = [_aligned(column) for column in (columns[:-1] if cuts_last else columns)]
    while width and len(aligned) > 1 and _total_width(aligned) > width:
        aligned.pop()
    lines = [GAP.join(cells) for cells in zip(*aligned, strict=True)]
    left = None if width is None else width - _total_width(aligned) - len(GAP)
    if last is not None and (left is None or left >= MIN_LAST_WIDTH):
        ends = [_cut(cell, left) for cell in (last.title, *last.cells)]
        lines = [f"{line}{GAP}{end}" for line, end in zip(lines, ends, strict=True)]
    return [line.rstrip() for line in lines]


def _total_width(aligned: Sequence[Sequence[str]]) -> int:
    return sum(cell_len(cells[0]) for cells in aligned) + len(GAP) * (len(aligned) - 1)


def _aligned(column: Column) -> list[str]:
    cells = [column.title, *column.cells]
    width = max(map(cell_len, cells))
    padded = [" " * (width - cell_len(cell)) for cell in cells]
    return [padding + cell if column.is_number else cell + padding for padding, cell in zip(padded, cells, strict=True)]


def _cut(cell: str, width: int | None) -> str:
    return cell if width is None or cell_len(cell) <= width else set_cell_size(cell, width - 1) + "\u2026"
