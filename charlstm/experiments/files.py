"""The files of a comparison: a run folder for each run, and the results as JSON and CSV."""

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

from charlstm.atomic_files import write_atomically
from charlstm.experiments.final_test import FinalTest
from charlstm.experiments.outcomes import Outcome, summarize
from charlstm.experiments.plan import PLAN_FILE, ComparisonPlan
from charlstm.experiments.single_run import run_below
from charlstm.storage.lock import LOCK_FILE
from charlstm.storage.run_folder import RunFolder

JSON_FILE, CSV_FILE, PLOT_FILE = "comparison.json", "comparison.csv", "comparison.svg"


def run_folder(folder: Path, cell: str, repeat: int) -> RunFolder:
    """Return the folder of one run, such as `lstm-1`. Raises RunError if a link to another place is there."""
    return run_below(folder, f"{cell.replace(':', '-')}-{repeat + 1}")


def results_to_json(plan: ComparisonPlan, outcomes: list[Outcome], test: FinalTest | None = None) -> dict[str, Any]:
    """Return the content of comparison.json."""
    results = {
        "plan": plan.to_json(),
        "cells": [summary.to_json() for summary in summarize(outcomes)],
        "trainings": [outcome.to_json() | {"curve": outcome.curve} for outcome in outcomes],
    }
    return results | ({"test": test.to_json()} if test else {})


def write_results(folder: Path, plan: ComparisonPlan, outcomes: list[Outcome], test: FinalTest | None = None) -> None:
    """Write the outcomes so far, at least one, as JSON and CSV; the test, which comes at the end, only as JSON."""
    content = json.dumps(results_to_json(plan, outcomes, test), indent=2) + "\n"
    write_atomically(folder / JSON_FILE, content.encode())
    rows = [outcome.to_json() for outcome in outcomes]
    table = io.StringIO()
    writer = csv.DictWriter(table, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(folder / CSV_FILE, table.getvalue().encode())


def remove_comparison(folder: Path, plan: ComparisonPlan) -> None:
    """Remove the runs and results of a comparison, and nothing else. Raises RunError if a run is a link."""
    runs = [run_folder(folder, cell, repeat) for repeat in range(plan.num_repeats) for cell in plan.cells]
    for name in (PLAN_FILE, JSON_FILE, CSV_FILE, PLOT_FILE):
        (folder / name).unlink(missing_ok=True)
    RunFolder(folder).remove_logs()
    for run in runs:
        if run.path.is_dir():
            run.clear()
            if all(path.name == LOCK_FILE for path in run.path.iterdir()):
                shutil.rmtree(run.path)
