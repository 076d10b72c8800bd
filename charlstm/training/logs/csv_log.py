"""A log in one CSV file, a row for each evaluation."""

import csv
import io
from collections.abc import Sequence

from charlstm.training.evaluation_files import EvaluationFile
from charlstm.training.history import Evaluation
from charlstm.training.logs.logged_run import FIGURES, LoggedRun, figures

COLUMNS = ("step", *FIGURES)


class CSVLog:
    """Writes log.csv in the run folder; like the history, it holds what the checkpoint holds after a resume."""

    def __init__(self, run: LoggedRun) -> None:
        self._file = EvaluationFile(run.folder.csv_log, csv_row)

    def write(self, evaluations: Sequence[Evaluation]) -> None:
        """Append the rows that the file lacks. Raises RunError if it cannot be written."""
        self._file.write(evaluations)

    def close(self, *, finished: bool) -> None:
        """Do nothing: each row is on disk."""


def csv_row(index: int, evaluation: Evaluation) -> bytes:
    """Return the row of an evaluation, the first one below the names of the columns."""
    table = io.StringIO()
    writer = csv.DictWriter(table, COLUMNS, lineterminator="\n")  # a figure that is not known is empty
    if index == 0:
        writer.writeheader()
    writer.writerow({"step": evaluation.step} | figures(evaluation))
    return table.getvalue().encode()
