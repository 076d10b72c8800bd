"""What a network wrote at its evaluations: one after the other, or side by side."""

import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any

from rich.cells import cell_len, chop_cells

from charlstm.cli.display.messages import loss, terminal_width, visible
from charlstm.cli.display.rows import NO_BREAK_SPACE
from charlstm.storage.evaluations import EvaluationFigures

MIN_COLUMN_WIDTH = 24
COLUMN_GAP = "  "
TAB_WIDTH = 4
NOTHING_TO_SEE = "(only blanks and line ends)"


@dataclass(frozen=True)
class RecordedSample:
    """A sample, and the figures of its evaluation if the history has them."""

    step: int
    text: str
    figures: EvaluationFigures | None
    is_best: bool = False
    names_network: bool = False  # in a run with several

    def heading(self) -> list[str]:
        """Describe the evaluation in a few parts."""
        parts = [f"step {self.step:,}{', best' if self.is_best else ''}"]
        if self.figures:
            parts += [f"network {self.figures.network}"] if self.names_network else []
            parts += [f"epoch {self.figures.epoch:.2f}", f"training {loss(self.figures.train_nats)}"]
            parts += [f"validation {loss(self.figures.validation_nats)}"]
        return parts

    def to_json(self) -> dict[str, Any]:
        figures = vars(self.figures) if self.figures else {"step": self.step}
        return {**figures, "best": self.is_best, "sample": self.text.encode("utf-8", "replace").decode()}


def num_columns() -> int:
    """Return how many samples fit side by side."""
    return max(1, (terminal_width() + len(COLUMN_GAP)) // (MIN_COLUMN_WIDTH + len(COLUMN_GAP)))


def sample_list(samples: Sequence[RecordedSample]) -> str:
    """Return the samples one after the other; on a terminal broken at spaces, with control characters escaped."""
    is_terminal = sys.stdout.isatty()
    parts = []
    for sample in samples:
        heading, text = f"--- {', '.join(sample.heading())} ---", sample.text
        if is_terminal:
            whole = "--- " + ", ".join(part.replace(" ", NO_BREAK_SPACE) for part in sample.heading()) + " ---"
            heading = "\n".join(_lines_of([whole], terminal_width())).replace(NO_BREAK_SPACE, " ")
            text = "\n".join(_lines_of(printable_lines(text), terminal_width()))
        parts.append(f"{heading}\n{text}\n")
    return "\n".join(parts)


def sample_columns(samples: Sequence[RecordedSample]) -> Iterator[str]:
    """Yield the lines of the samples side by side, each in a column of equal width, with control characters escaped."""
    width = (terminal_width() + len(COLUMN_GAP)) // max(1, len(samples)) - len(COLUMN_GAP)
    width = max(1, width)
    headings = [_lines_of(sample.heading(), width) for sample in samples]
    height = max(map(len, headings))
    columns = [
        [*heading, *[""] * (height - len(heading)), "-" * width, *_lines_of(printable_lines(sample.text), width)]
        for heading, sample in zip(headings, samples, strict=True)
    ]
    for cells in zip_longest(*columns, fillvalue=""):
        yield COLUMN_GAP.join(cell + " " * (width - cell_len(cell)) for cell in cells).rstrip()


def printable_lines(text: str) -> list[str]:
    """Return the lines of a generated text for a terminal, with a note in place of one that has nothing to see."""
    return visible(text.expandtabs(TAB_WIDTH), keep="\n").split("\n") if text.strip() else [NOTHING_TO_SEE]


def _lines_of(lines: Sequence[str], width: int) -> list[str]:
    """Break lines at spaces where that is possible, so that none takes more than `width` columns."""
    wrapped = chain.from_iterable(textwrap.wrap(line, width, break_on_hyphens=False) or [""] for line in lines)
    return list(chain.from_iterable(_chopped(line, width) for line in wrapped))


def _chopped(line: str, width: int) -> list[str]:
    """Break a line of characters that take two columns."""
    return chop_cells(line, width) if cell_len(line) > width > 1 else [line]
